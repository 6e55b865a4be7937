"""The short form of `./run bench encode-chaos`: real processes, real kills, real time."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from benchmarks.encode_chaos.storm import REAL, Outcome, Size, run

SLOWLY = "benchmarks.encode_chaos.work:slow"

pytestmark = pytest.mark.anyio

SIZE = Size(titles=2, chunks=3, renditions=3, lease_s=0.8, gives_up_s=240)
# One long task at a time: whoever wakes up finds another at work on what was its own.
SLOW = Size(titles=1, chunks=3, renditions=3, lease_s=0.5, batch=1, gives_up_s=240)
# Real encodes: how many tasks a title has is for the product to say.
FILM = Size(titles=1, chunks=0, renditions=0, lease_s=2.0, gives_up_s=900)


async def test_the_catalogue_is_the_same_whatever_was_killed(tmp_path: Path) -> None:
    calm, on_sqlite, on_postgres = await asyncio.gather(
        run("sqlite", tmp_path / "calm", SIZE, None),
        weather("sqlite", tmp_path / "sqlite", 1),
        weather("postgres", tmp_path / "postgres", 2),
    )

    assert calm.faults(calm.catalogue) == []
    for nights in (on_sqlite, on_postgres):
        assert [night.faults(calm.catalogue) for night in nights] == [[]] * len(nights)
        assert nights[-1].disturbances > 0


async def weather(engine: str, place: Path, seed: int) -> list[Outcome]:
    """Run until a storm has struck: on a busy machine the work may end before one does."""
    nights: list[Outcome] = []
    while len(nights) < 10 and not (nights and nights[-1].disturbances):
        folder = place / str(len(nights))
        nights.append(await run(engine, folder, SIZE, Random(seed + 100 * len(nights))))
    return nights


async def test_real_encodes_leave_the_same_bytes_whatever_was_killed(tmp_path: Path) -> None:
    calm, on_sqlite, on_postgres = await asyncio.gather(
        run("sqlite", tmp_path / "calm", FILM, None, executor=REAL),
        run("sqlite", tmp_path / "sqlite", FILM, Random(1), executor=REAL),
        run("postgres", tmp_path / "postgres", FILM, Random(2), executor=REAL),
    )

    assert calm.faults(calm.catalogue) == []
    for storm in (on_sqlite, on_postgres):
        assert storm.faults(calm.catalogue) == []
        assert storm.tasks == calm.tasks
        assert storm.disturbances > 0


async def test_without_the_epoch_the_storm_finds_a_zombie_that_was_heard(tmp_path: Path) -> None:
    doubled = 0
    for seed in range(40):  # a storm hits on one two times in three, on a busy machine less often
        place = tmp_path / str(seed)
        doubled += (await run("sqlite", place, SLOW, Random(seed), mutant=True, executor=SLOWLY)).doubled
        if doubled:
            break

    assert doubled
