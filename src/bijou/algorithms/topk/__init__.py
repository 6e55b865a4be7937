"""The most of something: exactly by a heap, or from counters that never grow.

`TopK` and `most` are exact and hold one number a key; `MisraGries` and
`SpaceSaving` hold a fixed number of counters and say how wrong they may be;
`joined` makes one list of the top lists of shards.
"""

from bijou.algorithms.topk.exact import TopK, joined, most
from bijou.algorithms.topk.hitter import Hitter
from bijou.algorithms.topk.misra_gries import MisraGries
from bijou.algorithms.topk.space_saving import SpaceSaving

__all__ = ["Hitter", "MisraGries", "SpaceSaving", "TopK", "joined", "most"]
