"""kill -9 at random points; `./run long audience` does it 50 times on larger batches."""

import random
from pathlib import Path

from benchmarks.audience.killing import storm
from tests.unit.audience.populations import crowd, parquet

COLUMNS = ["country", "age", "subscriber", "consent", "watched:noir"]


def test_an_ingest_killed_at_ten_points_ends_with_the_same_bitmaps(tmp_path: Path) -> None:
    chance = random.Random(11)
    people = crowd(3000, chance)
    later = dict(list(crowd(600, chance, start=2800).items()))
    for name in list(people)[::97]:
        people[name]["age"] = 900
    first = parquet(tmp_path / "first.parquet", people, COLUMNS)
    second = parquet(tmp_path / "second.parquet", later, COLUMNS)

    kills = storm(tmp_path, first, second, kills=10, chance=chance, chunk_rows=500)

    assert kills >= 10
