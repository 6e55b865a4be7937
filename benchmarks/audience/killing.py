"""An ingest is killed at random points, and goes on each time; the end must be the same bytes."""

import multiprocessing
import shutil
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from bijou.audience import Batch, Hasher, Mode, Registry, read_rule
from bijou.audience.building import build
from bijou.audience.ingest import ingest
from bijou.audience.snapshots import Definition, Snapshots
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.ports import Instant, VirtualClock

NOW_S = 1_763_700_000
RULES = {
    "germans": 'country in ("DE", "c1")',
    "grown": "age >= 18 and not subscriber",
    "noir": 'watched("noir", 30d)',
    "both": 'in audience("grown") and in audience("noir")',
}


class Outcome(NamedTuple):
    """What is compared: audiences byte by byte, rejects, and how many users were numbered."""

    audiences: dict[str, bytes]
    rejects: dict[str, bytes]
    issued: int


def work(folder: str, first: str, second: str, chunk_rows: int) -> None:
    """Bring two batches in and build; done again from the start after each kill."""
    store = _store(Path(folder))
    at = [Instant((NOW_S - late) * 1_000_000) for late in (100, 0)]
    ingest(store, FileSource(Path(first), chunk_rows=chunk_rows), Batch("first", at[0], Mode.FULL))
    ingest(store, FileSource(Path(second), chunk_rows=chunk_rows), Batch("second", at[1], Mode.DELTA))
    registry = Registry.shipped()
    build(store, [Definition(name, read_rule(text, registry)) for name, text in RULES.items()], floor=0)


def outcome(folder: Path) -> Outcome:
    store = _store(folder)
    snapshot = Snapshots(folder).open()
    audiences = {name: snapshot.raw(name) for name in RULES}
    snapshot.close()
    rejects = {path.name: path.read_bytes() for path in (folder / "rejects").iterdir()}
    return Outcome(audiences, rejects, store.manifest().issued)


def storm(folder: Path, first: Path, second: Path, *, kills: int, chance: Random, chunk_rows: int) -> int:
    """Do the work under kills until it is done, as often as it takes for so many; return the kills.

    Raises:
        AssertionError: An outcome differs from that of an undisturbed run.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.audience.killing"])
    _run(context, folder / "warm", first, second, chunk_rows, None)  # starts the server of forks
    begun = time.monotonic()
    assert _run(context, folder / "undisturbed", first, second, chunk_rows, None)
    length_s = time.monotonic() - begun
    wanted = outcome(folder / "undisturbed")
    done, rounds = 0, 0
    while done < kills:
        place = folder / f"storm-{rounds}"
        while not _run(context, place, first, second, chunk_rows, chance.uniform(0, length_s * 0.7)):
            done += 1
        assert outcome(place) == wanted, f"round {rounds}, after {done} kills, ended differently"
        shutil.rmtree(place)
        rounds += 1
    return done


def _run(
    context: multiprocessing.context.ForkServerContext,
    folder: Path,
    first: Path,
    second: Path,
    chunk_rows: int,
    kill_after_s: float | None,
) -> bool:
    """Let a process work; tell whether it came to its end."""
    child = context.Process(target=work, args=(str(folder), str(first), str(second), chunk_rows))
    child.start()
    child.join(kill_after_s)
    if child.exitcode is None:
        child.kill()
        child.join()
        return False
    assert child.exitcode == 0, f"the work failed with {child.exitcode}"
    return True


def _store(folder: Path) -> FeatureStore:
    return FeatureStore(folder, Hasher(bytes(16), native=False), VirtualClock(Instant(NOW_S * 1_000_000)))
