"""Writes that outpace reads: a log with sorted runs beside a B-tree, both durable."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple, Protocol

from benchmarks.structures.measuring import Row, cpu_s
from bijou.engines.run_store import RunStore

READS_A_WRITE = (10.0, 3.0, 1.0, 0.3, 0.1, 0.01)
TOGETHER = 100
VALUE = bytes(range(100))
SLICES = 8


class Store(Protocol):
    def write(self, entries: list[tuple[bytes, bytes | None]], /) -> None: ...
    def get(self, key: bytes, /) -> bytes | None: ...


class BTree:
    """SQLite's; every transaction is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=wal", "synchronous=full"):
            self.database.execute(f"pragma {pragma}")
        self.database.execute("create table t (key blob primary key, value blob) without rowid")

    def write(self, entries: list[tuple[bytes, bytes | None]]) -> None:
        self.database.execute("begin immediate")
        self.database.executemany("insert or replace into t values (?, ?)", entries)
        self.database.execute("commit")

    def get(self, key: bytes) -> bytes | None:
        found = self.database.execute("select value from t where key = ?", (key,)).fetchone()
        return bytes(found[0]) if found else None


class Cost(NamedTuple):
    cpu_s: float
    written_bytes: int

    def plus(self, cpu_s: float, written_bytes: int) -> "Cost":
        return Cost(self.cpu_s + cpu_s, self.written_bytes + written_bytes)


def rows(*, quick: bool) -> list[Row]:
    writes = 8_000 if quick else 80_000
    measured = [_beside(reads, writes, writes * 13) for reads in READS_A_WRITE]
    note = f"{writes} keys into empty stores, {TOGETHER} an fsync"
    found = [_row(reads, *costs, note) for reads, costs in zip(READS_A_WRITE, measured, strict=True)]
    return [*found, _bytes_row(measured, writes)]


def _beside(reads_a_write: float, writes: int, memory_bytes: int) -> tuple[Cost, Cost]:
    """The same keys and the same questions to both, a slice in turn; 17 runs, and two merges of eight."""
    chance = Random(7)
    held = [b""]
    costs = [Cost(0, 0), Cost(0, 0)]
    with TemporaryDirectory() as folder, RunStore(Path(folder, "runs"), memory_bytes=memory_bytes) as runs:
        tree = BTree(Path(folder, "tree.db"))
        with closing(tree.database):
            stores: tuple[Store, Store] = (runs, tree)
            for store in stores:
                store.write([(b"", VALUE)])
            for _ in range(SLICES):
                new = [chance.randbytes(16) for _ in range(writes // SLICES)]
                asked = [chance.choice(held) for _ in range(round(len(new) * reads_a_write))]
                held += new
                for number, store in enumerate(stores):
                    before = _written_bytes()
                    seconds = cpu_s(partial(_do, store, new, asked))
                    costs[number] = costs[number].plus(seconds, _written_bytes() - before)
    return costs[0], costs[1]


def _do(store: Store, new: list[bytes], asked: list[bytes]) -> None:
    """Writes and reads in turn, as evenly as they can be mixed."""
    commits = len(new) // TOGETHER
    for number, some in enumerate(_some(new, TOGETHER)):
        store.write(some)
        for key in asked[len(asked) * number // commits : len(asked) * (number + 1) // commits]:
            assert store.get(key) == VALUE


def _some(keys: list[bytes], size: int) -> Iterator[list[tuple[bytes, bytes | None]]]:
    for start in range(0, len(keys), size):
        yield [(key, VALUE) for key in keys[start : start + size]]


def _written_bytes() -> int:
    """What this process handed to the kernel to write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def _row(reads: float, ours: Cost, theirs: Cost, note: str) -> Row:
    mix = f"{reads:g} reads a write" if reads >= 1 else f"{1 / reads:.3g} writes a read"
    return Row(
        room="runs",
        what=f"writes and reads, {mix}",
        ours=ours.cpu_s,
        peer=f"SQLite {sqlite3.sqlite_version}",
        theirs=theirs.cpu_s,
        unit="CPU-s",
        ratio=theirs.cpu_s / ours.cpu_s,
        note=note,
    )


def _bytes_row(measured: list[tuple[Cost, Cost]], writes: int) -> Row:
    count = writes * len(measured)
    ours_bytes = sum(ours.written_bytes for ours, _ in measured)
    theirs_bytes = sum(theirs.written_bytes for _, theirs in measured)
    return Row(
        room="runs",
        what="bytes written, a write of 116",
        ours=ours_bytes / count,
        peer=f"SQLite {sqlite3.sqlite_version}",
        theirs=theirs_bytes / count,
        unit="B",
        ratio=theirs_bytes / ours_bytes,
        note="log, runs and their merges; journal, pages",
    )
