"""The least frequently used leaves, in constant time."""

from collections.abc import Iterator
from typing import Generic

from bijou.algorithms.caches.policy import K, Policy, V
from bijou.algorithms.caches.rings import LinkedEntry, Ring


class CountedEntry(LinkedEntry[K, V]):
    """An entry that knows the ring of those asked for as often."""

    __slots__ = ("tier",)
    tier: "_Tier[K, V]"


class Lfu(Policy[K, CountedEntry[K, V]]):
    """The least frequently used leaves; of equals, the least recently used.

    Wins on popularity that never changes; without ageing, what was popular
    once stays for ever.

    Cost: O(1): entries of one count form a ring, the rings form a list, and a
    touch moves an entry to the next ring.

    Args:
        ageing: Start new entries one above the count of the last evicted, so
            that what is no longer asked for is overtaken.

    Source: K. Shah, A. Mitra, D. Matani, "An O(1) algorithm for implementing
        the LFU cache eviction scheme", 2010; ageing as in LFU-DA, M. Arlitt
        et al., "Evaluating content management techniques for Web proxy
        caches", 2000.
    """

    def __init__(self, *, ageing: bool = False) -> None:
        super().__init__(CountedEntry)
        self._ageing = ageing
        self._age = 0
        self._floor: _Tier[K, V] = _Tier(0)

    def insert(self, entry: CountedEntry[K, V]) -> None:
        """Take in with a count of one, or of one above the age."""
        self._index[entry.key] = entry
        count, floor = self._age + 1, self._floor
        if floor.above.count == count - 1 and floor.above is not floor:
            floor = floor.above
        self._climb(entry, floor, count)

    def touch(self, entry: CountedEntry[K, V]) -> None:
        """Count one more."""
        tier = entry.tier
        tier.ring.unlink(entry)
        self._climb(entry, tier, tier.count + 1)
        tier.close_if_empty()

    def remove(self, entry: CountedEntry[K, V]) -> None:
        """Let go of it."""
        del self._index[entry.key]
        entry.tier.ring.unlink(entry)
        entry.tier.close_if_empty()

    def evict(self) -> CountedEntry[K, V]:
        """Let go of the least recent of the lowest count."""
        lowest = self._floor.above
        entry: CountedEntry[K, V] = lowest.ring.head.after
        if self._ageing:
            self._age = lowest.count
        self.remove(entry)
        return entry

    def __iter__(self) -> Iterator[CountedEntry[K, V]]:
        tier = self._floor.above
        while tier is not self._floor:
            yield from tier.ring
            tier = tier.above

    def _climb(self, entry: CountedEntry[K, V], below: "_Tier[K, V]", count: int) -> None:
        tier = below.above
        if tier.count != count:
            tier = _Tier(count)
            tier.open_above(below)
        entry.tier = tier
        tier.ring.append(entry)


class _Tier(Generic[K, V]):
    """The entries of one count, between the tiers of lower and higher ones."""

    __slots__ = ("above", "below", "count", "ring")

    def __init__(self, count: int) -> None:
        self.count = count
        self.ring: Ring[CountedEntry[K, V]] = Ring()
        self.above = self.below = self

    def open_above(self, below: "_Tier[K, V]") -> None:
        self.below, self.above = below, below.above
        below.above.below = self
        below.above = self

    def close_if_empty(self) -> None:
        if self.ring.head.after is self.ring.head:
            self.below.above, self.above.below = self.above, self.below
