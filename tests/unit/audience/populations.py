"""Viewers as files that a store takes in, and audiences as sets of names."""

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bijou.audience import Batch, Dimension, Hasher, Kind, Mode, Policy
from bijou.audience.forgetting import forget
from bijou.audience.ingest import ingest
from bijou.audience.manifest import BatchReport
from bijou.audience.shown import Forgotten
from bijou.audience.snapshots import Snapshot, Snapshots
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.ports import Instant, VirtualClock
from tests.unit.audience.oracle import COUNTRIES, DEVICES, LIKES

KEY = bytes(range(16))
NOW_S = 1_763_700_000
_SERIAL = itertools.count()

TYPES = {
    "user": pa.string(),
    "updated_at": pa.int64(),
    "country": pa.string(),
    "device": pa.string(),
    "likes": pa.string(),
    "age": pa.int32(),
    "hours": pa.float32(),
    "subscriber": pa.bool_(),
    "consent": pa.string(),
    **{f"watched:{value}": pa.int64() for value in LIKES},
}


class Place:
    """A store in a folder of its own, with a clock that stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(Instant(NOW_S * 1_000_000))
        self.store = FeatureStore(folder / "audience", Hasher(KEY, native=False), self.clock)
        if "hours" not in self.store.registry():
            self.store.register(Dimension("hours", Kind.NUMBER))

    def send(
        self,
        viewers: Mapping[str, Mapping[str, Any]],
        batch: str,
        *,
        at_s: int = NOW_S,
        mode: Mode = Mode.DELTA,
        policy: Policy = Policy.KEEP_GOOD,
        columns: Sequence[str] | None = None,
    ) -> BatchReport:
        path = parquet(self.folder / f"{next(_SERIAL)}.parquet", viewers, columns)
        return self.take(path, batch, at_s=at_s, mode=mode, policy=policy)

    def take(
        self,
        path: Path,
        batch: str,
        *,
        at_s: int = NOW_S,
        mode: Mode = Mode.DELTA,
        policy: Policy = Policy.KEEP_GOOD,
    ) -> BatchReport:
        return ingest(self.store, FileSource(path), Batch(batch, Instant(at_s * 1_000_000), mode, policy))

    def forget(self, name: str) -> Forgotten:
        return forget(self.store, name)

    def ordinal(self, name: str) -> int | None:
        ordinals = self.store.ordinals(self.store.manifest())
        try:
            return ordinals.one(self.store.hasher.one(name))
        finally:
            ordinals.close()

    def members(self, audience: str, names: Sequence[str]) -> set[str]:
        snapshot = self.snapshot()
        try:
            bitmap = snapshot.bitmap(audience)
            found = {name for name in names if (place := self.ordinal(name)) is not None and place in bitmap}
            assert len(found) == len(bitmap)
            return found
        finally:
            snapshot.close()

    def snapshot(self) -> Snapshot:
        return Snapshots(self.store.folder).open(self.store.manifest().forgotten)


def parquet(
    path: Path, viewers: Mapping[str, Mapping[str, Any]], columns: Sequence[str] | None = None
) -> Path:
    """Write viewers to a file; sets as text, events by their latest moment."""
    names = [name for name in TYPES if name not in {"user", "updated_at"}] if columns is None else columns
    rows = {name: [cell(viewer.get(name)) for viewer in viewers.values()] for name in names}
    arrays = {name: pa.array(values, TYPES[name]) for name, values in rows.items()}
    pq.write_table(pa.table({"user": pa.array(list(viewers)), **arrays}), path)
    return path


def cell(value: Any) -> Any:
    if isinstance(value, frozenset):
        return "|".join(sorted(value)) or None
    if isinstance(value, tuple):
        return max(value, default=None)
    return value


def crowd(count: int, chance: random.Random, *, start: int = 0) -> dict[str, dict[str, Any]]:
    """People of whom much, little or nothing is known; one moment of each event at most."""
    people = {}
    for number in range(start, start + count):
        some = {
            "country": chance.choice(COUNTRIES),
            "device": chance.choice(DEVICES),
            "likes": frozenset(chance.sample(LIKES, chance.randint(1, 3))),
            "age": chance.randint(0, 60),
            "hours": chance.randint(0, 200) / 4,
            "subscriber": chance.random() < 0.5,
            **{f"watched:{value}": (NOW_S - chance.randint(0, 9 * 86_400),) for value in LIKES},
        }
        known = {name: value for name, value in some.items() if chance.random() < 0.8}
        people[f"viewer-{number:06}"] = {**known, "consent": frozenset({"ads"})}
    return people


def bits(indices: Sequence[int], rows: int) -> Any:
    """Return a boolean array with these places set."""
    answers = np.zeros(rows, bool)
    answers[list(indices)] = True
    return answers
