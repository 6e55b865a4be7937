"""Why one thing leads to another: shortest paths that keep their reasons."""

from collections.abc import Callable, Hashable, Iterator
from heapq import heappop, heappush
from typing import Final, Generic, NamedTuple, TypeVar

Node = TypeVar("Node", bound=Hashable)

# A length counts cost first, then links: cost * 2^20 + links.
_LINK: Final = 1 << 20


class Step(NamedTuple, Generic[Node]):
    """One link of a path, walked from `origin` to `target`."""

    origin: Node
    reason: str
    target: Node


class Explanation(NamedTuple, Generic[Node]):
    """The cheapest path, and what it costs."""

    cost: int
    steps: list[Step[Node]]

    def __str__(self) -> str:
        """Say it as people read it."""
        if not self.steps:
            return "the same"
        said = "".join(f" -[{step.reason}]- {step.target}" for step in self.steps)
        return f"{self.steps[0].origin}{said}"


class _Link(NamedTuple, Generic[Node]):
    target: Node
    length: int
    reason: str


class _Side(Generic[Node]):
    """One search, from one end: what is settled, what is reached, and by which link."""

    def __init__(self, graph: "ReasonGraph[Node]", start: Node) -> None:
        self._graph = graph
        self.lengths: dict[Node, int] = {start: 0}
        self._back: dict[Node, tuple[Node, str]] = {}
        self._settled: set[Node] = set()
        self._heap: list[tuple[int, int, Node]] = [(0, 0, start)]
        self._serial = 0

    def nearest(self) -> int | None:
        """Return the length at which the next node will be settled."""
        while self._heap and self._heap[0][2] in self._settled:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def settle(self) -> tuple[Node, list[Node]]:
        """Settle the nearest node; return it and the nodes to which a shorter way was found."""
        length, _, node = heappop(self._heap)
        self._settled.add(node)
        nearer = []
        for link in self._graph.links(node):
            there = length + link.length
            if link.target not in self.lengths or there < self.lengths[link.target]:
                self.lengths[link.target] = there
                self._back[link.target] = node, link.reason
                self._serial += 1
                heappush(self._heap, (there, self._serial, link.target))
                nearer.append(link.target)
        return node, nearer

    def trail(self, node: Node) -> Iterator[Step[Node]]:
        """Yield the steps back from `node` to the start of this search."""
        while node in self._back:
            before, reason = self._back[node]
            yield Step(before, reason, node)
            node = before


class ReasonGraph(Generic[Node]):
    """Things linked for reasons: "the same director", "watched by the same people".

    Links go both ways. Of the paths that cost least the one with the fewest
    links is told; among equals always the same one, for the same links added
    in the same order. A path may have a million links (2^20 - 1).

    Cost: O(1) to link; a path searches from both ends, so it settles about
    twice the square root of what one search would in a graph that branches.
    Threads: any number may ask while nobody links.

    Source: Dijkstra (1959); searching from both ends and when to stop:
    Pohl, "Bi-directional search", Machine Intelligence 6, 1971.

    Example:
        >>> graph = ReasonGraph()
        >>> graph.link("Alien", "Ridley Scott", "directed by", cost=1)
        >>> graph.link("Ridley Scott", "The Martian", "directed", cost=1)
        >>> graph.link("Alien", "The Martian", "watched by the same people", cost=5)
        >>> print(graph.explain("Alien", "The Martian"))
        Alien -[directed by]- Ridley Scott -[directed]- The Martian
    """

    def __init__(self) -> None:
        self._links: dict[Node, list[_Link[Node]]] = {}

    def link(self, one: Node, other: Node, reason: str, *, cost: int = 1) -> None:
        """Link two things both ways.

        Raises:
            ValueError: `cost` is negative.
        """
        if cost < 0:
            raise ValueError(f"{one!r} to {other!r} costs {cost}; a cost is at least 0")
        length = cost * _LINK + 1
        self._links.setdefault(one, []).append(_Link(other, length, reason))
        self._links.setdefault(other, []).append(_Link(one, length, reason))

    def links(self, node: Node) -> list[_Link[Node]]:
        """Return where links from `node` lead; none from what was never linked."""
        return self._links.get(node, [])

    def explain(self, start: Node, goal: Node) -> "Explanation[Node] | None":
        """Return the cheapest path with its reasons; None where there is none."""
        near, far = _Side(self, start), _Side(self, goal)
        best = (0, start) if start == goal else None
        while (ahead := near.nearest()) is not None and (behind := far.nearest()) is not None:
            if best and ahead + behind >= best[0]:
                break
            side, other = (near, far) if ahead <= behind else (far, near)
            for node in side.settle()[1]:
                if node in other.lengths:
                    length = side.lengths[node] + other.lengths[node]
                    if best is None or length < best[0]:
                        best = length, node
        if best is None:
            return None
        back = [Step(step.target, step.reason, step.origin) for step in far.trail(best[1])]
        return Explanation(best[0] // _LINK, [*list(near.trail(best[1]))[::-1], *back])

    def nearest(self, start: Node, wanted: Callable[[Node], bool], count: int) -> list[Explanation[Node]]:
        """Return paths to the `count` cheapest nodes that are wanted, nearest first.

        Cost: a search of all that is nearer than the last of them.
        """
        side = _Side(self, start)
        found: list[Explanation[Node]] = []
        while len(found) < count and (length := side.nearest()) is not None:
            node, _ = side.settle()
            if node != start and wanted(node):
                found.append(Explanation(length // _LINK, list(side.trail(node))[::-1]))
        return found
