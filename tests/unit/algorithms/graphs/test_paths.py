"""Paths and their reasons, beside relaxing every link."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.graphs import Explanation, ReasonGraph, bfs_path, dfs_path
from tests.unit.algorithms.graphs.specifications import true_distances

NODES = 8
NODE = st.integers(0, NODES - 1)
GRAPHS = st.lists(st.lists(NODE, max_size=4), min_size=NODES, max_size=NODES)
LINKS = st.lists(st.tuples(NODE, NODE, st.integers(0, 5)), max_size=14)
CHECKED = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@CHECKED
@given(GRAPHS, NODE, NODE)
def test_both_walks_find_a_path_where_there_is_one_and_bfs_a_shortest(
    graph: list[list[int]], start: int, goal: int
) -> None:
    truth = true_distances(dict(enumerate(graph)), start)
    for walk in (bfs_path, dfs_path):
        path = walk(graph.__getitem__, start, goal)
        if goal not in truth:
            assert path is None
            continue
        assert path is not None
        assert (path[0], path[-1]) == (start, goal)
        assert len(set(path)) == len(path)
        assert all(other in graph[one] for one, other in pairwise(path))
        assert walk is dfs_path or len(path) == truth[goal] + 1


def test_none_is_a_node_like_any_other() -> None:
    graph: dict[str | None, list[str | None]] = {"a": [None], None: ["b"], "b": []}

    goals: list[tuple[str | None, str | None, list[str | None]]] = [
        ("a", "b", ["a", None, "b"]),
        (None, "b", [None, "b"]),
        ("a", None, ["a", None]),
    ]
    for start, goal, path in goals:
        assert bfs_path(graph.__getitem__, start, goal) == path
        assert dfs_path(graph.__getitem__, start, goal) == path


def test_a_deep_walk_does_not_meet_the_stacks_end() -> None:
    assert dfs_path(lambda n: [n + 1] if n < 100_000 else [], 0, 100_000) == list(range(100_001))


def cheapest(links: list[tuple[int, int, int]], start: int) -> dict[int, tuple[int, int]]:
    """Cost, then number of links, of the best path to each node."""
    best = {start: (0, 0)}
    for _ in range(NODES):
        for one, other, cost in [*links, *((b, a, c) for a, b, c in links)]:
            if one in best:
                way = (best[one][0] + cost, best[one][1] + 1)
                best[other] = min(best.get(other, way), way)
    return best


def assert_told(told: Explanation[int], links: list[tuple[int, int, int]], start: int, goal: int) -> None:
    assert [start, *(step.target for step in told.steps)] == [*(s.origin for s in told.steps), goal]
    assert told.cost == sum(links[int(step.reason)][2] for step in told.steps)
    for step in told.steps:
        assert {step.origin, step.target} == set(links[int(step.reason)][:2])


@CHECKED
@given(LINKS, NODE, NODE)
def test_an_explanation_is_the_cheapest_path_of_the_fewest_links(
    links: list[tuple[int, int, int]], start: int, goal: int
) -> None:
    graph: ReasonGraph[int] = ReasonGraph()
    for number, (one, other, cost) in enumerate(links):
        graph.link(one, other, str(number), cost=cost)
    best = cheapest(links, start)

    told = graph.explain(start, goal)

    if goal not in best:
        assert told is None
        return
    assert told is not None
    assert_told(told, links, start, goal)
    assert (told.cost, len(told.steps)) == best[goal]


@CHECKED
@given(LINKS, NODE, st.sets(NODE), st.integers(0, NODES))
def test_the_nearest_wanted_come_first(
    links: list[tuple[int, int, int]], start: int, wanted: set[int], count: int
) -> None:
    graph: ReasonGraph[int] = ReasonGraph()
    for number, (one, other, cost) in enumerate(links):
        graph.link(one, other, str(number), cost=cost)
    best = sorted(way for node, way in cheapest(links, start).items() if node in wanted - {start})

    told = graph.nearest(start, wanted.__contains__, count)

    assert [(one.cost, len(one.steps)) for one in told] == best[:count]
    for found in told:
        assert_told(found, links, start, found.steps[-1].target)


def test_an_explanation_reads_as_a_sentence() -> None:
    graph: ReasonGraph[str] = ReasonGraph()
    graph.link("The Martian", "Ridley Scott", "directed by")

    assert str(graph.explain("Ridley Scott", "The Martian")) == "Ridley Scott -[directed by]- The Martian"
    assert str(graph.explain("Alien", "Alien")) == "the same"
    assert graph.explain("Alien", "The Martian") is None


def test_a_negative_cost_is_refused() -> None:
    with pytest.raises(ValueError, match="costs -1; a cost is at least 0"):
        ReasonGraph[str]().link("a", "b", "why", cost=-1)
