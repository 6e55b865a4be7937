"""A store's work is killed at random points, and goes on each time; the end must be the same bytes.

A round takes a full batch and a delta in, builds before and between, deletes a
person, and builds again. Each kill falls into one of these phases, at a random
moment of it; then everything is asked for again from the start.
"""

import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from bijou.audience import Batch, Hasher, Mode, Registry, read_rule
from bijou.audience.building import build
from bijou.audience.forgetting import forget
from bijou.audience.ingest import ingest
from bijou.audience.profiles import build_profiles
from bijou.audience.snapshots import Definition, Snapshots
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.ports import Instant, VirtualClock

NOW_S = 1_763_700_000
RULES = {
    "germans": 'country in ("DE", "country1")',
    "grown": "age >= 18 and not subscriber",
    "noir": 'watched("noir", 30d)',
    "both": 'in audience("grown") and in audience("noir")',
}
PHASES = ("full batch", "build", "delta", "patch", "profiles", "deletion", "rebuild")


class Task(NamedTuple):
    """What a round does.

    Args:
        first: File of the full batch.
        second: File of the delta.
        person: Who is deleted.
        others: Whose profiles are compared.
    """

    first: Path
    second: Path
    person: str
    others: tuple[str, ...]
    chunk_rows: int


class Outcome(NamedTuple):
    """What is compared: audiences byte by byte, rejects, how many users were numbered, and profiles."""

    audiences: dict[str, bytes]
    rejects: dict[str, bytes]
    issued: int
    profiles: list[bytes | None]


class Storm(NamedTuple):
    """How often each phase was hit, and how many rounds there were."""

    kills: dict[str, int]
    rounds: int


def work(folder: str, task: Task, telling: Connection) -> None:
    """Do a round; done again from the start after each kill."""
    store = _store(Path(folder))
    registry = Registry.shipped()
    definitions = [Definition(name, read_rule(text, registry)) for name, text in RULES.items()]
    profiles = LmdbProfiles(Path(folder) / "profiles")

    def take(file: Path, name: str, late_s: int, mode: Mode) -> None:
        batch = Batch(name, Instant((NOW_S - late_s) * 1_000_000), mode)
        ingest(store, FileSource(file, chunk_rows=task.chunk_rows), batch)

    def deletion() -> None:
        forget(store, task.person)
        profiles.forget(_key(store, task.person))

    def write_profiles() -> None:
        snapshot = Snapshots(store.folder).open(store.manifest().forgotten)
        build_profiles(store, snapshot, profiles)
        snapshot.close()

    doings: list[Callable[[], Any]] = [
        lambda: take(task.first, "first", 100, Mode.FULL),
        lambda: build(store, definitions, floor=0),
        lambda: take(task.second, "second", 0, Mode.DELTA),
        lambda: build(store, definitions, floor=0),
        write_profiles,
        deletion,
        lambda: build(store, definitions, floor=0, full=True),
    ]
    for phase, do in zip(PHASES, doings, strict=True):
        telling.send(phase)
        do()
    profiles.close()


def outcome(folder: Path, names: list[str]) -> Outcome:
    """Read what a round has led to."""
    store = _store(folder)
    snapshot = Snapshots(folder).open()
    audiences = {name: snapshot.raw(name) for name in RULES}
    snapshot.close()
    profiles = LmdbProfiles(folder / "profiles")
    records = profiles.get_many([_key(store, name) for name in names])
    profiles.close()
    rejects = {path.name: path.read_bytes() for path in (folder / "rejects").iterdir()}
    return Outcome(audiences, rejects, store.manifest().issued, records)


def traces(folder: Path, person: str) -> list[str]:
    """Return the files that hold an identifier or its hash, in either order of bytes."""
    hash_ = _store(folder).hasher.one(person)
    needles = [person.encode(), hash_.to_bytes(8, "little"), hash_.to_bytes(8, "big"), str(hash_).encode()]
    return [
        str(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


def storm(
    folder: Path, task: Task, *, kills: int, chance: Random, tell: Callable[[str], None] = lambda _: None
) -> Storm:
    """Do rounds until so many kills have hit, phase after phase.

    Raises:
        AssertionError: An outcome differs from that of an undisturbed round,
            or a file still knows who was deleted.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.audience.killing"])
    names = [task.person, *task.others]
    _Round(context, folder / "warm", task).undisturbed()  # starts the server of forks
    lengths = _Round(context, folder / "undisturbed", task).undisturbed()
    wanted = outcome(folder / "undisturbed", names)
    assert not traces(folder / "undisturbed", task.person)
    hit: Counter[str] = Counter()
    rounds = 0
    while hit.total() < kills:
        place = folder / f"storm-{rounds}"
        before = hit.total()
        for phase in PHASES:
            after_s = chance.uniform(0, lengths[phase])
            if hit.total() < kills and _Round(context, place, task).killed(phase, after_s):
                hit[phase] += 1
        _Round(context, place, task).undisturbed()
        assert outcome(place, names) == wanted, (
            f"round {rounds}, after {hit.total()} kills, ended differently"
        )
        assert not traces(place, task.person), f"round {rounds} left traces of who was deleted"
        shutil.rmtree(place)
        rounds += 1
        tell(f"{hit.total()} kills, {hit.total() - before} of them in round {rounds}: the same bytes")
    return Storm(dict(hit), rounds)


class _Round:
    """A process that does the work."""

    def __init__(self, context: Any, folder: Path, task: Task) -> None:
        self._told, telling = context.Pipe(duplex=False)
        self._child = context.Process(target=work, args=(str(folder), task, telling))
        self._child.start()
        telling.close()

    def undisturbed(self) -> dict[str, float]:
        """Let it come to its end; return how long each phase took."""
        begun: list[tuple[str, float]] = []
        while phase := self._next():
            begun.append((phase, time.monotonic()))
        self._child.join()
        assert self._child.exitcode == 0, f"the work failed with {self._child.exitcode}"
        ends = [at for _, at in begun[1:]] + [time.monotonic()]
        return {phase: end - at for (phase, at), end in zip(begun, ends, strict=True)}

    def killed(self, phase: str, after_s: float) -> bool:
        """Kill it some time after a phase has begun; tell whether it was still in it."""
        while self._next() not in {phase, ""}:
            pass
        was_there = not self._told.poll(after_s)
        self._child.kill()
        self._child.join()
        return was_there

    def _next(self) -> str:
        """Return the next phase that begins; nothing at the end."""
        try:
            phase: str = self._told.recv()
        except EOFError:
            return ""
        return phase


def _key(store: FeatureStore, name: str) -> bytes:
    return store.hasher.one(name).to_bytes(8, "big")


def _store(folder: Path) -> FeatureStore:
    return FeatureStore(folder, Hasher(bytes(16), native=False), VirtualClock(Instant(NOW_S * 1_000_000)))
