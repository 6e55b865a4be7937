"""A one-percent delta until it is visible, beside building everything again."""

import time
from pathlib import Path
from typing import Any

from benchmarks.audience.population import NOW_S, rules, write_changes
from bijou.audience import Batch, Hasher, Mode, Registry, read_rule
from bijou.audience.building import build
from bijou.audience.forgetting import forget
from bijou.audience.ingest import ingest
from bijou.audience.reach import estimate
from bijou.audience.snapshots import Definition, Snapshots
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.ports import Instant, VirtualClock


def definitions() -> list[Definition]:
    registry = Registry.shipped()
    texts = [" and ".join(test.ours for test in rule) for rule in rules()]
    return [Definition(f"a{n:03}", read_rule(text, registry)) for n, text in enumerate(texts)]


def opened(folder: Path) -> FeatureStore:
    return FeatureStore(folder, Hasher(bytes(16)), VirtualClock(Instant(NOW_S * 1_000_000)))


def measure(folder: Path, work: Path, users: int) -> dict[str, Any]:
    """Return CPU seconds of a delta and of a full build, both to the swapped pointer; and of small things."""
    store, rules_ = opened(folder), definitions()
    for number in range(2):  # the first warms what a service has warm
        write_changes(work / "changes.parquet", users, 0.01, 100 + number)
        cpu, wall = time.process_time(), time.monotonic()
        batch = Batch(f"delta-{number}-{users}", Instant((NOW_S + number) * 1_000_000), Mode.DELTA)
        ingest(store, FileSource(work / "changes.parquet"), batch)
        taken = time.process_time()
        build(store, rules_, floor=0)
        delta_s, delta_wall_s = time.process_time() - cpu, time.monotonic() - wall
        ingest_s = taken - cpu
    patched = _all(store)
    cpu = time.process_time()
    build(store, rules_, floor=0, full=True)
    full_s = time.process_time() - cpu
    assert patched == _all(store), "patched and full bitmaps differ"
    with store.viewing() as view:
        cpu = time.process_time()
        for each in rules_[:20]:
            estimate(view, each.rule, NOW_S)
        estimate_s = (time.process_time() - cpu) / 20
    cpu, wall = time.process_time(), time.monotonic()
    forget(store, "user-0000000000-00000000")
    return {
        "delta_s": delta_s,
        "delta_ingest_s": ingest_s,
        "delta_wall_s": delta_wall_s,
        "full_build_s": full_s,
        "estimate_s": estimate_s,
        "forget_s": time.process_time() - cpu,
        "forget_wall_s": time.monotonic() - wall,
        "snapshot_bytes": _size(store),
    }


def _all(store: FeatureStore) -> dict[str, int]:
    snapshot = Snapshots(store.folder).open(store.manifest().forgotten)
    found = {name: hash(snapshot.bitmap(name).to_array().tobytes()) for name in snapshot.audiences}
    snapshot.close()
    return found


def _size(store: FeatureStore) -> int:
    snapshot = Snapshots(store.folder).open()
    size = snapshot.size_bytes()
    snapshot.close()
    return size
