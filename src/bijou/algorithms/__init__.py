"""Pure structures and algorithms: no clock, no chance, no I/O.

Each can be taken alone: `from bijou.algorithms import SlidingWindowLog` loads
the limiters and nothing else. Time comes in as an argument, chance as a seeded
generator. The most wanted names are here; each room inside has its others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bijou.algorithms.backoff import full_jitter
    from bijou.algorithms.caches import Cache, Lfu, Lru, MissRatioCurve, S3Fifo, Sieve, SingleFlight, WTinyLfu
    from bijou.algorithms.graphs import (
        Components,
        Csr,
        ReasonGraph,
        UnionFind,
        bfs_path,
        dfs_path,
        distances,
        explore,
    )
    from bijou.algorithms.intervals import (
        Interval,
        IntervalTree,
        assign_rooms,
        gaps,
        heaviest_set,
        largest_set,
        merge_intervals,
        pack_pod,
        rooms_needed,
        schedule_day,
    )
    from bijou.algorithms.limits import (
        GCRA,
        KeyedLimits,
        Lease,
        SlidingWindowCounter,
        SlidingWindowLog,
        admit_all,
    )
    from bijou.algorithms.merging import merge, merge_arrays
    from bijou.algorithms.runs import BloomFilter, RunTable
    from bijou.algorithms.sketches import DistinctCounter, QuantileSketch
    from bijou.algorithms.topk import MisraGries, SpaceSaving, TopK, joined, most
    from bijou.algorithms.trees import (
        BinaryNode,
        MalformedTree,
        Node,
        dump_tree,
        load_tree,
        tree_from_text,
        tree_to_text,
    )
    from bijou.algorithms.undo import Command, History, Macro
    from bijou.algorithms.windows import SlidingMax, SlidingRate, SlidingSum, SlidingWindow, TwoStacks

_ROOMS = {
    "backoff": ("full_jitter",),
    "caches": ("Cache", "Lfu", "Lru", "MissRatioCurve", "S3Fifo", "Sieve", "SingleFlight", "WTinyLfu"),
    "graphs": (
        "Components",
        "Csr",
        "ReasonGraph",
        "UnionFind",
        "bfs_path",
        "dfs_path",
        "distances",
        "explore",
    ),
    "intervals": (
        "Interval",
        "IntervalTree",
        "assign_rooms",
        "gaps",
        "heaviest_set",
        "largest_set",
        "merge_intervals",
        "pack_pod",
        "rooms_needed",
        "schedule_day",
    ),
    "limits": ("GCRA", "KeyedLimits", "Lease", "SlidingWindowCounter", "SlidingWindowLog", "admit_all"),
    "merging": ("merge", "merge_arrays"),
    "runs": ("BloomFilter", "RunTable"),
    "sketches": ("DistinctCounter", "QuantileSketch"),
    "topk": ("MisraGries", "SpaceSaving", "TopK", "joined", "most"),
    "trees": (
        "BinaryNode",
        "MalformedTree",
        "Node",
        "dump_tree",
        "load_tree",
        "tree_from_text",
        "tree_to_text",
    ),
    "undo": ("Command", "History", "Macro"),
    "windows": ("SlidingMax", "SlidingRate", "SlidingSum", "SlidingWindow", "TwoStacks"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "GCRA",
    "BinaryNode",
    "BloomFilter",
    "Cache",
    "Command",
    "Components",
    "Csr",
    "DistinctCounter",
    "History",
    "Interval",
    "IntervalTree",
    "KeyedLimits",
    "Lease",
    "Lfu",
    "Lru",
    "Macro",
    "MalformedTree",
    "MisraGries",
    "MissRatioCurve",
    "Node",
    "QuantileSketch",
    "ReasonGraph",
    "RunTable",
    "S3Fifo",
    "Sieve",
    "SingleFlight",
    "SlidingMax",
    "SlidingRate",
    "SlidingSum",
    "SlidingWindow",
    "SlidingWindowCounter",
    "SlidingWindowLog",
    "SpaceSaving",
    "TopK",
    "TwoStacks",
    "UnionFind",
    "WTinyLfu",
    "admit_all",
    "assign_rooms",
    "bfs_path",
    "dfs_path",
    "distances",
    "dump_tree",
    "explore",
    "full_jitter",
    "gaps",
    "heaviest_set",
    "joined",
    "largest_set",
    "load_tree",
    "merge",
    "merge_arrays",
    "merge_intervals",
    "most",
    "pack_pod",
    "rooms_needed",
    "schedule_day",
    "tree_from_text",
    "tree_to_text",
]


def __getattr__(name: str) -> Any:
    """Load the room of a name when it is first asked for."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
