"""Space-Saving: counters that never count too little, and name the newcomer at once."""

from collections.abc import Hashable
from heapq import heappush, heapreplace
from typing import Generic, TypeVar

from bijou.algorithms.topk.hitter import Hitter, positive

K = TypeVar("K", bound=Hashable)


class SpaceSaving(Generic[K]):
    """The heaviest keys of a stream, told after every arrival.

    A key without a counter takes over the least one: its count goes on from
    there, and that much of it is doubt. No count is too low, and none too high
    by more than total / capacity; every key that came more often than that has
    a counter. Beside `MisraGries` it costs four times the time, and is right
    for streams that are asked while they run; the other for bulk and merging.

    The least counter is found by a heap of guesses: a guess is only ever too
    low, so it is put right when it comes to the top.

    Cost: O(log capacity) an arrival, amortised, O(1) for a key that has a
    counter; `capacity` counters.
    Threads: not safe; one owner, or a lock around it.
    Source: Metwally, Agrawal and El Abbadi, "Efficient computation of frequent
    and top-k elements in data streams", ICDT 2005.

    Args:
        capacity: Counters, >= 1.

    Raises:
        ValueError: `capacity` < 1.

    Example:
        >>> trending = SpaceSaving(2)
        >>> for key in "aabac":
        ...     trending.add(key)
        >>> trending.hitters()
        [Hitter(key='a', at_least=3, at_most=3), Hitter(key='c', at_least=1, at_most=2)]
    """

    __slots__ = ("_counts", "_doubts", "_guesses", "_turn", "capacity", "total")

    def __init__(self, capacity: int) -> None:
        self.capacity = positive("capacity", capacity)
        self.total = 0
        self._counts: dict[K, int] = {}
        self._doubts: dict[K, int] = {}
        self._guesses: list[tuple[int, int, K]] = []
        self._turn = 0

    def add(self, key: K, count: int = 1) -> None:
        """Count a key.

        Raises:
            ValueError: `count` < 1.
        """
        positive("count", count)
        if key in self._counts:
            self._counts[key] += count
        elif len(self._counts) < self.capacity:
            self._counts[key] = count
            self._turn += 1
            heappush(self._guesses, (count, self._turn, key))
        else:
            self._take_over(key, count)
        self.total += count

    def hitters(self, size: int | None = None) -> list[Hitter[K]]:
        """Return the keys that have a counter, the most frequent first.

        Raises:
            ValueError: `size` < 1.
        """
        wanted = self.capacity if size is None else positive("size", size)
        ranked = sorted(self._counts.items(), key=lambda pair: pair[1], reverse=True)
        return [Hitter(key, n - self._doubts.get(key, 0), n) for key, n in ranked[:wanted]]

    def __getitem__(self, key: K) -> Hitter[K]:
        """Return what is known of one key, also where it has no counter."""
        if key in self._counts:
            return Hitter(key, self._counts[key] - self._doubts.get(key, 0), self._counts[key])
        full = len(self._counts) == self.capacity
        return Hitter(key, 0, min(self._counts.values()) if full else 0)

    def _take_over(self, key: K, count: int) -> None:
        least, loser = self._least()
        del self._counts[loser]
        self._doubts.pop(loser, None)
        self._counts[key] = least + count
        self._doubts[key] = least
        self._turn += 1
        heapreplace(self._guesses, (least + count, self._turn, key))

    def _least(self) -> tuple[int, K]:
        """Put guesses right until the one on top is; it stays there."""
        while True:
            guess, turn, key = self._guesses[0]
            count = self._counts[key]
            if count == guess:
                return count, key
            heapreplace(self._guesses, (count, turn, key))
