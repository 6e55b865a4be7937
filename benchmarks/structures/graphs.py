"""Components and breadth-first search: beside scipy, rustworkx and networkx, and at a hundred million nodes.

The large forms run in a process of their own, `large_graphs`; `BIJOU_BENCH_NODES` sets their size.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial

import networkx as nx
import numpy as np
import rustworkx as rx
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.structures.large_graphs import EDGES_A_NODE, Ends, random_edges
from benchmarks.structures.measuring import Row, Work, interleaved, version
from bijou.algorithms.graphs import Components, Exploration, explore

_FULL_NODES = 100_000_000
_QUICK_NODES = 2_000_000
_PEERS_NODES = 1_000_000
_MOST_CPU_S = 15.0
_MOST_GB = 1.2

Said = dict[str, float]


def rows(*, quick: bool) -> list[Row]:
    """Return every row of this room."""
    nodes = int(os.environ.get("BIJOU_BENCH_NODES", _QUICK_NODES if quick else _FULL_NODES))
    return [
        *_beside_peers(250_000 if quick else _PEERS_NODES),
        *_streamed(nodes),
        *_searched(nodes),
        _partial(5_000 if quick else 20_000),
    ]


def _beside_peers(nodes: int) -> list[Row]:
    """Edges in, labels out. Every peer gets the edges in the form that it likes best, made beforehand."""
    edges = int(nodes * EDGES_A_NODE)
    sources, targets = random_edges(np.random.default_rng(46), nodes, edges)
    ours = partial(_count, nodes, sources, targets)
    quick_peers = _quick_peers(nodes, sources, targets)
    slow_peers = _slow_peers(nodes, list(zip(sources.tolist(), targets.tolist(), strict=True)))
    peers = {**quick_peers, **slow_peers}
    works: dict[str, Work] = {"ours": ours, **peers}
    counts = {name: work() for name, work in works.items()}
    if len(set(counts.values())) > 1:
        raise AssertionError(f"the numbers of components differ: {counts}")
    cpu = interleaved({"ours": ours, **quick_peers}) | interleaved(slow_peers, rounds=1)
    return [
        Row(
            room="graphs",
            what=f"components of {nodes:,} nodes, {edges:,} edges",
            ours=cpu["ours"] * 1e3,
            peer=name,
            theirs=cpu[name] * 1e3,
            unit="ms",
            ratio=cpu[name] / cpu["ours"],
            at_least=5.0 if name == version("scipy") and nodes >= _PEERS_NODES else None,
        )
        for name in peers
    ]


def _quick_peers(nodes: int, sources: Ends, targets: Ends) -> Mapping[str, Work]:
    ones = np.ones(len(sources), np.int8)

    def matrix() -> coo_array:
        return coo_array((ones, (sources, targets)), shape=(nodes, nodes))

    built = matrix().tocsr()
    return {
        version("scipy"): lambda: connected_components(matrix(), directed=False)[0],
        f"{version('scipy')}, its matrix made before": lambda: connected_components(built, directed=False)[0],
        "our own in numpy": partial(_count, nodes, sources, targets, native=False),
    }


def _slow_peers(nodes: int, pairs: list[tuple[int, int]]) -> Mapping[str, Work]:
    def in_rustworkx() -> int:
        graph = rx.PyGraph(node_count_hint=nodes, edge_count_hint=len(pairs))
        graph.add_nodes_from(range(nodes))
        graph.add_edges_from_no_data(pairs)
        return len(rx.connected_components(graph))

    def in_networkx() -> object:
        graph = nx.empty_graph(nodes)
        graph.add_edges_from(pairs)
        return nx.number_connected_components(graph)

    return {version("rustworkx"): in_rustworkx, version("networkx"): in_networkx}


def _count(nodes: int, sources: Ends, targets: Ends, *, native: bool | None = None) -> int:
    parts = Components(nodes, native=native)
    parts.add(sources, targets)
    parts.labels()
    return parts.count


def _streamed(nodes: int) -> list[Row]:
    said = _in_a_child("components", nodes)
    full = nodes >= _FULL_NODES
    what = f"components of {nodes:,} nodes, {said['edges']:,.0f} edges streamed"
    note = f"{said['components']:,.0f} components; {said['own_cpu_s']:.2f} s are ours, the rest makes edges"
    if not full:
        note += f"; the rule is for {_FULL_NODES:,}"
    return [
        _ruled(what, said["cpu_s"], _MOST_CPU_S, "CPU-s", held=full, note=note),
        _ruled(f"{what}, memory", said["peak_gb"], _MOST_GB, "GB", held=full, note="resident, whole process"),
    ]


def _ruled(what: str, ours: float, most: float, unit: str, *, held: bool, note: str) -> Row:
    return Row(
        room="graphs",
        what=what,
        ours=ours,
        peer=f"the rule: at most {most:g}",
        theirs=most,
        unit=unit,
        ratio=most / ours,
        at_least=1.0 if held else None,
        note=note,
    )


def _searched(nodes: int) -> list[Row]:
    said = _in_a_child("search", nodes)
    return [
        Row(
            room="graphs",
            what=f"breadth-first search of {nodes:,} nodes in files",
            ours=said["search_cpu_s"],
            peer="building those files",
            theirs=said["build_cpu_s"],
            unit="CPU-s",
            ratio=said["build_cpu_s"] / said["search_cpu_s"],
            note=f"{said['reached']:,.0f} reached, {said['levels']:.0f} steps; {said['files_gb']:.2f} GB",
        ),
        Row(
            room="graphs",
            what=f"the most memory of its own while it searched {nodes:,} nodes",
            ours=said["own_gb"],
            peer="the graph and the answer",
            theirs=said["files_gb"],
            unit="GB",
            ratio=said["files_gb"] / said["own_gb"],
            note="anonymous pages; those of the files the kernel may drop",
        ),
    ]


def _partial(nodes: int) -> Row:
    """What it costs to be certain: the same walk by `Exploration`, and by a queue that expects no failure."""
    chance = np.random.default_rng(45)
    graph = chance.integers(0, nodes, (nodes, 8)).tolist()

    def certain() -> int:
        walk = Exploration([0])
        explore(walk, graph.__getitem__)
        return len(walk.distances)

    def careless() -> int:
        distances, waiting = {0: 0}, [0]
        for node in waiting:
            for other in graph[node]:
                if other not in distances:
                    distances[other] = distances[node] + 1
                    waiting.append(other)
        return len(distances)

    if certain() != careless():
        raise AssertionError("the two walks reach different nodes")
    cpu = interleaved({"ours": certain, "theirs": careless}, rounds=3)
    return Row(
        room="graphs",
        what=f"walk {nodes:,} nodes of 8 edges so that it can be resumed",
        ours=cpu["ours"] / nodes * 1e6,
        peer="a plain queue",
        theirs=cpu["theirs"] / nodes * 1e6,
        unit="us a node",
        ratio=cpu["theirs"] / cpu["ours"],
        note="the price of a certificate; one call over a network costs a hundred times that",
    )


def _in_a_child(form: str, nodes: int) -> Said:
    command = [sys.executable, "-m", "benchmarks.structures.large_graphs", form, str(nodes)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: Said = json.loads(said.stdout)
    return answer
