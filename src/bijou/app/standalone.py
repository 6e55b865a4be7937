"""A film encoded here, without a server: the tasks of the service, on a queue in the film's own folder."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from bijou.app import film_folder, film_report, schema
from bijou.app.film_folder import ASSET, KEY, NOTES, SOURCE, Edition, FilmFolder, Ledger
from bijou.app.film_report import Encoded
from bijou.app.film_wish import Wish, agreed, bring_captions, check_file
from bijou.catalog import Publication
from bijou.encoding import (
    ALL_TASKS,
    EncodingLimits,
    Executors,
    FilmPlan,
    JobState,
    Slots,
    Standing,
    TaskPace,
    TaskWorker,
    TitleWork,
    explain_film,
    first_tasks,
    group_of,
    recipe,
    standing_of,
)
from bijou.encoding.encryption import ContentKey
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    BijouError,
    Clock,
    EngineUnavailable,
    Failure,
    InvalidRequest,
    Queue,
    Steer,
    SystemClock,
    TaskState,
)
from bijou.runtime import codec
from bijou.runtime.lockfile import hold
from bijou.runtime.race import first

_LOOK_S = 0.25


class Stopped(Exception):
    """It was told to stop, and goes on from there next time.

    Args:
        progress: How far it is, 0 to 1.
    """

    def __init__(self, progress: float) -> None:
        super().__init__(progress)
        self.progress = progress


class Watcher:
    """Whoever is told how it goes; by default nobody."""

    def step(self, name: str, facts: str) -> None:
        """Take a word and its facts."""

    def standing(self, standing: Standing) -> None:
        """Take how the encode stands, several times a second."""

    def scoring(self, step: str, share: float) -> None:
        """Take how far the measuring is."""


async def plan(file: Path, recipe_name: str, folder: Path, tell: Callable[[str, float], None]) -> FilmPlan:
    """Return how a film would be encoded by a recipe, and why so; see `explain_film`.

    Raises:
        InvalidRequest: `cli.no_file`, and what `explain_film` says.
        EngineUnavailable: as there.
    """
    check_file(file)
    limits, clock = EncodingLimits(), SystemClock()
    return await explain_film(file, recipe(recipe_name), folder=folder, limits=limits, clock=clock, tell=tell)


async def encode_film(wish: Wish, watcher: Watcher, stop: asyncio.Event, chance: Random) -> Encoded:
    """Encode a film into a folder; where the folder has begun with it, go on from there.

    Whatever ended an earlier run, nothing that it had finished is made again.

    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        stop: Set: end soon, and leave the rest for the next time.
        chance: Draws content keys: one that nobody can foresee.

    Raises:
        Stopped: `stop` was set.
        InvalidRequest: `cli.no_file`, `cli.other_wish`; the film is refused.
        Conflict: `cli.other_film`, `cli.folder_in_use`; `runtime.data_dir_held`.
        EngineUnavailable: `cli.unwritable`; something here prevents it.
    """
    check_file(wish.file)
    film_folder.check_free(wish.out)
    _make(wish.out / NOTES)
    with hold(wish.out / NOTES):
        try:
            return await _Encode(wish, watcher, SystemClock(), chance).run(stop)
        except InvalidRequest:
            film_folder.forget_refused(wish.out)
            raise


class _Encode:
    """One run on one folder."""

    def __init__(self, wish: Wish, watcher: Watcher, clock: Clock, chance: Random) -> None:
        self._wish = wish
        self._watcher = watcher
        self._clock = clock
        self._chance = chance
        self._notes = wish.out / NOTES
        self._began_ns = clock.monotonic_ns()
        self._limits = EncodingLimits()
        self._encoded_s = 0.0

    async def run(self, stop: asyncio.Event) -> Encoded:
        blobs = FilmFolder(self._wish.out, self._wish.file, self._clock)
        ledger = await self._agreed(blobs)
        place = self._notes / "queue.db"
        await asyncio.to_thread(schema.upgrade, place)
        records = SqliteRecords(place)
        try:
            queue = RecordsQueue(records, self._clock, self._chance, backoff_s=0.2, backoff_cap_s=5.0)
            standings = await self._all(ledger, queue, blobs, stop)
            took_s = self._since_s()
            scores = await self._scored_unless(stop, blobs, ledger)
        finally:
            await records.close()
            film_folder.tidy(self._wish.out)
        last = standings[-1].publication
        assert last is not None
        return film_report.report(
            self._wish.out, last, standings, scores, took_s=took_s, encoded_s=self._encoded_s
        )

    async def _agreed(self, blobs: FilmFolder) -> Ledger:
        """What the folder will hold, written down before anything is done."""
        wish = self._wish
        captions = await bring_captions(wish.captions, blobs)
        known = film_folder.read_ledger(wish.out)
        ledger = agreed(wish, known, film_folder.fingerprint(wish.file), captions)
        if known and len(ledger.editions) > len(known.editions):
            more = ", ".join(ledger.editions[-1].recipes)
            self._watcher.step("add", f"{more} to what is there; no byte of that is touched")
        film_folder.write_ledger(wish.out, ledger)
        return ledger

    async def _all(
        self, ledger: Ledger, queue: Queue, blobs: FilmFolder, stop: asyncio.Event
    ) -> list[Standing]:
        """Bring every edition to its end, one after the other."""
        standings: list[Standing] = []
        base: Publication | None = None
        for edition in ledger.editions:
            work = self._work(ledger, edition, base)
            standing = await self._standing(queue, edition)
            if standing.publication is None:
                await self._resume(queue, edition, standing)
                await queue.add(first_tasks(work))
                before_s = _film_s(standing)
                standing = await self._worked(queue, blobs, edition, stop)
                self._encoded_s += _film_s(standing) - before_s
            assert standing.publication is not None
            base = standing.publication
            standings.append(standing)
            if ledger.encrypt:
                await self._hand_out_key(blobs)
            film_folder.point_to(self._wish.out, f"v{edition.version}")
        return standings

    def _work(self, ledger: Ledger, edition: Edition, base: Publication | None) -> TitleWork:
        return TitleWork(
            asset=ASSET,
            source=SOURCE,
            recipes=edition.recipes,
            version=edition.version,
            base=base,
            encrypt=ledger.encrypt,
            analyse=ledger.analyse,
            captions=() if base else ledger.captions,
        )

    async def _standing(self, queue: Queue, edition: Edition) -> Standing:
        tasks, parts = await queue.tasks(group=group_of(ASSET, edition.version), limit=ALL_TASKS)
        return standing_of(tasks, parts)

    async def _resume(self, queue: Queue, edition: Edition, standing: Standing) -> None:
        """Take over what a run has left behind that is no more: this folder is ours alone."""
        group = group_of(ASSET, edition.version)
        tasks, _ = await queue.tasks(group=group, limit=ALL_TASKS)
        if not tasks:
            return
        left = [task for task in tasks if task.state is TaskState.RUNNING]
        gone = EngineUnavailable("encoding.worker_stopped", "the run before this one ended").problem()
        await queue.fail([Failure(task.id, task.epoch, gone) for task in left])
        if any(task.state is TaskState.DEAD or task.tried >= task.attempts for task in tasks):
            await queue.steer(Steer("retry", group=group))
        done = sum(rung.chunks_done for rung in standing.rungs if rung.kind == "video")
        known = sum(rung.chunks for rung in standing.rungs if rung.kind == "video")
        self._watcher.step("resume", f"at {standing.progress:.0%}: {done} of {known} known chunks are there")

    async def _worked(
        self, queue: Queue, blobs: FilmFolder, edition: Edition, stop: asyncio.Event
    ) -> Standing:
        """Work until the edition is published.

        Raises:
            Stopped: `stop` was set.
            BijouError: it cannot be.
        """
        executors = Executors(
            queue,
            blobs,
            self._clock,
            limits=self._limits,
            scratch=self._notes / "scratch",
            chance=self._chance,
            key_uri=f"../{KEY}",
        )
        worker = TaskWorker(
            queue,
            self._clock,
            self._chance,
            name=f"bijou encode {os.getpid()}",
            work=executors.work,
            slots=Slots(heavy=self._wish.workers or _cores()),
            pace=TaskPace(idle_s=0.1),
        )
        ended = asyncio.Event()
        working = asyncio.ensure_future(worker.run(ended))
        stopping = asyncio.ensure_future(stop.wait())
        watching = asyncio.ensure_future(self._watched(queue, edition, worker))
        try:
            await first(working, stopping, watching)
        finally:
            ended.set()
            stopping.cancel()
            await asyncio.wait([working])
            watching.cancel()
            await asyncio.wait([watching, stopping])
            await executors.close()
        working.result()
        standing = await self._standing(queue, edition)
        if standing.publication is None:
            if standing.problem is not None:
                raise BijouError.from_problem(standing.problem)
            raise Stopped(standing.progress)
        return standing

    async def _watched(self, queue: Queue, edition: Edition, worker: TaskWorker) -> None:
        """Tell how it stands, and what it waits for, until it has ended, one way or the other."""
        told, trouble = False, ""
        while True:
            if worker.trouble and worker.trouble != trouble:
                trouble = worker.trouble
                self._watcher.step("waits", f"until {self._notes} takes notes again: {trouble}")
            standing = await self._standing(queue, edition)
            self._watcher.standing(standing)
            if standing.watchable and not told and not standing.publication:
                told = True
                place = self._wish.out / "live" / "master.m3u8"
                self._watcher.step("watch", f"{place} plays already, after {self._since_s():.1f} s")
            if standing.state not in {JobState.QUEUED, JobState.RUNNING}:
                return
            await self._clock.sleep(_LOOK_S)

    async def _scored_unless(
        self, stop: asyncio.Event, blobs: FilmFolder, ledger: Ledger
    ) -> dict[str, float]:
        """Measure; whoever has had enough of that has the film all the same."""
        scoring = asyncio.ensure_future(self._scored(blobs, ledger))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await first(scoring, stopping)
            return scoring.result() if scoring.done() else {}
        finally:
            scoring.cancel()
            stopping.cancel()
            await asyncio.wait([scoring, stopping])

    async def _scored(self, blobs: FilmFolder, ledger: Ledger) -> dict[str, float]:
        """How good it looks, where that is asked for and can be seen."""
        if not self._wish.score or ledger.encrypt:
            return {}
        try:
            return await film_report.scored(
                blobs,
                self._wish.file,
                ledger.editions[-1].version,
                limits=self._limits,
                clock=self._clock,
                tell=self._watcher.scoring,
            )
        except EngineUnavailable as error:
            self._watcher.step("unscored", f"{error.detail} ({error.code})")
            return {}

    async def _hand_out_key(self, blobs: FilmFolder) -> None:
        """Put the key where the lists say it is, for its owner's eyes only."""
        content = b"".join([piece async for piece in blobs.read(f"keys/{ASSET}.json")])
        place = self._wish.out / KEY
        film_folder.write_secret(place, bytes.fromhex(codec.decode(content, ContentKey).key))
        self._watcher.step("key", f"{place}, which the lists name: let only those have it who may watch")

    def _since_s(self) -> float:
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineUnavailable("cli.unwritable", f"{folder} cannot be made: {error.strerror}") from error


def _film_s(standing: Standing) -> float:
    return sum(rung.done_s for rung in standing.rungs if rung.kind == "video")


def _cores() -> int:
    return len(os.sched_getaffinity(0))
