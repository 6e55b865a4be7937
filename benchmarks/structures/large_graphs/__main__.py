"""`python -m benchmarks.structures.large_graphs components 1000000` (or `search`): one JSON line."""

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Self

import numpy as np

from benchmarks.structures.large_graphs import BATCH, EDGES_A_NODE, batches
from bijou.algorithms.graphs import Components
from bijou.engines.graph_files import GraphFiles

Said = dict[str, float]


def _components(nodes: int) -> Said:
    parts = Components(nodes)
    own_cpu_s = 0.0
    for sources, targets in batches(nodes):
        before = _cpu_s()
        parts.add(sources, targets)
        own_cpu_s += _cpu_s() - before
    before = _cpu_s()
    parts.labels()
    own_cpu_s += _cpu_s() - before
    return {"edges": int(nodes * EDGES_A_NODE), "components": parts.count, "own_cpu_s": own_cpu_s}


def _search(nodes: int) -> Said:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "graph"
        GraphFiles.build(place, nodes, batches(nodes))
        build_cpu_s = _cpu_s()
        busy = int(next(batches(nodes))[0][0])
        with _Watched() as watched:
            far = GraphFiles(place).distances(busy, Path(folder) / "far")
        search_cpu_s = _cpu_s() - build_cpu_s
        files_gb = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e9
        reached, levels = 0, 0
        for start in range(0, nodes, BATCH):
            reached += int(np.count_nonzero(far[start : start + BATCH] >= 0))
            levels = max(levels, int(far[start : start + BATCH].max()))
    return {
        "build_cpu_s": build_cpu_s,
        "search_cpu_s": search_cpu_s,
        "own_gb": watched.most_gb,
        "files_gb": files_gb,
        "reached": reached,
        "levels": levels,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident_gb(kind: str) -> float:
    """Return `VmHWM`, the most since this program began, or `RssAnon`, what no file backs now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024 / 1e9


class _Watched:
    """Looks twenty times a second how much memory of its own the process holds."""

    def __init__(self) -> None:
        self.most_gb = 0.0
        self._over = Event()
        self._thread = Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.most_gb = max(self.most_gb, _resident_gb("RssAnon"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _main(form: str, nodes: int) -> None:
    said = {"components": _components, "search": _search}[form](nodes)
    print(json.dumps({**said, "cpu_s": _cpu_s(), "peak_gb": _resident_gb("VmHWM")}))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
