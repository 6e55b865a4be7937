"""`./run bench audience-freshness`: delta interval x layout: freshness, CPU, bytes; the price of a question.

Users change at a fixed rate; every interval the changes since the last one
become a delta and audiences are built. `--quick` takes 200,000 users instead
of 2 million. The last line is the table as JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.audience.deltas import definitions, opened
from benchmarks.audience.population import NOW_S, write, write_changes
from bijou.audience import Batch, Mode
from bijou.audience.building import build
from bijou.audience.ingest import ingest
from bijou.audience.snapshots import Snapshots
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.ports import Instant

INTERVALS_S = (1, 10, 60, 600, 3600)
CHANGED_A_DAY = 0.1


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench audience-freshness", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200,000 users")
    parser.add_argument("--long", action="store_true", help="10 million users")
    asked = parser.parse_args(arguments)
    users = 200_000 if asked.quick else 10_000_000 if asked.long else 2_000_000
    with tempfile.TemporaryDirectory() as folder:
        rows, layouts = _measured(Path(folder), users)
    _show(rows, layouts, users)
    freshest = min((row["interval_s"] for row in rows if row["cpu_share"] <= 0.01), default=float("inf"))
    targets = [
        {
            "name": "shortest interval under 1 % of a core, s",
            "value": freshest,
            "at_most": 600,
            "met": freshest <= 600,
        }
    ]
    result = {"benchmark": "audience-freshness", "users": users, "peers": {}, "targets": targets}
    print(json.dumps({**result, "rows": rows, "layouts": layouts}))
    return 0


def _measured(folder: Path, users: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    file = folder / "all.parquet"
    write(file, users)
    store = opened(folder / "store")
    ingest(store, FileSource(file), Batch("all", Instant(NOW_S * 1_000_000), Mode.FULL))
    build(store, definitions(), floor=0)
    rows = [_interval(store, folder, users, interval_s, n) for n, interval_s in enumerate(INTERVALS_S)]
    return rows, _layouts(store, users)


def _interval(store: FeatureStore, folder: Path, users: int, interval_s: int, number: int) -> dict[str, Any]:
    """Measure the second of two deltas of one interval; the first warms."""
    changed = max(1, int(users * CHANGED_A_DAY * interval_s / 86_400))
    for attempt in range(2):
        path = folder / "changes.parquet"
        write_changes(path, users, changed / users + 1e-12, 10 * number + attempt)
        cpu, wall = time.process_time(), time.monotonic()
        batch = Batch(
            f"d{number}-{attempt}", Instant((NOW_S + 10 * number + attempt) * 1_000_000), Mode.DELTA
        )
        ingest(store, FileSource(path), batch)
        build(store, definitions(), floor=0)
        cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    snapshot = Snapshots(store.folder).open()
    written = snapshot.size_bytes() + (store.data / store.manifest().layers[-1].file).stat().st_size
    snapshot.close()
    return {
        "interval_s": interval_s,
        "changed": changed,
        "cpu_s": cpu_s,
        "cpu_share": cpu_s / interval_s,
        "fresh_p50_s": interval_s / 2 + wall_s,
        "fresh_p99_s": interval_s * 0.99 + wall_s,
        "written_bytes_an_hour": written * 3600 / interval_s,
    }


def _layouts(store: FeatureStore, users: int) -> list[dict[str, Any]]:
    """Compare how the same audiences lie in memory, and what questions cost there."""
    snapshot = Snapshots(store.folder).open()
    bitmaps = [snapshot.bitmap(name) for name in snapshot.audiences]
    snapshot.close()
    bitmaps = [bitmap for bitmap in bitmaps if len(bitmap)]
    arrays = [np.array(bitmap.to_array(), np.uint32) for bitmap in bitmaps]
    dense = [_dense(array, users) for array in arrays]
    who = np.random.default_rng(3).integers(0, users, 1000).tolist()
    pairs = list(zip(range(len(bitmaps)), range(1, len(bitmaps)), strict=False))
    return [
        _layout(
            "roaring",
            sum(len(bitmap.serialize()) for bitmap in bitmaps),
            lambda: [user in bitmap for bitmap in bitmaps[:20] for user in who],
            lambda: [bitmaps[one].intersection_cardinality(bitmaps[other]) for one, other in pairs],
            len(pairs),
        ),
        _layout(
            "dense bits",
            sum(bits.nbytes for bits in dense),
            lambda: [bits[user >> 3] >> (user & 7) & 1 for bits in dense[:20] for user in who],
            lambda: [int(np.bitwise_count(dense[one] & dense[other]).sum()) for one, other in pairs],
            len(pairs),
        ),
        _layout(
            "sorted u32",
            sum(array.nbytes for array in arrays),
            lambda: [np.searchsorted(array, user) for array in arrays[:20] for user in who[:100]],
            lambda: [
                len(np.intersect1d(arrays[one], arrays[other], assume_unique=True))
                for one, other in pairs[:10]
            ],
            min(len(pairs), 10),
            probes=20 * 100,
        ),
    ]


def _dense(array: Any, users: int) -> Any:
    bits = np.zeros(-(-users // 8) * 8, bool)
    bits[array] = True
    return np.packbits(bits, bitorder="little")


def _layout(
    name: str,
    size: int,
    members: Callable[[], Any],
    both: Callable[[], Any],
    pairs: int,
    probes: int = 20 * 1000,
) -> dict[str, Any]:
    return {
        "layout": name,
        "bytes": size,
        "member_us": _cpu_s(members) / probes * 1e6,
        "and_count_us": _cpu_s(both) / max(pairs, 1) * 1e6,
    }


def _cpu_s(work: Callable[[], Any]) -> float:
    taken = []
    for _ in range(3):
        cpu = time.process_time()
        work()
        taken.append(time.process_time() - cpu)
    return sorted(taken)[1]


def _show(rows: list[dict[str, Any]], layouts: list[dict[str, Any]], users: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else 130)
    for title, table_rows in (
        (f"{users:,} users, {CHANGED_A_DAY:.0%} change a day", rows),
        ("layouts", layouts),
    ):
        table = Table(*table_rows[0], title=title, box=None, pad_edge=False)
        for row in table_rows:
            table.add_row(*(value if isinstance(value, str) else f"{value:,.4g}" for value in row.values()))
        console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
