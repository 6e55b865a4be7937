"""Exact top-K: a heap as large as the answer."""

from collections.abc import Hashable, Iterable, Mapping
from heapq import heappush, heapreplace, nlargest
from itertools import islice
from typing import Generic, TypeVar

from bijou.algorithms.merging import merge
from bijou.algorithms.topk.hitter import positive

K = TypeVar("K", bound=Hashable)


class TopK(Generic[K]):
    """The `size` offers with the highest scores of all that came by.

    Of equal scores the earlier offer wins. Offers are not added up: a key that
    is offered twice stands twice.

    Cost: O(1) an offer that is not good enough, O(log size) one that is;
    O(size) memory however many offers.
    Threads: not safe; one owner, or a lock around it.

    Args:
        size: Offers kept, >= 1.

    Raises:
        ValueError: `size` < 1.

    Example:
        >>> best = TopK(2)
        >>> for key, score in [("a", 3), ("b", 9), ("c", 5), ("d", 5)]:
        ...     best.offer(key, score)
        >>> best.ranked()
        [('b', 9), ('c', 5)]
    """

    __slots__ = ("_heap", "_offers", "size")

    def __init__(self, size: int) -> None:
        self.size = positive("size", size)
        self._heap: list[tuple[float, int, K]] = []
        self._offers = 0

    def offer(self, key: K, score: float) -> None:
        """Keep the key if it is among the best so far.

        Raises:
            ValueError: the score is NaN, which has no place among others.
        """
        if score != score:  # noqa: PLR0124 - only NaN is not itself; math.isnan is a call, and this path is hot
            raise _no_place(key)
        self._offers -= 1  # falls, so that the later of two equals is the lesser
        if len(self._heap) < self.size:
            heappush(self._heap, (score, self._offers, key))
        elif score > self._heap[0][0]:
            heapreplace(self._heap, (score, self._offers, key))

    @property
    def bar(self) -> float:
        """The score that an offer must exceed; minus infinity while there is room."""
        return self._heap[0][0] if len(self._heap) == self.size else float("-inf")

    def ranked(self) -> list[tuple[K, float]]:
        """Return keys and scores, the highest first; O(size log size)."""
        return [(key, score) for score, _, key in sorted(self._heap, reverse=True, key=lambda kept: kept[:2])]


def most(counts: Mapping[K, float], size: int) -> list[tuple[K, float]]:
    """Return the `size` keys with the highest counts, the highest first.

    Of equal counts the key that the mapping holds first wins.

    Cost: O(n log size) time, O(size) memory beside the mapping.

    Raises:
        ValueError: `size` < 1, or a count is NaN.

    Example:
        >>> most({"a": 1, "b": 7, "c": 3}, 2)
        [('b', 7), ('c', 3)]
    """
    return nlargest(positive("size", size), counts.items(), key=_score)


def joined(lists: Iterable[Iterable[tuple[K, float]]], size: int) -> list[tuple[K, float]]:
    """Return the top of all shards from the top of each.

    Exact where a key lives on one shard only, as keys that are sharded by hash
    do, and each list is its shard's exact top `size`. Reads no more than it
    needs of lists that are lazy.

    Cost: O(size log lists) comparisons.

    Args:
        lists: Of keys and scores, each the highest first.

    Raises:
        ValueError: `size` < 1, or a score that was read is NaN.

    Example:
        >>> joined([[("a", 9), ("b", 2)], [("c", 5)], []], 2)
        [('a', 9), ('c', 5)]
    """
    return list(islice(merge(*lists, key=_score, reverse=True), positive("size", size)))


def _score(pair: tuple[K, float]) -> float:
    key, score = pair
    if score != score:  # noqa: PLR0124 - as above
        raise _no_place(key)
    return score


def _no_place(key: object) -> ValueError:
    return ValueError(f"the score of {key!r} is NaN; it ranks neither above nor below any other")
