"""A stretch of time, and many of them as two columns."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ticks = NDArray[np.int64]


class Interval(NamedTuple):
    """[start, end) in ticks; plain pairs serve as well wherever one is asked for."""

    start: int
    end: int


Intervals = Sequence[tuple[int, int]] | NDArray[np.integer[Any]]


def columns(intervals: Intervals) -> tuple[Ticks, Ticks]:
    """Return starts and ends as int64 [n], each interval checked.

    Raises:
        ValueError: an end is not after its start, or the shape is not [n, 2].
    """
    pairs = np.asarray(intervals)
    if pairs.size == 0:
        pairs = np.empty((0, 2), np.int64)
    whole = pairs.dtype.kind in "iu" and np.can_cast(pairs.dtype, np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not whole:
        raise ValueError(f"got {pairs.dtype} {pairs.shape}; intervals are pairs of integers, int64 [n, 2]")
    pairs = pairs.astype(np.int64, copy=False)
    starts, ends = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    empty = np.flatnonzero(ends <= starts)
    if empty.size:
        first = int(empty[0])
        raise ValueError(
            f"interval {first} is [{starts[first]}, {ends[first]}); an end must come after its start"
        )
    return starts, ends


def is_whole(number: object) -> bool:
    """Tell whether it is an integer, Python's or numpy's; a float is none, whatever its value."""
    return isinstance(number, int | np.integer)
