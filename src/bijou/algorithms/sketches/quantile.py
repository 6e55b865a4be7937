"""Percentiles with bounded relative error that survive any merging."""

import sys
from array import array
from collections.abc import Sequence
from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.compiled import compiled, is_native
from bijou.algorithms.sketches import buckets

RELATIVE_ERROR = (2 ** (1 / buckets.PER_OCTAVE) - 1) / (2 ** (1 / buckets.PER_OCTAVE) + 1)
"""0.010830: half a bucket, seen from its middle."""

_MOST = sys.float_info.max
_PIECE = 1 << 15
_SPARE = buckets.PER_OCTAVE


class QuantileSketch:
    """How values of 0 and more are spread, in buckets of base 2^(1/32).

    Any quantile comes out within 1.09 % of a value that truly has that rank
    (0 is exact; below 2.2e-308 doubles lose digits, and share a bucket), and
    merging loses nothing: the sketch of the whole equals the merged sketches of
    its parts, bucket by bucket, in any order. A latency, a size and a bit rate
    are such values; what is below 0 is refused.

    Cost: 3 ns a value in bulk where numba is there, 14 ns without, 1 us one by one; 8 bytes a bucket
    between the least and the largest seen: 256 for each power of two, 7 KB from
    a microsecond to a quarter of an hour. A quantile costs O(buckets).
    Threads: not safe; keep one a thread and merge.
    Source: Masson, Rim and Lee, "DDSketch", VLDB 2019; OpenTelemetry
    exponential histograms, scale 5.

    Args:
        native: Count in bulk by compiled code (numba); None: where it is installed.
            The buckets are the same either way.

    Attributes:
        first: Index of the first bucket kept.
        counts: Of that bucket and those that follow it.

    Example:
        >>> spread = QuantileSketch()
        >>> spread.add_many([float(ms) for ms in range(1, 1001)])
        >>> round(spread.quantile(0.5)), round(spread.quantile(0.99)), spread.count
        (496, 991, 1000)
    """

    __slots__ = ("_native", "count", "counts", "first", "maximum", "minimum", "total", "zeros")

    def __init__(self, *, native: bool | None = None) -> None:
        self.count = 0
        self.zeros = 0
        self.total = 0.0
        self.minimum = inf
        self.maximum = 0.0
        self.first = 0
        self.counts = array("q")
        self._native = native

    def add(self, value: float, count: int = 1) -> None:
        """Count a value.

        Raises:
            ValueError: it is below 0, or no finite number; or `count` < 1.
        """
        if not 0 <= value <= _MOST or count < 1 or count % 1:
            raise ValueError(f"cannot count {value} {count} times; values are 0 or more, and finite")
        if value:
            place = buckets.bucket_of(value) - self.first
            if not 0 <= place < len(self.counts):
                place = self._make_room(place + self.first, place + self.first)
            self.counts[place] += count
        else:
            self.zeros += count
        self.count += count
        self.total += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)

    def add_many(self, values: Sequence[float] | NDArray[np.float64]) -> None:
        """Count values.

        Raises:
            ValueError: one is below 0, or no finite number; none is counted then.
        """
        given = np.ascontiguousarray(values, np.float64)
        if not given.size:
            return
        least, largest = float(given.min()), float(given.max())
        if not (least >= 0 and isfinite(largest)):
            raise ValueError(
                f"values from {least} to {largest} cannot be counted; they are 0 or more, and finite"
            )
        if not least:
            positive = given[given > 0]
            self.zeros += given.size - positive.size
        else:
            positive = given
        if positive.size:
            self._count(positive, float(positive.min()), largest)
        with np.errstate(over="ignore"):
            total = float(given.sum())
        self._note(given.size, total, least, largest)

    def merge(self, other: "QuantileSketch") -> None:
        """Count what the other has counted, which stays as it is."""
        size = len(other.counts)
        if size:
            start = self._make_room(other.first, other.first + size - 1)
            mine = np.frombuffer(self.counts, np.int64)
            mine[start : start + size] += np.frombuffer(other.counts, np.int64)
        self.zeros += other.zeros
        self._note(other.count, other.total, other.minimum, other.maximum)

    def quantile(self, q: float) -> float:
        """Return a value that a share `q` of all values is not above; NaN of nothing.

        Within 1.09 % of the value of rank ceil(q x count), and never outside
        what was seen.

        Raises:
            ValueError: `q` is not 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"q is {q}; a quantile is asked for by a share from 0 to 1")
        if not self.count:
            return nan
        rank = max(1, -int(-q * self.count // 1))
        if rank <= self.zeros:
            return 0.0
        place = int(np.searchsorted(np.cumsum(np.frombuffer(self.counts, np.int64)), rank - self.zeros))
        upper = buckets.upper_bound(self.first + place)
        return min(max(upper * (1 - RELATIVE_ERROR), self.minimum), self.maximum)

    def buckets(self) -> dict[int, int]:
        """Return the counts of buckets that hold any, by index: i holds (2^(i/32), 2^((i+1)/32)]."""
        return {self.first + place: count for place, count in enumerate(self.counts) if count}

    def _count(self, values: NDArray[np.float64], least: float, largest: float) -> None:
        self._make_room(buckets.bucket_of(least), buckets.bucket_of(largest))
        counts = np.frombuffer(self.counts, np.int64)
        if is_native(asked=self._native):
            tables = buckets.tables()
            compiled(_count_each)(values, tables.bucket, tables.above, self.first, counts)
            return
        for start in range(0, values.size, _PIECE):
            found = buckets.buckets_of(values[start : start + _PIECE])
            found -= self.first
            counted = np.bincount(found)
            counts[: counted.size] += counted

    def _note(self, count: int, total: float, least: float, largest: float) -> None:
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, least)
        self.maximum = max(self.maximum, largest)

    def _make_room(self, first: int, last: int) -> int:
        """Grow to where it is needed, by an octave more, so that it is rare; return where `first` is now."""
        end = self.first + len(self.counts)
        if not self.counts:
            self.first, end = first, first
        if first < self.first:
            self.counts = array("q", bytes(8 * (self.first - first + _SPARE))) + self.counts
            self.first = first - _SPARE
        if last >= end:
            self.counts.extend(array("q", bytes(8 * (last + 1 - end + _SPARE))))
        return first - self.first


def _count_each(
    values: NDArray[np.float64],
    bucket: NDArray[np.int64],
    above: NDArray[np.int64],
    first: int,
    counts: NDArray[np.int64],
) -> None:
    """What `_count` does by numpy, as one loop."""
    bits = values.view(np.int64)
    for i in range(bits.size):
        word = bits[i]
        slot = (word >> 46) & 63
        found = ((word >> 52) - 1023) * 32 + bucket[slot]
        if word & 0xFFFFFFFFFFFFF > above[slot]:
            found += 1
        counts[max(found, buckets.LOWEST) - first] += 1
