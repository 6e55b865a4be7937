"""SIEVE: a ring, a hand, and one mark an entry."""

from typing import Any

from bijou.algorithms.caches.policy import K, Policy, V
from bijou.algorithms.caches.rings import LinkedEntry, Ring


class MarkedEntry(LinkedEntry[K, V]):
    """An entry that remembers whether it was asked for."""

    __slots__ = ("asked",)
    asked: bool


class Sieve(Policy[K, MarkedEntry[K, V]]):
    """The first that nobody asked for since the hand last passed leaves.

    A hit sets one mark and moves nothing, so hits need no lock. Newcomers that
    nobody asks for again are found quickly, because those that were kept stay
    behind the hand.

    Cost: O(1) amortised; two references and a mark an entry.

    Source: Y. Zhang et al., "SIEVE is simpler than LRU", NSDI 2024, algorithm 1.
    """

    locks_hits = False

    def __init__(self) -> None:
        super().__init__(MarkedEntry)
        self._order: Ring[MarkedEntry[K, V]] = Ring()
        self._hand: Any = self._order.head

    def insert(self, entry: MarkedEntry[K, V]) -> None:
        """Take in as the newest, not asked for yet."""
        entry.asked = False
        self._index[entry.key] = entry
        self._order.append(entry)

    def touch(self, entry: MarkedEntry[K, V]) -> None:
        """Mark it."""
        entry.asked = True

    def remove(self, entry: MarkedEntry[K, V]) -> None:
        """Let go of it; the hand steps on where it pointed there."""
        if self._hand is entry:
            self._hand = entry.after
        del self._index[entry.key]
        self._order.unlink(entry)

    def evict(self) -> MarkedEntry[K, V]:
        """Let go of the first unmarked entry from the hand on, unmarking those it passes."""
        head = self._order.head
        entry: MarkedEntry[K, V] = self._hand
        while True:
            if entry is head:
                entry = head.after
            if not entry.asked:
                break
            entry.asked = False
            entry = entry.after
        self._hand = entry
        self.remove(entry)
        return entry
