"""What S3-FIFO would hold here, by name, whatever the real cache does."""

from typing import Any, Final

from bijou.algorithms.caches import S3Fifo
from bijou.algorithms.caches.s3fifo import QueuedEntry
from bijou.delivery.scanning import ScoredEntry

_MOST_ASKED: Final = 3


class QueuedNames:
    """S3-FIFO's queues over all requests, of names and sizes only.

    While the real cache lets go of what is `surplus` it holds what S3-FIFO
    holds. Where it did otherwise for a while, it comes back to that one object
    at a time, and each costs one miss at most: so no return is dearer than the
    bytes of the cache.

    Invariant: a real entry is queued here or is surplus, never both.
    Cost: 1 us a miss; a hit sets one small count.
    Memory: 380 bytes an object that S3-FIFO would hold, with what it remembers of those that left.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._policy: S3Fifo[str, Any] = S3Fifo()
        self._policy.fit(capacity)
        self._weight = 0
        self._surplus: dict[str, ScoredEntry] = {}

    def asked(self, entry: ScoredEntry) -> bool:
        """Put a request for a real entry to the queues; tell whether S3-FIFO would have held it."""
        queued = entry.queued
        if queued is None:
            queued = self._policy.find(entry.key)
            if queued is None:
                self._take_in(entry)
                return False
            queued.value, entry.queued = entry, queued
            self.reweigh(entry, entry.weight)
        if queued.asked < _MOST_ASKED:  # as S3-FIFO does, without the call
            queued.asked += 1
        return True

    def left(self, entry: ScoredEntry) -> None:
        """Note that an entry left the real cache; S3-FIFO may hold its name still."""
        self._surplus.pop(entry.key, None)
        if entry.queued is not None:
            entry.queued.value = None
            entry.queued = None

    def remove(self, entry: ScoredEntry) -> None:
        """Let go of an entry that left the real cache for another reason than room."""
        queued = entry.queued
        self.left(entry)
        if queued is not None:
            self._policy.remove(queued)
            self._weight -= queued.weight

    def reweigh(self, entry: ScoredEntry, weight: int) -> None:
        """Change the weight of a real entry's name."""
        if entry.queued is not None:
            self._weight += weight - entry.queued.weight
            self._policy.reweigh(entry.queued, weight)

    def surplus(self) -> ScoredEntry:
        """Return the real entry that S3-FIFO let go of first; it stays where it is."""
        while not self._surplus:
            self._let_go()
        return next(iter(self._surplus.values()))

    def _take_in(self, entry: ScoredEntry) -> None:
        self._surplus.pop(entry.key, None)
        queued: QueuedEntry[str, Any] = QueuedEntry(entry.key, entry, entry.weight)
        entry.queued = queued
        self._policy.insert(queued)
        self._weight += entry.weight
        while self._weight > self._capacity:
            self._let_go()

    def _let_go(self) -> None:
        queued = self._policy.evict()
        self._weight -= queued.weight
        entry = queued.value
        if entry is not None:
            queued.value = None
            entry.queued = None
            self._surplus[entry.key] = entry
