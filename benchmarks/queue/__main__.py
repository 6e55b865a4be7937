"""`./run bench queue`: claims and commits a second, beside Procrastinate and DBOS.

All on one PostgreSQL of the benchmark's own that flushes every commit, with
four workers in one process each, the peers' backlogs smaller as they are
slower; medians of interleaved rounds. Ours goes in batches, which is what it
is made for; the row of one at a time says what that is worth. SQLite stands
beside for whoever runs one machine. Fairness is that of worker processes who
share one backlog: how far the shares of the most and the least are apart.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import metadata
from itertools import count
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from benchmarks.queue.ours import fill, records_at
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import SystemClock
from bijou.runtime.processes import die_with_parent
from tests.contract.queue.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
WORKERS, BATCH, SHARERS = 4, 200, 3
_NUMBERS = count()


def main(words: list[str]) -> int:
    quick = "--quick" in words
    server = PostgresServer(durable=True)
    try:
        server.start()
        rates = measured(server, rounds=2 if quick else 7, scale=1 if quick else 4)
        spread = fairness(server, tasks=6000 if quick else 20000)
    finally:
        server.remove()
    peers = {name: metadata.version(name) for name in ("procrastinate", "dbos")}
    ours = rates["bijou, batches of 200"]
    targets: list[dict[str, object]] = [
        target("queue / Procrastinate", ours / rates["procrastinate"], at_least=10),
        target("queue / DBOS", ours / rates["dbos"], at_least=10),
        target("fairness between workers, spread of shares", spread, at_most=0.1),
    ]
    show(rates, targets)
    print(
        json.dumps({"benchmark": "queue", "quick": quick, "peers": peers, "per_s": rates, "targets": targets})
    )
    return 0


def measured(server: PostgresServer, *, rounds: int, scale: int) -> dict[str, float]:
    """Return the median of tasks claimed and committed a second, each round in another order."""
    rivals: dict[str, Sequence[object]] = {
        "bijou, batches of 200": ("ours", 4000 * scale, WORKERS, BATCH),
        "bijou, one at a time": ("ours", 100 * scale, WORKERS, 1),
        "procrastinate": ("procrastinate_peer", 150 * scale, WORKERS),
        "dbos": ("dbos_peer", 30 * scale, WORKERS),
        "bijou on SQLite, batches of 200": ("ours", 4000 * scale, 1, BATCH),
    }
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    names = list(rivals)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            rates[name].append(rate(server, rivals[name], on_file="SQLite" in name))
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
    return {name: round(statistics.median(each), 1) for name, each in rates.items()}


def rate(server: PostgresServer, rival: Sequence[object], *, on_file: bool) -> float:
    """Let one rival empty a backlog of its own, in a process and a database of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-queue-") as folder:
        place = f"{folder}/queue.db" if on_file else server.make(f"bench{next(_NUMBERS)}")
        module, *numbers = rival
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.queue.{module}", place, *map(str, numbers)],
            cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["per_s"])


def fairness(server: PostgresServer, *, tasks: int) -> float:
    """Return (most - least) / mean of what several worker processes got of one backlog."""
    address = server.make(f"bench{next(_NUMBERS)}")
    asyncio.run(backlog(address, tasks))
    sharers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.queue.sharing", address, f"w{number}", "20"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - async-signal-safe
        )
        for number in range(SHARERS)
    ]
    for sharer in sharers:
        assert sharer.stdout is not None
        sharer.stdout.readline()
    for sharer in sharers:
        assert sharer.stdin is not None
        sharer.stdin.write("go\n")
        sharer.stdin.flush()
    shares = [int(sharer.communicate(timeout=300)[0]) for sharer in sharers]
    assert sum(shares) == tasks, f"{shares} are not {tasks} tasks"
    return (max(shares) - min(shares)) / statistics.mean(shares)


async def backlog(address: str, tasks: int) -> None:
    records = records_at(address, 1)
    await fill(RecordsQueue(records, SystemClock(), Random(1)), tasks)
    await records.close()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}


def target(name: str, value: float, **bound: float) -> dict[str, object]:
    ((kind, limit),) = bound.items()
    met = value >= limit if kind == "at_least" else value <= limit
    return {"name": name, "value": round(value, 3), kind: limit, "met": met}


def show(rates: Mapping[str, float], targets: Sequence[Mapping[str, object]]) -> None:
    console = Console()
    table = Table("queue", "claims + commits a second")
    for name, per_s in rates.items():
        table.add_row(name, f"{per_s:,.0f}")
    console.print(table)
    for row in targets:
        bound = f"at least {row['at_least']}" if "at_least" in row else f"at most {row['at_most']}"
        console.print(
            f"{row['name']:<46} {row['value']:>8}   {bound:<14} {'met' if row['met'] else 'MISSED'}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
