"""Breadth-first search over arrays, beside relaxing every edge."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bijou.algorithms.graphs import Csr, distances, levels
from tests.unit.algorithms.graphs.specifications import both_ways, true_distances

NODES = 9
EDGES = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=14)
CHECKED = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def csr(edges: list[tuple[int, int]], *, directed: bool = False) -> Csr:
    ends = np.array(edges, np.int64).reshape(-1, 2)
    return Csr.from_edges(NODES, ends[:, 0], ends[:, 1], directed=directed)


@CHECKED
@given(EDGES)
def test_a_graph_gives_back_its_edges(edges: list[tuple[int, int]]) -> None:
    graph = csr(edges)
    onward = csr(edges, directed=True)

    assert {node: graph.neighbours(node).tolist() for node in range(NODES)} == both_ways(NODES, edges)
    assert sorted(edges) == [(node, t) for node in range(NODES) for t in onward.neighbours(node).tolist()]


@CHECKED
@given(edges=EDGES, source=st.integers(0, NODES - 1))
def test_distances_are_those_of_the_shortest_paths(
    *, native: bool, edges: list[tuple[int, int]], source: int
) -> None:
    truth = true_distances(both_ways(NODES, edges), source)

    found = distances(csr(edges), source, native=native)

    assert found.tolist() == [truth.get(node, -1) for node in range(NODES)]


def test_levels_that_do_not_fit_their_room_are_read_from_the_marks(
    *, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(1)
    graph = Csr.from_edges(3000, *chance.integers(0, 3000, (2, 5000)))
    whole = distances(graph, 0, native=native)
    monkeypatch.setattr(levels, "_CHUNK", 64)

    assert whole.max() > 5
    assert np.array_equal(distances(graph, 0, native=native), whole)


def test_a_path_of_many_levels_is_walked_to_its_end(*, native: bool) -> None:
    graph = Csr.from_edges(2000, np.arange(1999), np.arange(1, 2000))

    assert np.array_equal(distances(graph, 0, native=native), np.arange(2000))


def test_the_answer_is_written_where_asked() -> None:
    out = np.empty(NODES, np.int32)

    assert distances(csr([(0, 1)]), 0, out=out, native=False) is out
    with pytest.raises(ValueError, match=r"must be int32 \(9,\)"):
        distances(csr([]), 0, out=np.empty(3, np.int32))
    with pytest.raises(ValueError, match="there is no node 9"):
        distances(csr([]), 9)
