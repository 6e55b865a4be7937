"""Graphs in files, beside the same graphs in memory."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bijou.algorithms.graphs import Csr, distances
from bijou.engines.graph_files import GraphFiles
from bijou.ports import Conflict, EngineUnavailable

NODES = 1000
Batches = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


@pytest.fixture
def batches() -> Batches:
    chance = np.random.default_rng(11)
    drawn = [chance.integers(0, NODES, (2, size)) for size in (700, 1, 0, 600)]
    return [(ends[0], ends[1]) for ends in drawn]


def in_memory(batches: Batches, *, directed: bool) -> Csr:
    sources, targets = (np.concatenate(column) for column in zip(*batches, strict=True))
    return Csr.from_edges(NODES, sources, targets, directed=directed)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("bucket_nodes", [None, 7, 1000])
def test_a_graph_in_files_is_the_graph_in_memory(
    tmp_path: Path, batches: Batches, *, directed: bool, bucket_nodes: int | None
) -> None:
    GraphFiles.build(tmp_path / "g", NODES, batches, directed=directed, bucket_nodes=bucket_nodes)
    truth = in_memory(batches, directed=directed)

    graph = GraphFiles(tmp_path / "g")

    assert np.array_equal(graph.csr.offsets, truth.offsets)
    assert np.array_equal(graph.csr.targets, truth.targets)
    assert (graph.nodes, graph.edges) == (NODES, len(truth.targets))


def test_distances_are_those_in_memory_and_lie_in_their_file(tmp_path: Path, batches: Batches) -> None:
    graph = GraphFiles.build(tmp_path / "g", NODES, batches)
    truth = distances(in_memory(batches, directed=False), 5, native=False)

    found = graph.distances(5, tmp_path / "far", native=False)

    assert np.array_equal(found, truth)
    assert np.array_equal(np.fromfile(tmp_path / "far", np.int32), truth)


def test_compiled_distances_read_mapped_files_as_well(tmp_path: Path, batches: Batches) -> None:
    pytest.importorskip("numba")
    graph = GraphFiles.build(tmp_path / "g", NODES, batches)

    compiled = graph.distances(5, tmp_path / "compiled", native=True)

    assert np.array_equal(compiled, graph.distances(5, tmp_path / "numpy", native=False))


def test_a_graph_without_edges_stands(tmp_path: Path) -> None:
    graph = GraphFiles.build(tmp_path / "g", 3, [])

    assert graph.distances(1, tmp_path / "far", native=False).tolist() == [-1, 0, -1]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="an edge ends at 9"):
        GraphFiles.build(tmp_path / "g", 5, [([0], [1]), ([2], [9])])

    assert list(tmp_path.iterdir()) == []


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    GraphFiles.build(tmp_path / "g", 2, [([0], [1])])

    with pytest.raises(Conflict, match="built once") as refused:
        GraphFiles.build(tmp_path / "g", 2, [])
    assert refused.value.code == "graph.exists"


@pytest.mark.parametrize("file", ["targets.i32", "offsets.i64", "graph.json"])
def test_a_torn_file_is_noticed(tmp_path: Path, file: str) -> None:
    GraphFiles.build(tmp_path / "g", 2, [([0], [1])])
    torn = tmp_path / "g" / file
    torn.write_bytes(torn.read_bytes()[:-1])

    with pytest.raises(EngineUnavailable) as noticed:
        GraphFiles(tmp_path / "g")
    assert noticed.value.code == "graph.damaged"


def test_a_header_of_another_kind_is_noticed(tmp_path: Path) -> None:
    GraphFiles.build(tmp_path / "g", 2, [([0], [1])])
    (tmp_path / "g" / "graph.json").write_text("[2, 1]")

    with pytest.raises(EngineUnavailable, match="holds no graph"):
        GraphFiles(tmp_path / "g")


def test_where_nothing_can_be_written_the_operator_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EngineUnavailable) as told:
        GraphFiles.build(tmp_path / "file" / "g", 2, [])
    assert told.value.code == "graph.unwritable"
