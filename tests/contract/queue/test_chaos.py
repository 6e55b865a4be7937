"""The short form of `./run bench encode-chaos`: real processes, real kills, real time."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from benchmarks.encode_chaos.storm import REAL, Size, run

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
        run("sqlite", tmp_path / "sqlite", SIZE, Random(1)),
        run("postgres", tmp_path / "postgres", SIZE, Random(2)),
    )

    assert calm.faults(calm.catalogue) == []
    assert on_sqlite.faults(calm.catalogue) == []
    assert on_postgres.faults(calm.catalogue) == []
    for storm in (on_sqlite, on_postgres):
        assert storm.kills + storm.freezes + storm.restarts > 0


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
        assert storm.kills + storm.freezes + storm.restarts > 0


async def test_without_the_epoch_the_storm_finds_a_zombie_that_was_heard(tmp_path: Path) -> None:
    doubled = 0
    for seed in range(8):
        place = tmp_path / str(seed)
        doubled += (await run("sqlite", place, SLOW, Random(seed), mutant=True, executor=SLOWLY)).doubled
        if doubled:
            break

    assert doubled
