"""Walking a graph whose nodes fail, and saying what is known for certain."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from types import MappingProxyType
from typing import Generic, NamedTuple, Protocol, Self, TypeVar


class _Sortable(Hashable, Protocol):
    def __lt__(self, other: Self, /) -> bool: ...


Node = TypeVar("Node", bound=_Sortable)


class Certificate(NamedTuple, Generic[Node]):
    """What a partial answer still promises.

    Args:
        complete: Every node that can be reached is there, at its distance.
        exact_within: Up to this distance the same holds; whatever is missing
            is farther away. None where complete.
        unanswered: Nodes that were seen and have not told their neighbours.
    """

    complete: bool
    exact_within: int | None
    unanswered: frozenset[Node]


class Checkpoint(NamedTuple, Generic[Node]):
    """All that an exploration knows, in plain values; whoever is not in `answers` is its frontier."""

    distances: dict[Node, int]
    answers: dict[Node, tuple[Node, ...]]


class Exploration(Generic[Node]):
    """Breadth-first search that asks nobody itself: nodes out, answers in.

    Whoever drives it asks the nodes that are `wanted`, in whatever order and
    with whatever patience, and reports an `answer` or that they `fail`. What
    it knows is never wrong: each distance is that of a real path, and the
    certificate says how far all are the shortest. Once all have answered, it
    equals the search of a graph where nothing ever failed.

    Surprise: it keeps the answers, so that a node which heals late may bring
    others nearer without asking them again.

    Cost: O(edges seen) memory; amortised O(log nodes) time an edge, more where
    late answers bring what was already told nearer.
    Threads: one at a time.

    Args:
        starts: Nodes at distance 0.

    Example:
        >>> walk = Exploration(["a"])
        >>> walk.wanted(9)
        ['a']
        >>> walk.answer("a", ["b", "c"])
        >>> walk.wanted(9)
        ['b', 'c']
        >>> walk.fail("b"); walk.answer("c", ["d"])
        >>> walk.wanted(9); walk.answer("d", [])
        ['d']
        >>> walk.certificate()
        Certificate(complete=False, exact_within=1, unanswered=frozenset({'b'}))
    """

    def __init__(self, starts: Iterable[Node]) -> None:
        self._distances = dict.fromkeys(starts, 0)
        self._answers: dict[Node, tuple[Node, ...]] = {}
        self._failed: set[Node] = set()
        self._asked: set[Node] = set()
        self._serial = count()
        self._waiting: list[tuple[int, int, Node]] = []
        for node in self._distances:
            self._wait(node)

    @property
    def distances(self) -> Mapping[Node, int]:
        """Return every node seen with the length of the shortest path known to it."""
        return MappingProxyType(self._distances)

    @property
    def failed(self) -> frozenset[Node]:
        """Return the nodes that failed and were not retried."""
        return frozenset(self._failed)

    def wanted(self, most: int) -> list[Node]:
        """Return up to `most` nodes to ask now, nearest first, each once."""
        nodes: list[Node] = []
        while self._waiting and len(nodes) < most:
            distance, _, node = heappop(self._waiting)
            stale = distance != self._distances[node] or node in self._asked or node in self._answers
            if not stale and node not in self._failed:
                self._asked.add(node)
                nodes.append(node)
        return nodes

    def answer(self, node: Node, neighbours: Iterable[Node]) -> None:
        """Take in a node's neighbours; a second answer, or one after its failure, is welcome.

        Raises:
            ValueError: nothing led to this node yet.
        """
        self._expect(node)
        told = tuple(neighbours)
        self._asked.discard(node)
        self._failed.discard(node)
        if node not in self._answers:
            self._answers[node] = told
            self._spread(node)

    def fail(self, node: Node) -> None:
        """Note that a node gave no answer; it is not wanted again until `retry`.

        Raises:
            ValueError: nothing led to this node yet.
        """
        self._expect(node)
        self._asked.discard(node)
        if node not in self._answers:
            self._failed.add(node)

    def retry(self) -> int:
        """Want the failed nodes again; return how many they are."""
        healed, self._failed = self._failed, set()
        for node in sorted(healed):
            self._wait(node)
        return len(healed)

    def certificate(self) -> Certificate[Node]:
        """Return what is certain.

        Every node nearer than the nearest silent one has answered, so whatever
        has a path of at most that length was found on it.

        Cost: O(nodes seen) time.
        """
        silent = frozenset(self._distances.keys() - self._answers.keys())
        within = min((self._distances[node] for node in silent), default=None)
        return Certificate(not silent, within, silent)

    def path(self, goal: Node) -> list[Node] | None:
        """Return a shortest known path; of several, the one whose nodes sort first from its end.

        It is truly the shortest where its length is at most `exact_within` + 1.

        Cost: O(edges seen) time.
        """
        if goal not in self._distances:
            return None
        before: dict[Node, Node] = {}
        for node, others in self._answers.items():
            for other in others:
                if self._distances[other] == self._distances[node] + 1:
                    before[other] = min(node, before.get(other, node))
        trail = [goal]
        while trail[-1] in before:
            trail.append(before[trail[-1]])
        return trail[::-1]

    def checkpoint(self) -> Checkpoint[Node]:
        """Return all that is known; nodes that are being asked count as not asked."""
        return Checkpoint(dict(self._distances), dict(self._answers))

    @classmethod
    def resume(cls, known: Checkpoint[Node]) -> Self:
        """Return an exploration that goes on from there; failed nodes are wanted again."""
        walk = cls(())
        walk._distances = dict(known.distances)
        walk._answers = {node: tuple(others) for node, others in known.answers.items()}
        silent = [node for node in walk._distances if node not in walk._answers]
        walk._waiting = [(walk._distances[node], next(walk._serial), node) for node in silent]
        heapify(walk._waiting)
        return walk

    def _spread(self, node: Node) -> None:
        """Bring nearer what this answer does; first in, first out, so that nothing comes nearer twice."""
        nearer = deque([node])
        while nearer:
            node = nearer.popleft()
            beyond = self._distances[node] + 1
            for other in self._answers[node]:
                if beyond < self._distances.get(other, beyond + 1):
                    self._distances[other] = beyond
                    if other in self._answers:
                        nearer.append(other)
                    else:
                        self._wait(other)

    def _wait(self, node: Node) -> None:
        heappush(self._waiting, (self._distances[node], next(self._serial), node))

    def _expect(self, node: Node) -> None:
        if node not in self._distances:
            raise ValueError(f"node {node!r} was never seen; only starts and named neighbours are asked")


def explore(
    walk: Exploration[Node],
    ask: Callable[[Node], Iterable[Node]],
    *,
    budget: int | None = None,
    failures: type[Exception] | tuple[type[Exception], ...] = OSError,
) -> Certificate[Node]:
    """Ask node after node until all answered or failed, or `budget` calls were made.

    Args:
        walk: What is known, and what it learns.
        ask: Returns a node's neighbours, or raises.
        budget: Calls at most; None for no limit.
        failures: What a failing node raises; anything else passes through,
            once it is noted that the node failed.

    Example:
        >>> streets = {"a": ["b"], "b": []}
        >>> explore(Exploration(["a"]), streets.__getitem__).complete
        True
    """
    calls = 0
    while calls != budget and (wanted := walk.wanted(1)):
        calls += 1
        try:
            neighbours = list(ask(wanted[0]))
        except failures:
            walk.fail(wanted[0])
        except BaseException:
            walk.fail(wanted[0])
            raise
        else:
            walk.answer(wanted[0], neighbours)
    return walk.certificate()
