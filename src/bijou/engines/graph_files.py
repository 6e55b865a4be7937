"""Graphs larger than memory: compressed sparse rows in mapped files."""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bijou.algorithms.graphs import Csr, distances
from bijou.algorithms.graphs.csr import ends, packed, unpacked
from bijou.ports import Conflict, EngineUnavailable

_HEADER: Final = "graph.json"
_OFFSETS: Final = "offsets.i64"
_TARGETS: Final = "targets.i32"
_LEAST_BUCKET_NODES: Final = 1 << 20
_MOST_BUCKETS: Final = 64


class GraphFiles:
    """A graph in a folder, mapped and never read as a whole.

    Once built it does not change; a folder holds a whole graph or none, for it
    is built beside its place and then moved there.

    Cost: 8 bytes a node and 4 a direction of an edge on disk. A search holds
    one byte a node in memory; the pages of the files are the kernel's to keep
    or to drop.
    Threads: safe; processes may share the pages.

    Args:
        folder: Where `build` made it.

    Raises:
        EngineUnavailable: `graph.damaged`, a file is missing or not as long
            as the header says.
    """

    def __init__(self, folder: Path) -> None:
        try:
            header = json.loads((folder / _HEADER).read_bytes())
            self.nodes: int = header["nodes"]
            self.edges: int = header["edges"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineUnavailable("graph.damaged", f"{folder} holds no graph: {error}") from error
        self.csr = Csr(
            _mapped(folder / _OFFSETS, np.dtype(np.int64), self.nodes + 1),
            _mapped(folder / _TARGETS, np.dtype(np.int32), self.edges),
        )

    @staticmethod
    def build(
        folder: Path,
        nodes: int,
        edges: Iterable[tuple[ArrayLike, ArrayLike]],
        *,
        directed: bool = False,
        bucket_nodes: int | None = None,
    ) -> "GraphFiles":
        """Make a graph of batches of edges, each read once; parallel edges and loops are kept.

        The edges are dealt to buckets by their source, then sorted bucket by
        bucket, so that memory holds one batch and the disk is only ever
        written forwards.

        Cost: O(edges log) time; on disk 16 bytes an edge and direction while
        it runs.

        Args:
            folder: Where the graph is to stand; must not exist.
            nodes: Nodes are 0 to `nodes` - 1.
            edges: Batches of (sources, targets).
            directed: Whether an edge leads one way only.
            bucket_nodes: Sources a bucket; by default at least a million, and
                at most 64 buckets.

        Raises:
            ValueError: an end of an edge is not a node.
            Conflict: `graph.exists`, the folder is there already.
            EngineUnavailable: `graph.unwritable`, the disk is full or read-only.
        """
        if folder.exists():
            raise Conflict("graph.exists", f"{folder} exists; a graph is built once, in a new folder")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        except OSError as error:
            raise EngineUnavailable("graph.unwritable", f"{folder}: {error.strerror}") from error
        size = bucket_nodes or max(_LEAST_BUCKET_NODES, -(-nodes // _MOST_BUCKETS))
        try:
            buckets = _deal(staging, nodes, edges, directed=directed, size=size)
            _lay_out(staging, nodes, buckets, size)
            staging.rename(folder)
        except OSError as error:
            raise EngineUnavailable("graph.unwritable", f"{folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return GraphFiles(folder)

    def distances(self, source: int, into: Path, *, native: bool | None = None) -> NDArray[np.int32]:
        """Write how many edges each node is from `source` (-1: none lead there) to a file, mapped.

        Raises:
            ValueError: `source` is no node.
            EngineUnavailable: `graph.unwritable`, the disk is full or read-only.
        """
        try:
            with into.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, 4 * self.nodes))
        except OSError as error:
            raise EngineUnavailable("graph.unwritable", f"{into}: {error.strerror}") from error
        answer = np.memmap(into, np.int32, "r+", shape=(self.nodes,))
        distances(self.csr, source, out=answer, native=native)
        answer.flush()
        return answer


def _mapped(path: Path, dtype: "np.dtype[np.int64] | np.dtype[np.int32]", count: int) -> NDArray:  # type: ignore[type-arg]
    size_bytes = path.stat().st_size if path.is_file() else 0
    if size_bytes != count * dtype.itemsize:
        raise EngineUnavailable(
            "graph.damaged",
            f"{path} has {size_bytes} bytes, not {count * dtype.itemsize}; build the graph again",
        )
    return np.memmap(path, dtype, "r", shape=(count,)) if count else np.empty(0, dtype)


def _deal(
    staging: Path, nodes: int, edges: Iterable[tuple[ArrayLike, ArrayLike]], *, directed: bool, size: int
) -> list[Path]:
    """Write every edge to the bucket of its source."""
    paths = [staging / f"bucket-{number}" for number in range(-(-nodes // size))]
    firsts = np.arange(1, len(paths), dtype=np.uint64) * np.uint64(size) << np.uint64(32)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for sources, targets in edges:
            keys = packed(*ends(nodes, sources, targets), directed=directed)
            keys.sort()
            for file, part in zip(files, np.split(keys, np.searchsorted(keys, firsts)), strict=False):
                file.write(part.data)
    return paths


def _lay_out(staging: Path, nodes: int, buckets: list[Path], size: int) -> None:
    """Sort the buckets where they lie, and write rows and header, all synced."""
    edges = 0
    with ExitStack() as stack:
        rows = stack.enter_context((staging / _OFFSETS).open("wb"))
        columns = stack.enter_context((staging / _TARGETS).open("wb"))
        rows.write(np.zeros(1, np.int64).data)
        for number, path in enumerate(buckets):
            length = path.stat().st_size // 8
            keys = np.memmap(path, np.uint64, "r+", shape=(length,)) if length else np.empty(0, np.uint64)
            keys.sort()
            first = number * size
            offsets, targets = unpacked(keys, first, min(size, nodes - first))
            rows.write((offsets[1:] + edges).data)
            columns.write(targets.data)
            edges += length
            del keys
            path.unlink()
        header = stack.enter_context((staging / _HEADER).open("wb"))
        header.write(json.dumps({"nodes": nodes, "edges": edges}).encode())
        for file in (rows, columns, header):
            file.flush()
            os.fsync(file.fileno())
