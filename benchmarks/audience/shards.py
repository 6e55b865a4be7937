"""`./run bench audience shards`: viewers read from 1, 2 and 4 shards over HTTP, one added, one killed.

Every shard is a process; callers send batches. Machines with fewer cores than
shards show what a shard costs, not how far shards go: so CPU a read stands
beside throughput.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.audience.population import identifiers, rules, write
from benchmarks.audience.shard_processes import ShardProcess
from bijou.app.audience_shards import Reaching
from bijou.app.audiences import sharded_audiences
from bijou.app.keys import keys_of
from bijou.app.settings import House, Settings
from bijou.audience import Batch, Mode
from bijou.audience.api import NewAudience
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.service import ShardedAudiences
from bijou.audience.shards.slots import MapFile, Shards
from bijou.audience.shown import Known
from bijou.engines.audience_files import FileSource
from bijou.ports import SystemClock

BATCH, CALLERS, AUDIENCES, PROBED = 50, 4, 20, 2_000
Answer = tuple[list[str], dict[str, Any], str]


class Town:
    """An installation with some shards, and viewers who are asked for."""

    def __init__(self, folder: Path) -> None:
        self.house = folder / "house"
        self.settings = Settings(house=House(data_dir=str(self.house)))
        self.processes: list[ShardProcess] = []
        self.audiences: ShardedAudiences = sharded_audiences(self.settings, SystemClock(), SystemRandom())
        self.key = keys_of(self.settings, SystemRandom()).service
        self.hashes: list[int] = []
        self.expected: dict[int, Answer] = {}

    def grow(self, count: int) -> None:
        """Start shards until there are so many; they hold nothing yet."""
        for number in range(len(self.processes), count):
            self.processes.append(ShardProcess(f"s{number}", self.house))
            self.processes[-1].start()

    def add(self) -> None:
        """Let all that run hold their share."""
        self.audiences.add_shards([each.entry for each in self.processes], lambda _: None)

    def map(self) -> Shards:
        found = MapFile(self.house / "audience").read()
        assert found is not None
        return found

    def fill(self, folder: Path, users: int) -> None:
        """Upload users, and build audiences."""
        write(folder / "users.parquet", users)
        now = SystemClock().now()
        self.audiences.upload(FileSource(folder / "users.parquet"), Batch("all", now, Mode.FULL))
        for number, rule in enumerate(rules(AUDIENCES)):
            self.audiences.define(NewAudience(f"a{number}", " and ".join(test.ours for test in rule)))
        self.audiences.build()
        names = identifiers(range(min(PROBED, users))).to_pylist()
        self.hashes = [self.audiences.store.hasher.one(name) for name in names]

    def end(self) -> None:
        for each in self.processes:
            each.kill()


def plain(known: Known) -> Answer:
    """Return what must be the same whoever answers."""
    return sorted(known.audiences), known.features, known.degraded


class Load:
    """Callers who read viewers in batches until they are told to stop."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.stop = asyncio.Event()
        self.times_ms: list[float] = []
        self.reads = self.wrong = self.lost = 0
        self.degraded: Counter[str] = Counter()

    async def run(self, *, calls: int = 0) -> "Load":
        """Read; so many calls, or until stopped."""
        reaching = Reaching(self._town.key)
        users = ShardedUsers(self._town.map(), reaching, SystemClock())
        numbers = iter(range(calls or sys.maxsize))

        async def caller() -> None:
            for number in numbers:
                if self.stop.is_set():
                    return
                first = number * BATCH % len(self._town.hashes)
                await self._read(users, self._town.hashes[first : first + BATCH])

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await reaching.close()
        return self

    async def _read(self, users: ShardedUsers, hashes: list[int]) -> None:
        began_s = time.perf_counter()
        try:
            found = await users.known(hashes)
        except Exception as error:  # noqa: BLE001 - the benchmark counts whatever is raised
            print(error, file=sys.stderr)
            self.lost += len(hashes)
            return
        self.times_ms.append((time.perf_counter() - began_s) * 1e3)
        self.reads += len(found)
        for hash_, known in zip(hashes, found, strict=True):
            answer = plain(known)
            if known.degraded == "shard_away":
                self.degraded[known.degraded] += 1
            elif answer != self._town.expected.setdefault(hash_, answer):
                self.wrong += 1

    def quantile_ms(self, percent: float) -> float:
        return round(float(np.percentile(self.times_ms, percent)), 2)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench audience shards", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 users, and fewer calls")
    parser.add_argument("--users", type=int, default=0, help="another number of users")
    asked = parser.parse_args(arguments)
    users, calls = asked.users or (20_000 if asked.quick else 1_000_000), 100 if asked.quick else 1000
    with tempfile.TemporaryDirectory() as thrown_away:
        folder = Path(thrown_away)
        town = Town(folder)
        try:
            found = asyncio.run(measured(town, folder, users, calls))
        finally:
            town.end()
    report(found, users)
    return 0


