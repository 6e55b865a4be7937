"""Sliding windows of time: what the last so-and-so long add up to.

`TwoStacks` folds a queue by any associative operation, `SlidingWindow` does it
for time, `SlidingMax` and `SlidingSum` are its two most wanted; `SlidingRate`
counts in panes, and says what came too late.
"""

from bijou.algorithms.windows.panes import SlidingRate
from bijou.algorithms.windows.sliding import SlidingMax, SlidingSum, SlidingWindow
from bijou.algorithms.windows.two_stacks import TwoStacks

__all__ = ["SlidingMax", "SlidingRate", "SlidingSum", "SlidingWindow", "TwoStacks"]
