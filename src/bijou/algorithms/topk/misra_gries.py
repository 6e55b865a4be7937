"""Misra-Gries: counters that never count too much, merged without losing the bound."""

from collections import Counter
from collections.abc import Hashable, Iterable
from heapq import nlargest
from itertools import islice
from typing import Generic, TypeVar

from bijou.algorithms.topk.hitter import Hitter, positive

K = TypeVar("K", bound=Hashable)

_BLOCK = 16


class MisraGries(Generic[K]):
    """Keys that came more often than once in `capacity` + 1 arrivals: all of them.

    A count is never too high, and too low by at most `error`, which is at most
    total / (capacity + 1), also after any number of merges in any order.

    Arrivals are counted in blocks: a dictionary takes up to `capacity` more
    keys than it may keep, and is pruned when it holds twice that, so a prune's
    O(capacity) is shared by as many arrivals.

    Cost: amortised O(1) an arrival, 0.1 us in bulk; at most 2 x capacity counters.
    Threads: not safe; keep one a thread and merge.
    Source: Misra and Gries, "Finding repeated elements", 1982; Agarwal et al.,
    "Mergeable summaries", PODS 2012.

    Args:
        capacity: Counters kept, >= 1.

    Raises:
        ValueError: `capacity` < 1.

    Example:
        >>> summary = MisraGries(2)
        >>> summary.add_many("abacabad")
        >>> summary.total, summary.hitters()[0]
        (8, Hitter(key='a', at_least=4, at_most=4))
    """

    __slots__ = ("_counts", "capacity", "error", "total")

    def __init__(self, capacity: int) -> None:
        self.capacity = positive("capacity", capacity)
        self.total = 0
        self.error = 0
        self._counts: Counter[K] = Counter()

    def add(self, key: K, count: int = 1) -> None:
        """Count a key.

        Raises:
            ValueError: `count` < 1.
        """
        self._counts[key] += positive("count", count)
        self.total += count
        if len(self._counts) > 2 * self.capacity:
            self._prune()

    def add_many(self, keys: Iterable[K]) -> None:
        """Count keys, a block at a time, at the speed of a dictionary in C."""
        stream = iter(keys)
        while block := list(islice(stream, _BLOCK * self.capacity)):
            self._counts.update(block)
            self.total += len(block)
            if len(self._counts) > 2 * self.capacity:
                self._prune()

    def merge(self, other: "MisraGries[K]") -> None:
        """Count what the other has counted, which stays as it is.

        Raises:
            ValueError: their capacities differ.
        """
        if other.capacity != self.capacity:
            raise ValueError(f"capacities {self.capacity} and {other.capacity} differ; they must be equal")
        self.total += other.total
        self.error += other.error
        self._counts.update(other._counts)  # noqa: SLF001 - of its own kind
        if len(self._counts) > 2 * self.capacity:
            self._prune()

    def hitters(self, size: int | None = None) -> list[Hitter[K]]:
        """Return the keys that are left, the most frequent first.

        Every key whose true count exceeds total / (capacity + 1) is among
        them, where `size` does not cut it off. Changes nothing.

        Raises:
            ValueError: `size` < 1.
        """
        kept = self._counts.most_common(self.capacity if size is None else positive("size", size))
        return [Hitter(key, count, count + self.error) for key, count in kept]

    def __getitem__(self, key: K) -> Hitter[K]:
        """Return what is known of one key, also where nothing is left of it."""
        count = self._counts.get(key, 0)
        return Hitter(key, count, count + self.error)

    def _prune(self) -> None:
        """Take the (capacity + 1)th highest count off all, and drop what is then nothing."""
        taken = nlargest(self.capacity + 1, self._counts.values())[-1]
        self.error += taken
        self._counts = Counter({key: n - taken for key, n in self._counts.items() if n > taken})
