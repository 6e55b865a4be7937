"""A viewer's profile in one read: LMDB as it serves, beside SQLite and Redis with the same records."""

import contextlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import redis

from benchmarks.audience.deltas import opened
from benchmarks.audience.population import identifier
from bijou.audience.profiles import Profile, ProfileReader, build_profiles
from bijou.audience.snapshots import Snapshots
from bijou.engines.audience_lmdb import LmdbProfiles

READS = 200_000


def measure(folder: Path, users: int) -> dict[str, Any]:
    """Return reads per second of CPU, of whole records with their audiences decoded."""
    store = opened(folder)
    snapshot = Snapshots(folder).open(store.manifest().forgotten)
    profiles = LmdbProfiles(folder / "profiles")
    cpu = time.process_time()
    layout = build_profiles(store, snapshot, profiles)
    built_s = time.process_time() - cpu
    reader = ProfileReader(profiles, store.hasher, store.clock)
    chance = Random(1)
    names = [identifier(chance.randrange(1, users)) for _ in range(READS)]
    keys = [reader.key_of(name) for name in names]
    records = {key: raw for key in keys if (raw := profiles.get(key)) is not None}

    def decode(raw: bytes) -> int:
        profile = Profile(raw, layout)
        return len(profile.audience_numbers())

    def lmdb_reads() -> None:
        for key in keys:
            profile = reader.read(key)
            if profile is not None:
                len(profile.audience_numbers())

    def by_name() -> None:
        for name in names:
            reader.read(reader.key_of(name))

    found = {
        "lmdb": _rate(lmdb_reads),
        "lmdb by identifier": _rate(by_name),
        "sqlite": _sqlite(keys, records, decode),
        "redis mget x100": _redis(keys, records, decode),
        "profiles_built_s": built_s,
        "record_bytes": sum(map(len, records.values())) / len(records),
    }
    profiles.close()
    snapshot.close()
    return found


def _rate(reads: Callable[[], None]) -> float:
    rates = []
    for _ in range(5):
        cpu = time.process_time()
        reads()
        rates.append(READS / (time.process_time() - cpu))
    return sorted(rates)[2]


def _sqlite(keys: list[bytes], records: dict[bytes, bytes], decode: Callable[[bytes], int]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "profiles.db")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA mmap_size = 8000000000")
        database.execute("CREATE TABLE p (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID")
        database.executemany("INSERT INTO p VALUES (?, ?)", sorted(records.items()))
        database.commit()
        cursor = database.cursor()

        def reads() -> None:
            for key in keys:
                row = cursor.execute("SELECT v FROM p WHERE k = ?", (key,)).fetchone()
                if row is not None:
                    decode(row[0])

        rate = _rate(reads)
        database.close()
        return rate


def _redis(keys: list[bytes], records: dict[bytes, bytes], decode: Callable[[bytes], int]) -> float:
    """Client CPU only; 0 where there is no redis-server."""
    if shutil.which("redis-server") is None:
        return 0.0
    with _server() as client:
        items = list(records.items())
        for start in range(0, len(items), 10_000):
            client.mset(dict(items[start : start + 10_000]))

        def reads() -> None:
            for start in range(0, len(keys), 100):
                for raw in client.mget(keys[start : start + 100]):
                    if raw is not None:
                        decode(raw)

        return _rate(reads)


@contextlib.contextmanager
def _server() -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    client: Any = redis.Redis(port=port)
    try:
        for _ in range(100):
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                break
            time.sleep(0.1)
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()
