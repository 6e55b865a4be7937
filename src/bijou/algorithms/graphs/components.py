"""Which nodes hang together, while edges arrive."""

from collections.abc import Hashable
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bijou.algorithms.compiled import compiled, is_native
from bijou.algorithms.graphs.csr import ends

Thing = TypeVar("Thing", bound=Hashable)
Labels = NDArray[np.int32]

_CHUNK: Final = 1 << 20


class UnionFind(Generic[Thing]):
    """Sets of things that merge and never part; a new thing is a set by itself.

    Cost: nearly O(1) amortised time a call, about 250 bytes a thing.
    Threads: one at a time, `find` too: it shortens the ways it walks.

    Source: Tarjan and van Leeuwen, "Worst-case analysis of set union
    algorithms", JACM 31(2), 1984 (by size, with halving).

    Example:
        >>> devices = UnionFind()
        >>> devices.union("tv", "phone"), devices.union("phone", "tv")
        (True, False)
        >>> devices.same("tv", "phone"), devices.same("tv", "tablet"), devices.size("tv")
        (True, False, 2)
    """

    def __init__(self) -> None:
        self._parents: dict[Thing, Thing] = {}
        self._sizes: dict[Thing, int] = {}

    def __len__(self) -> int:
        """Return how many sets there are."""
        return len(self._sizes)

    def find(self, thing: Thing) -> Thing:
        """Return the thing that stands for its set, until the next union."""
        parents = self._parents
        if thing not in parents:
            parents[thing] = thing
            self._sizes[thing] = 1
        # Identity, since a NaN equals nothing: only a key that stands for its set is its own value.
        while (parent := parents[thing]) is not thing:
            parents[thing] = thing = parents[parent]
        return thing

    def union(self, one: Thing, other: Thing) -> bool:
        """Merge their sets; tell whether they were two."""
        one, other = self.find(one), self.find(other)
        if one is other:
            return False
        if self._sizes[one] < self._sizes[other]:
            one, other = other, one
        self._parents[other] = one
        self._sizes[one] += self._sizes.pop(other)
        return True

    def same(self, one: Thing, other: Thing) -> bool:
        """Tell whether both are in one set."""
        return self.find(one) is self.find(other)

    def size(self, thing: Thing) -> int:
        """Return how many things its set holds."""
        return self._sizes[self.find(thing)]


class Components:
    """Connected components of nodes 0 to n - 1, from edges in any order.

    Edges are not kept: four bytes a node are all there is, however many come,
    so they can be streamed from files. A component is named by its smallest
    node, so equal graphs give equal labels.

    Cost: nearly O(1) amortised time an edge: about 20 ns compiled for a
    million edges, 100 ns where 100 million nodes overflow the caches; ten
    times that in numpy. 4 bytes a node.
    Threads: one at a time; compiled, without the interpreter's lock.

    Args:
        nodes: n, at most 2^31 - 1.
        native: Compiled by numba or not; None where it is installed.

    Raises:
        ValueError: `nodes` is out of its bounds.

    Source: Dijkstra, "A Discipline of Programming" (1976), chapter 23, for
    Rem's algorithm; Patwary, Blair and Manne, "Experiments on union-find
    algorithms", SEA 2010, who found it fastest of 55.

    Example:
        >>> parts = Components(5, native=False)
        >>> parts.add([3, 1], [4, 3])
        2
        >>> parts.labels().tolist(), parts.count
        ([0, 1, 2, 1, 1], 3)
    """

    def __init__(self, nodes: int, *, native: bool | None = None) -> None:
        ends(nodes, [], [])
        self._native = is_native(asked=native)
        self._parents = np.arange(nodes, dtype=np.int32)
        self.count = nodes

    def add(self, sources: ArrayLike, targets: ArrayLike) -> int:
        """Add undirected edges; return how many of them joined two components.

        Raises:
            ValueError: an end is no node, or the lengths differ; nothing was added.
        """
        one, other = ends(len(self._parents), sources, targets)
        unite = compiled(_unite) if self._native else _unite_in_numpy
        joined = int(unite(self._parents, one, other))
        self.count -= joined
        return joined

    def labels(self) -> Labels:
        """Return the smallest node of each node's component, int32 [nodes].

        Read-only, and without a copy: it shows the components of now, and
        may name others than the smallest once more edges were added.

        Cost: one pass over the nodes; a few in numpy.
        """
        (compiled(_flatten) if self._native else _flatten_in_numpy)(self._parents)
        seen = self._parents.view()
        seen.flags.writeable = False
        return seen

    def sizes(self) -> tuple[Labels, NDArray[np.int64]]:
        """Return the components' labels, rising, and how many nodes each holds.

        Cost: O(nodes) time, 4 bytes a node and 12 a component while it runs.
        """
        labels = self.labels()
        counts = np.zeros(len(labels), np.int32)
        for start in range(0, len(labels), _CHUNK):
            np.add.at(counts, labels[start : start + _CHUNK], 1)
        names = np.flatnonzero(counts).astype(np.int32)
        return names, counts[names].astype(np.int64)


def _unite(parents: Any, sources: Any, targets: Any) -> int:
    """Walk up both ways at once, always the one that stands higher, and splice it below the other."""
    joined = 0
    for edge in range(sources.size):
        one, other = sources[edge], targets[edge]
        above_one, above_other = parents[one], parents[other]
        while above_one != above_other:
            if above_one < above_other:
                one, other = other, one
                above_one, above_other = above_other, above_one
            parents[one] = above_other
            if one == above_one:
                joined += 1
                break
            one = above_one
            above_one = parents[one]
    return joined


def _unite_in_numpy(parents: Labels, sources: NDArray[Any], targets: NDArray[Any]) -> int:
    """Hang every root that an edge leaves below the smallest root that it meets, until no edge leaves one."""
    joined = 0
    ones, others = sources, targets
    while ones.size:
        ones, others = _roots(parents, ones), _roots(parents, others)
        between = ones != others
        low, high = np.minimum(ones, others)[between], np.maximum(ones, others)[between]
        joined += _distinct(parents, high)
        np.minimum.at(parents, high, low)
        open_still = parents[high] != low
        ones, others = high[open_still], low[open_still]
    return joined


def _distinct(parents: Labels, roots: Labels) -> int:
    """Count different roots without sorting: each keeps the last of its places for a moment."""
    places = np.arange(roots.size, dtype=np.int32)
    parents[roots] = places
    last = int(np.count_nonzero(parents[roots] == places))
    parents[roots] = roots
    return last


def _roots(parents: Labels, nodes: NDArray[Any]) -> Labels:
    """Return the root above each node, halving the ways there: a chain within `nodes` takes log n rounds."""
    above: Labels = parents[nodes]
    while ((higher := parents[above]) != above).any():
        parents[nodes] = above = higher
    return above


def _flatten(parents: Any) -> None:
    """Parents are smaller than their children, so one rising pass is enough."""
    for node in range(parents.size):
        parents[node] = parents[parents[node]]


def _flatten_in_numpy(parents: Labels) -> None:
    for start in range(0, len(parents), _CHUNK):
        part = parents[start : start + _CHUNK]
        while ((above := parents[part]) != part).any():
            part[:] = above
