"""`./run bench matching shards`: 1, 2 and 4 shards over HTTP; one killed, one added under load.

Every shard is a process with all line items. Callers send batches, since a
call costs more than a match. Machines with fewer cores than shards show what
a shard costs, not how far shards go: so CPU per match stands beside throughput.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.matching.measuring import quantile, step, target
from bijou.ads.matching.http import HttpShard
from bijou.ads.matching.samples import LOOSE, Sampler
from bijou.ads.matching.shards import Ask, Found, ShardedMatch
from bijou.runtime.http import Wire

BATCH, CALLERS, BEST = 50, 4, 50


class Process:
    """A shard's process."""

    def __init__(self, lines: int) -> None:
        command = [sys.executable, "-m", "benchmarks.matching.shard_server", str(lines)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def shard(self) -> HttpShard:
        """Wait until it answers."""
        assert self._process.stdout is not None
        return HttpShard(Wire(f"http://127.0.0.1:{int(self._process.stdout.readline())}", "bench"))

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def main(*, quick: bool) -> int:
    lines = 20_000 if quick else 200_000
    calls = 40 if quick else 200
    sampler = Sampler(Random(5), LOOSE)
    asks = [Ask(f"viewer-{number}", sampler.opportunity(), BEST) for number in range(2_000)]
    rows = [asyncio.run(measured(number, lines, asks, calls)) for number in (1, 2, 4)]
    step("three shards: one is killed, then one added")
    changes = asyncio.run(disturbed(lines, asks, calls))
    targets = [
        target("asks lost while a shard was killed", changes["lost"], at_most=0),
        target("degraded answers that do not say so", changes["silent"], at_most=0),
        target(
            "viewers that move when a fourth shard joins three, share", changes["moved_share"], at_most=0.3
        ),
    ]
    show(rows, targets, changes)
    print(
        json.dumps(
            {
                "benchmark": "matching shards",
                "line_items": lines,
                "peers": {},
                "rows": rows,
                "targets": targets,
            }
        )
    )
    return 0


async def measured(number: int, lines: int, asks: list[Ask], calls: int) -> dict[str, Any]:
    """Ask so many shards, from several callers at once."""
    step(f"{number} shards of {lines:,} line items")
    processes = [Process(lines) for _ in range(number)]
    try:
        shards = ShardedMatch({f"shard-{place}": process.shard() for place, process in enumerate(processes)})
        await loads(shards, asks, 8)
        before_s, began_s = sum(process.cpu_s() for process in processes), time.perf_counter()
        found, times = await loads(shards, asks, calls)
        took_s = time.perf_counter() - began_s
        cpu_s = sum(process.cpu_s() for process in processes) - before_s
    finally:
        for process in processes:
            process.kill()
    return {
        "shards": number,
        "matches_per_s": round(len(found) / took_s),
        "server_cpu_us_a_match": round(cpu_s / len(found) * 1e6, 1),
        "p50_ms_a_call": quantile(times, 50),
        "p99_ms_a_call": quantile(times, 99),
    }


async def loads(shards: ShardedMatch, asks: list[Ask], calls: int) -> tuple[list[Found], list[float]]:
    """Send `calls` batches; return all answers, and milliseconds a call."""
    found: list[Found] = []
    times: list[float] = []
    numbers = iter(range(calls))

    async def caller() -> None:
        for number in numbers:
            first = number * BATCH % len(asks)
            began_s = time.perf_counter()
            found.extend(await shards.find(asks[first : first + BATCH]))
            times.append((time.perf_counter() - began_s) * 1e3)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return found, times


async def disturbed(lines: int, asks: list[Ask], calls: int) -> dict[str, Any]:
    """Kill one of three in the middle of a load, then add one in the middle of another."""
    processes = [Process(lines) for _ in range(4)]
    try:
        reached = [process.shard() for process in processes]
        shards = ShardedMatch({f"shard-{place}": reached[place] for place in range(3)})
        expected, _ = await loads(shards, asks, len(asks) // BATCH)
        whole = dict(zip((ask.viewer for ask in asks), await shards.find(asks[:1000]), strict=False))
        loading = asyncio.create_task(loads(shards, asks, calls))
        await asyncio.sleep(0.2)
        processes[1].kill()
        found, _ = await loading
        after = await shards.find(asks[:1000])
        silent = sum(
            not now.degraded and now.matches != whole[ask.viewer].matches
            for ask, now in zip(asks[:1000], after, strict=True)
        )
        owners = {ask.viewer: shards.order_of(ask.viewer)[0] for ask in asks}
        loading = asyncio.create_task(loads(shards, asks, calls))
        await asyncio.sleep(0.2)
        shards.add("shard-3", reached[3])
        joined, _ = await loading
        moved = sum(shards.order_of(viewer)[0] != owner for viewer, owner in owners.items())
    finally:
        for process in processes:
            process.kill()
    return {
        "expected": len(expected),
        "lost": 2 * calls * BATCH - len(found) - len(joined),
        "silent": silent,
        "degraded": dict(Counter(each.degraded or "whole" for each in found)),
        "moved_share": moved / len(owners),
    }


def show(rows: list[dict[str, Any]], targets: list[dict[str, Any]], changes: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    console.print(f"answers while one of three was killed: {changes['degraded']}")
    for each in targets:
        console.print(f"{each['name']}: {each['value']:g} ({'met' if each['met'] else 'MISSED'})")
