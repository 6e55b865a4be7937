"""kill -9 at random points; `./run long audience-kills` does it 50 times on larger batches."""

import random
from pathlib import Path

from benchmarks.audience.killing import PHASES, Task, storm
from tests.unit.audience.populations import crowd, parquet

COLUMNS = ["country", "age", "subscriber", "consent", "watched:noir"]


def test_work_killed_in_each_of_its_phases_ends_with_the_same_bytes_and_no_trace(tmp_path: Path) -> None:
    chance = random.Random(11)
    people = crowd(3000, chance)
    later = crowd(600, chance, start=2800)
    for name in list(people)[::97]:
        people[name]["age"] = 900
    first = parquet(tmp_path / "first.parquet", people, COLUMNS)
    second = parquet(tmp_path / "second.parquet", later, COLUMNS)
    task = Task(first, second, "viewer-002900", tuple(list(people)[::31]), chunk_rows=500)

    found = storm(tmp_path, task, kills=10, chance=chance)

    assert sum(found.kills.values()) == 10
    assert set(found.kills) <= set(PHASES)
