"""Byte hits of our policy beside every online policy of libCacheSim, and the best possible.

Each foreign policy runs in a process of its own, for some of them end with
one, on the same records. Ours runs as it does in the edge, told the session
and what the player says comes next, and nothing of how the trace was made.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.delivery import traces
from benchmarks.delivery.traces import Asked
from bijou.algorithms.caches import Policy, S3Fifo
from bijou.delivery.playheads import PlayheadPolicy

ONLINE: Final = (
    "ARC", "Cacheus", "Clock", "FIFO", "GDSF", "Hyperbolic", "LeCaR", "LFU", "LFUDA", "LHD", "LIRS", "LRU",
    "S3FIFO", "Sieve", "SLRU", "ThreeLCache", "TwoQ", "WTinyLFU", "LRB", "GLCache", "ClockPro",
)  # fmt: skip
QUICK: Final = ("LRU", "S3FIFO", "Sieve", "ARC", "GDSF")
SHARES: Final = (0.01, 0.05, 0.20)
_CHILD: Final = """
import sys, libcachesim as lcs
path, name, *sizes = sys.argv[1:]
for size in sizes:
    reader = lcs.TraceReader(path, lcs.TraceType.ORACLE_GENERAL_TRACE)
    cache = getattr(lcs, name)(cache_size=int(size))
    missed, missed_bytes = cache.process_trace(reader)
    print(1 - missed, 1 - missed_bytes, flush=True)
"""


def played(policy: Policy[str, Any], trace: list[Asked], capacity: int, clock: list[float]) -> float:
    """Return the share of bytes that a cache of ours finds."""
    policy.fit(capacity)
    watches = policy if isinstance(policy, PlayheadPolicy) else None
    weight = hit = total = 0
    for asked in trace:
        clock[0] = asked.at_s
        total += asked.size
        if watches is not None and asked.session:
            watches.asked(asked.path, asked.session, asked.then)
        entry = policy.find(asked.path)
        if entry is not None:
            policy.touch(entry)
            hit += asked.size
            continue
        if asked.size > capacity:
            continue
        policy.insert(policy.entry_type(asked.path, None, asked.size))
        weight += asked.size
        while weight > capacity:
            weight -= policy.evict().weight
    return hit / total


def by_playheads(trace: list[Asked], capacity: int) -> float:
    clock = [0.0]
    return played(PlayheadPolicy(lambda: int(clock[0] * 1e9)), trace, capacity, clock)


def foreign(name: str, oracle: Path, sizes: list[int]) -> list[float | None]:
    """Return a libCacheSim policy's share of bytes found, None where it did not get to the end."""
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(oracle), name, *map(str, sizes)],
        capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    lines = [line.split() for line in child.stdout.splitlines() if len(line.split()) == 2]
    found: list[float | None] = []
    for line in lines:
        try:
            found.append(float(line[1]))
        except ValueError:
            continue
    return (found + [None] * len(sizes))[: len(sizes)]


def made(*, quick: bool) -> tuple[list[Asked], dict[str, list[Asked]]]:
    scale = 1 if quick else 10
    own = traces.viewers(Random(20), requests=30_000 * scale, titles=30 * scale, watching=50 * scale)
    foreigners = {
        "popularity": traces.popularity(Random(1), requests=8_000 * scale, objects=800 * scale),
        "scans": traces.scans(Random(2), requests=8_000 * scale, objects=800 * scale),
        "random access": traces.random_access(Random(3), requests=8_000 * scale, objects=800 * scale),
        "mistaken sessions": traces.mistaken(Random(4), own[: 8_000 * scale]),
        "a session a request": traces.anew(own[: 8_000 * scale]),
        "backwards": traces.backwards(Random(5), requests=8_000 * scale),
        "chapters": traces.chapters(Random(6), requests=8_000 * scale),
    }
    return own, foreigners


def measured(*, quick: bool) -> dict[str, object]:
    """Return byte hits by policy and share of the footprint, and how far ours is from S3-FIFO elsewhere."""
    own, foreigners = made(quick=quick)
    whole = traces.footprint(own)
    sizes = [int(whole * share) for share in SHARES]
    table: dict[str, list[float | None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        oracle = Path(folder) / "own.oracle"
        traces.write_oracle(own, oracle)
        for name in (*(QUICK if quick else ONLINE), "Belady"):
            table[name] = foreign(name, oracle, sizes)
    table["S3-FIFO, ours"] = [played(S3Fifo(), own, size, [0.0]) for size in sizes]
    table["playheads"] = [by_playheads(own, size) for size in sizes]
    return {
        "footprint_bytes": whole, "requests": len(own), "byte_hits": table,
        "foreign": dict(_foreign_shapes(foreigners)),
    }  # fmt: skip


def _foreign_shapes(shapes: dict[str, list[Asked]]) -> Iterator[tuple[str, list[float]]]:
    for name, trace in shapes.items():
        sizes = [int(traces.footprint(trace) * share) for share in SHARES]
        yield (
            name,
            [by_playheads(trace, size) - played(S3Fifo(), trace, size, [0.0]) for size in sizes],
        )


if __name__ == "__main__":
    print(json.dumps(measured(quick="--quick" in sys.argv), indent=1))
