"""`./run bench audience-kills`: kill -9 at random points of ingests, builds and a deletion; the same bytes.

Twenty kills on 50,000 users; `--long`, or `./run long audience-kills`, fifty on
200,000. The last line is the table as JSON.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.audience.killing import PHASES, Task, storm
from benchmarks.audience.population import identifier, write, write_changes


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench audience-kills", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seven kills on 20,000 users")
    parser.add_argument("--long", action="store_true", help="50 kills on 200,000 users")
    asked = parser.parse_args(arguments)
    kills, users = (50, 200_000) if asked.long else (7, 20_000) if asked.quick else (20, 50_000)
    with tempfile.TemporaryDirectory() as folder:
        targets = measure(Path(folder), kills=kills, users=users)
    print(json.dumps({"benchmark": "audience-kills", "peers": {}, "users": users, "targets": targets}))
    return 0 if all(target["met"] for target in targets) else 1


def measure(folder: Path, *, kills: int, users: int) -> list[dict[str, Any]]:
    """Return what came of so many kills; AssertionError where an outcome differs."""
    first, second = folder / "first.parquet", folder / "second.parquet"
    write(first, users)
    write_changes(second, users, 0.1, 5)
    others = tuple(identifier(number) for number in range(0, users, users // 100) if number != users // 3)
    task = Task(first, second, identifier(users // 3), others, chunk_rows=users // 10)
    found = storm(
        folder / "kills",
        task,
        kills=kills,
        chance=Random(9),
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    for phase in PHASES:
        print(f"{phase:<12} {found.kills.get(phase, 0):>4} kills")
    total = sum(found.kills.values())
    print(f"{total} kills in {found.rounds} rounds: every round ended with the same bitmaps, and no traces")
    return [
        {
            "name": "kills with the same bitmaps",
            "value": total,
            "at_least": kills,
            "met": total >= kills,
        }
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
