"""Paths through anything that can name its neighbours."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def bfs_path(neighbours: Callable[[Node], Iterable[Node]], start: Node, goal: Node) -> list[Node] | None:
    """Return a path of the fewest edges, or None where none leads there.

    Cost: O(nodes + edges) nearer than the goal, time and memory.

    Args:
        neighbours: Names where edges lead; asked once a node.
        start: First node of the path.
        goal: Last node of it.

    Example:
        >>> halves = lambda n: [n // 2, n - 1]
        >>> bfs_path(halves, 9, 1)
        [9, 4, 2, 1]
    """
    parents = {start: start}
    waiting = deque([start])
    while waiting and goal not in parents:
        node = waiting.popleft()
        for other in neighbours(node):
            if other not in parents:
                parents[other] = node
                waiting.append(other)
    if goal not in parents:
        return None
    del parents[start]
    return _trail(parents, goal)


def dfs_path(neighbours: Callable[[Node], Iterable[Node]], start: Node, goal: Node) -> list[Node] | None:
    """Return some path without a repeated node, or None; it may be long.

    Keeps only the way it took: where any path will do and neighbours come
    best first, it asks far fewer nodes than `bfs_path`. Its depth is bounded
    by memory, not by the interpreter's stack.

    Cost: O(nodes + edges) time; memory for the nodes seen.

    Example:
        >>> dfs_path(lambda n: [n + 1, 0] if n < 5 else [], 2, 5)
        [2, 3, 4, 5]
    """
    trail: list[Node] = [start]
    ways: list[Iterator[Node]] = [iter(neighbours(start))] if start != goal else []
    seen = {start}
    while ways:
        for other in ways[-1]:
            if other not in seen:
                seen.add(other)
                trail.append(other)
                if other == goal:
                    return trail
                ways.append(iter(neighbours(other)))
                break
        else:
            ways.pop()
            trail.pop()
    return trail or None


def _trail(parents: Mapping[Node, Node], goal: Node) -> list[Node]:
    trail = [goal]
    while trail[-1] in parents:
        trail.append(parents[trail[-1]])
    return trail[::-1]