async def measured(town: Town, folder: Path, users: int, calls: int) -> dict[str, Any]:
    tell(f"one shard, {users:,} users")
    town.grow(1)
    await asyncio.to_thread(town.add)
    await asyncio.to_thread(town.fill, folder, users)
    await Load(town).run(calls=len(town.hashes) // BATCH)
    rows = [await row(town, calls)]
    joined = []
    for count in (2, 4):
        tell(f"{count} shards: added while they are read")
        await asyncio.to_thread(town.grow, count)
        joined.append(await loaded_while(town, town.add))
        rows.append(await row(town, calls))
    tell("one of four is killed while they are read")
    killed = await loaded_while(town, town.processes[1].kill, calls=calls)
    reach = await asyncio.to_thread(town.audiences.reach, "age >= 18")
    return {"rows": rows, "joined": joined, "killed": killed, "missing": reach.missing}


async def row(town: Town, calls: int) -> dict[str, Any]:
    """Read from the shards that there are."""
    before_s, began_s = sum(each.cpu_s() for each in town.processes), time.perf_counter()
    load = await Load(town).run(calls=calls)
    took_s = time.perf_counter() - began_s
    cpu_s = sum(each.cpu_s() for each in town.processes) - before_s
    assert not load.lost
    assert not load.wrong
    assert not load.degraded
    return {
        "shards": len(town.processes),
        "reads_per_s": round(load.reads / took_s),
        "server_cpu_us_a_read": round(cpu_s / load.reads * 1e6, 1),
        "p50_ms_a_call": load.quantile_ms(50),
        "p99_ms_a_call": load.quantile_ms(99),
    }


async def loaded_while(town: Town, change: Any, *, calls: int = 0) -> dict[str, Any]:
    """Read while something changes, and a few calls longer."""
    load = Load(town)
    reading = asyncio.create_task(load.run(calls=calls))
    await asyncio.sleep(0.2)
    began_s = time.perf_counter()
    await asyncio.to_thread(change)
    took_s = time.perf_counter() - began_s
    if not calls:
        load.stop.set()
    await reading
    return {
        "took_s": round(took_s, 2),
        "reads": load.reads,
        "wrong": load.wrong,
        "lost": load.lost,
        "degraded": dict(load.degraded),
        "p99_ms_a_call": load.quantile_ms(99),
        "longest_ms": load.quantile_ms(100),
    }


def report(found: dict[str, Any], users: int) -> None:
    joined, killed = found["joined"], found["killed"]
    targets = [
        _most(
            "answers wrong or lost while shards were added", sum(e["wrong"] + e["lost"] for e in joined), 0
        ),
        _most("answers wrong or lost while one was killed", killed["wrong"] + killed["lost"], 0),
        _most("share of users said to lack, beside a quarter", abs(found["missing"] - 0.25), 0),
        _most("longest call while one was killed, ms", killed["longest_ms"], 4000),
    ]
    console = Console(width=None if sys.stdout.isatty() else 130)
    for rows in (found["rows"], [*joined, killed]):
        table = Table(*rows[0], box=None, pad_edge=False)
        for each in rows:
            table.add_row(*map(str, each.values()))
        console.print(table)
    for each in targets:
        console.print(f"{each['name']}: {each['value']:g} ({'met' if each['met'] else 'MISSED'})")
    print(
        json.dumps({"benchmark": "audience shards", "users": users, "peers": {}, **found, "targets": targets})
    )


def _most(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": round(float(value), 4), "at_most": bound, "met": value <= bound}


def tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
