"""Breadth-first search over arrays, in memory or mapped from files."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.compiled import compiled, is_native
from bijou.algorithms.graphs.csr import Csr

_UNSEEN: Final = 0
_DONE: Final = 3
_CHUNK: Final = 1 << 20

Nodes = NDArray[np.int32]


def distances(
    graph: Csr, source: int, *, out: NDArray[np.int32] | None = None, native: bool | None = None
) -> NDArray[np.int32]:
    """Return how many edges each node is from `source`; -1 where none lead there.

    Besides the graph and the answer it holds one byte a node and some
    megabytes: both may be mapped from files that are larger than memory. Each
    level is walked in rising order of nodes, so that the disk is read forwards.

    Cost: O(nodes + edges) time, and one pass over a byte a node for each level
    of more than a million nodes; 20 ns an edge compiled, 50 where the files
    hold 100 million nodes; five times that in numpy.
    Threads: safe; compiled, it runs without the interpreter's lock.

    Args:
        graph: At most 2^31 - 1 nodes.
        source: One of its nodes.
        out: int32 [nodes] to write the answer into, such as a mapped file.
        native: Compiled by numba or not; None where it is installed.

    Raises:
        ValueError: `source` is no node, or `out` has another shape.

    Example:
        >>> path = Csr.from_edges(4, [0, 1], [1, 2])
        >>> distances(path, 0, native=False).tolist()
        [0, 1, 2, -1]
    """
    if not 0 <= source < graph.nodes:
        raise ValueError(f"there is no node {source}; the nodes are 0 to {graph.nodes - 1}")
    answer = np.empty(graph.nodes, np.int32) if out is None else out
    if answer.shape != (graph.nodes,) or answer.dtype != np.int32:
        raise ValueError(f"out is {answer.dtype} {answer.shape}; it must be int32 ({graph.nodes},)")
    answer[:] = -1
    return _search(graph, source, answer, compiled(_expand) if is_native(asked=native) else _expand_in_numpy)


def _search(graph: Csr, source: int, answer: NDArray[np.int32], expand: Any) -> NDArray[np.int32]:
    marks = np.zeros(graph.nodes, np.uint8)
    found = np.array([source], np.int32)
    room = np.empty(_CHUNK, np.int32)
    marks[source] = 1
    count, level = 1, 0
    while count:
        here, after = 1 + level % 2, 2 - level % 2
        frontier = iter((found,)) if count <= _CHUNK else _marked(marks, here)
        count = 0
        for nodes in frontier:
            answer[nodes] = level
            marks[nodes] = _DONE
            count = expand(graph.offsets, graph.targets, nodes, marks, after, room, count)
        found = np.sort(room[: min(count, _CHUNK)])
        level += 1
    return answer


def _marked(marks: NDArray[np.uint8], mark: int) -> Iterator[Nodes]:
    """Yield the nodes with this mark, in rising order, chunk by chunk."""
    for start in range(0, len(marks), _CHUNK):
        nodes = np.flatnonzero(marks[start : start + _CHUNK] == mark)
        if nodes.size:
            yield (nodes + start).astype(np.int32)


def _expand(offsets: Any, targets: Any, nodes: Any, marks: Any, mark: int, room: Any, count: int) -> int:
    """Mark the unseen neighbours; keep the first ones in `room`, and count all."""
    for at in range(nodes.size):
        node = nodes[at]
        for edge in range(offsets[node], offsets[node + 1]):
            target = targets[edge]
            if marks[target] == 0:
                marks[target] = mark
                if count < room.size:
                    room[count] = target
                count += 1
    return count


def _expand_in_numpy(
    offsets: NDArray[np.int64],
    targets: Nodes,
    nodes: Nodes,
    marks: NDArray[np.uint8],
    mark: int,
    room: Nodes,
    count: int,
) -> int:
    """Do the same with whole arrays."""
    starts = offsets[nodes]
    degrees = offsets[nodes + np.int64(1)] - starts
    before = np.cumsum(degrees) - degrees
    edges = np.arange(degrees.sum()) + np.repeat(starts - before, degrees)
    reached = targets[edges]
    fresh = np.unique(reached[marks[reached] == _UNSEEN])
    marks[fresh] = mark
    kept = fresh[: max(0, room.size - count)]
    room[count : count + kept.size] = kept
    return count + int(fresh.size)
