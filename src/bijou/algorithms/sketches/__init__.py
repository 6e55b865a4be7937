"""Summaries of streams that merge: percentiles with relative error, distinct counts.

`QuantileSketch` has the buckets of OpenTelemetry's exponential histogram at
scale 5 and of Prometheus's native histogram at schema 5; `DistinctCounter` is
an UltraLogLog.
"""

from bijou.algorithms.sketches.distinct import DistinctCounter
from bijou.algorithms.sketches.hashing import hash64, hash64_array
from bijou.algorithms.sketches.quantile import QuantileSketch

__all__ = ["DistinctCounter", "QuantileSketch", "hash64", "hash64_array"]
