"""Graphs of any size, measured in a process whose CPU seconds and memory are all theirs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ends = NDArray[np.int32]

EDGES_A_NODE = 1.2
BATCH = 1 << 20


def batches(nodes: int) -> Iterator[tuple[Ends, Ends]]:
    """Yield the random edges of a graph, the same ones every time, a million at once."""
    chance = np.random.default_rng(46)
    edges = int(nodes * EDGES_A_NODE)
    for start in range(0, edges, BATCH):
        yield random_edges(chance, nodes, min(BATCH, edges - start))


def random_edges(chance: np.random.Generator, nodes: int, edges: int) -> tuple[Ends, Ends]:
    """Return sources and targets."""
    ends = chance.integers(0, nodes, (2, edges), dtype=np.int32)
    return ends[0], ends[1]
