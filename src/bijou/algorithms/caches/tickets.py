"""Loads under way, so that what they bring is not stored over what came later."""

from threading import Lock
from typing import Generic

from bijou.algorithms.caches.policy import K


class Ticket(Generic[K]):
    """The right to store one key's value, until the key is written or removed, or all released it.

    Shared by all who load the key meanwhile; whoever comes after it became
    void gets another, so nobody is handed a value from before an invalidation.
    """

    __slots__ = ("holders", "is_void", "key")

    def __init__(self, key: K) -> None:
        self.key = key
        self.holders = 0
        self.is_void = False

    def __repr__(self) -> str:
        return f"Ticket({self.key!r})"


class Tickets(Generic[K]):
    """The open tickets of a cache.

    Threads: `hold` and `release` are safe; the rest is called under the lock.

    Args:
        lock: The cache's.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._open: dict[K, Ticket[K]] = {}

    def hold(self, key: K, *, only_first: bool = False) -> Ticket[K] | None:
        """Return the key's ticket; None where `only_first` and somebody has it already."""
        with self._lock:
            ticket = self._open.get(key)
            if ticket is None:
                ticket = self._open[key] = Ticket(key)
            elif only_first:
                return None
            ticket.holders += 1
            return ticket

    def release(self, ticket: Ticket[K]) -> None:
        """Give a ticket back; the last to do so voids it, as its load may go on all the same."""
        with self._lock:
            ticket.holders -= 1
            if not ticket.holders and not ticket.is_void:
                self.void(ticket.key)

    def void(self, key: K) -> None:
        """Let no load of the key that is under way be stored."""
        ticket = self._open.pop(key, None)
        if ticket is not None:
            ticket.is_void = True

    def void_all(self) -> None:
        """Let no load that is under way be stored."""
        for key in list(self._open):
            self.void(key)
