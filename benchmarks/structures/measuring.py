"""How every row is measured: CPU time, peers interleaved in one run, medians."""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from importlib import metadata

import msgspec

Work = Callable[[], object]


class Row(msgspec.Struct, kw_only=True):
    """One line of the table: a figure of ours beside a peer's, and what was asked."""

    room: str
    """The room measured: `limits`, `caches`, ..."""
    what: str
    """What was done, in a few words."""
    ours: float
    peer: str
    """The peer's name and version, or the rule it is held to."""
    theirs: float
    unit: str
    ratio: float
    """How many times better ours is, above 1 is better."""
    at_least: float | None = None
    """The target; None where the row only informs."""
    note: str = ""

    @property
    def met(self) -> bool:
        return self.at_least is None or self.ratio >= self.at_least


def interleaved(works: Mapping[str, Work], *, rounds: int = 5) -> dict[str, float]:
    """Return each work's median CPU seconds; every round runs all of them, in turn.

    The collector is off while a work runs, and each round starts with another
    work, so that no one always pays for the one before it.
    """
    names = list(works)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken[name].append(cpu_s(works[name]))
    return {name: statistics.median(times) for name, times in taken.items()}


def cpu_s(work: Work) -> float:
    """Return the CPU seconds, of all threads, that one call takes."""
    gc.collect()
    gc.disable()
    try:
        before = time.process_time_ns()
        work()
        return (time.process_time_ns() - before) / 1e9
    finally:
        gc.enable()


def allocated_bytes(build: Work) -> int:
    """Return how many bytes that Python knows of stay allocated with what `build` returns."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = build()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del kept
        return after - before
    finally:
        tracemalloc.stop()


def version(package: str) -> str:
    """Return `package 1.2.3`, as installed."""
    return f"{package} {metadata.version(package)}"
