"""What the graph structures promise, in the fewest words; slow on purpose."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Edges = Sequence[tuple[int, int]]


def both_ways(nodes: int, edges: Edges) -> dict[int, list[int]]:
    graph: dict[int, list[int]] = {node: [] for node in range(nodes)}
    for one, other in edges:
        graph[one].append(other)
        if one != other:
            graph[other].append(one)
    return {node: sorted(others) for node, others in graph.items()}


def true_distances(graph: Mapping[Node, Iterable[Node]], start: Node) -> dict[Node, int]:
    """Relax every edge until nothing changes (Bellman and Ford)."""
    distances = {start: 0}
    while True:
        before = dict(distances)
        for node, distance in before.items():
            for other in graph[node]:
                distances[other] = min(distances.get(other, distance + 1), distance + 1)
        if distances == before:
            return distances


def smallest_mates(nodes: int, edges: Edges) -> list[int]:
    """Paint the higher colour of each edge with the lower one."""
    colours = list(range(nodes))
    for one, other in edges:
        low, high = sorted((colours[one], colours[other]))
        colours = [low if colour == high else colour for colour in colours]
    return colours


class SetsSpec:
    """A list of plain sets."""

    def __init__(self) -> None:
        self.sets: list[set[str]] = []

    def find(self, thing: str) -> set[str]:
        for some in self.sets:
            if thing in some:
                return some
        self.sets.append({thing})
        return self.sets[-1]

    def union(self, one: str, other: str) -> bool:
        left, right = self.find(one), self.find(other)
        if left is right:
            return False
        self.sets.remove(right)
        left |= right
        return True
