"""Graphs, from a row's reasons to a hundred million nodes.

`bfs_path` and `dfs_path` walk whatever can name its neighbours; `ReasonGraph`
explains why one thing leads to another; `Exploration` walks where nodes fail,
and says what it still knows for certain. Over arrays: `Csr`, `distances`, and
`Components`, which takes edges as a stream and forgets them.
"""

from bijou.algorithms.graphs.components import Components, UnionFind
from bijou.algorithms.graphs.csr import Csr
from bijou.algorithms.graphs.exploring import Certificate, Checkpoint, Exploration, explore
from bijou.algorithms.graphs.levels import distances
from bijou.algorithms.graphs.paths import bfs_path, dfs_path
from bijou.algorithms.graphs.reasons import Explanation, ReasonGraph, Step

__all__ = [
    "Certificate",
    "Checkpoint",
    "Components",
    "Csr",
    "Explanation",
    "Exploration",
    "ReasonGraph",
    "Step",
    "UnionFind",
    "bfs_path",
    "dfs_path",
    "distances",
    "explore",
]
