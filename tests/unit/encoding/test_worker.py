import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bijou.app import schema
from bijou.catalog import MediaInfo, NewTitle, Publication
from bijou.catalog.service import CatalogService
from bijou.encoding import EncodingLimits, Job, JobState, Outcome, Pace, Progress, Report, Worker
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    BijouError,
    BlobInfo,
    Clock,
    EngineUnavailable,
    InvalidRequest,
    SystemClock,
    VirtualClock,
)

BRISK = Pace(idle_s=0.005, report_s=0.005, beat_s=0.01, stall_s=30, backoff_s=0.005, backoff_cap_s=0.01)
LEASE_S = 15.0
PATIENCE_S = 20.0

Step = Callable[[Report], Any]


class Patchy:
    """The queue behind a network that is down when it is told to be."""

    def __init__(self, queue: EncodingService) -> None:
        self._queue = queue
        self.down = False
        self.refused = 0
        self.dropped = asyncio.Event()
        self.reports: list[Progress] = []

    def _through(self) -> None:
        if self.down:
            self.refused += 1
            raise EngineUnavailable("http.unreachable", "nobody answers")

    async def claim(self, worker: str) -> Job | None:
        self._through()
        return await self._queue.claim(worker)

    async def progress(self, job_id: str, progress: Progress) -> Job:
        self._through()
        try:
            job = await self._queue.progress(job_id, progress)
        except BijouError:
            self.dropped.set()
            raise
        self.reports.append(progress)
        return job

    async def finish(self, job_id: str, outcome: Outcome) -> Job:
        self._through()
        return await self._queue.finish(job_id, outcome)

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        return await self._queue.submit(source, filename, new)

    async def job(self, job_id: str) -> Job:
        return await self._queue.job(job_id)

    async def jobs(self) -> list[Job]:
        return await self._queue.jobs()

    async def cancel(self, job_id: str) -> Job:
        return await self._queue.cancel(job_id)


class Spindle(FileBlobs):
    """Blobs on a disk that notes what is put, and is full or slow where it is told to be."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, SystemClock())
        self.names: list[str] = []
        self.full_at = ""
        self.slow_at = ""
        self.slowed = asyncio.Event()
        self.hurry = asyncio.Event()

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        name = key.rsplit("/", 1)[1]
        if name == self.full_at:
            raise EngineUnavailable("blobs.full", "no space")
        if name == self.slow_at:
            self.slowed.set()
            await self.hurry.wait()
        self.names.append(name)
        return await super().put(key, content)


class Encoder:
    """Makes a folder of a file at once, after steps that a test puts in its way."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.steps: list[Step] = []
        self.playlist = "#EXTM3U\n"

    async def __call__(
        self,
        source: Path,
        out: Path,
        *,
        asset: str,
        limits: EncodingLimits,  # noqa: ARG002 - as `encode_asset` has it
        clock: Clock,  # noqa: ARG002 - as `encode_asset` has it
        report: Report,
    ) -> Publication:
        self.begun.set()
        report("encode", 0.5, 3.0)
        base = f"media/{asset}"
        try:
            for step in self.steps:
                waited = step(report)
                if waited is not None:
                    await waited
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await asyncio.to_thread(self._write, source, out, base, asset)

    def _write(self, source: Path, out: Path, base: str, asset: str) -> Publication:
        content = source.read_bytes()
        for name, text in (
            ("v90/init.mp4", content),
            ("v90/00001.m4s", b"1"),
            ("v90/playlist.m3u8", self.playlist.encode()),
            ("master.m3u8", self.playlist.encode()),
            ("manifest.mpd", b"<MPD/>"),
        ):
            (out / base / name).parent.mkdir(parents=True, exist_ok=True)
            (out / base / name).write_bytes(text)
        return Publication(
            asset,
            base,
            MediaInfo("mov", 1.0, len(content)),
            [],
            f"{base}/master.m3u8",
            f"{base}/manifest.mpd",
        )


class Stage:
    """A queue with one film in it, blobs, and a worker to set on it."""

    def __init__(self, folder: Path, records: SqliteRecords) -> None:
        self.clock = VirtualClock()
        self.blobs = Spindle(folder / "blobs")
        chance = Random(3)
        catalog = CatalogService(records, self.clock, chance, lambda _: None)
        service = EncodingService(
            records, self.blobs, catalog, self.clock, chance, lambda _: None, lease_s=LEASE_S, attempts=3
        )
        self.queue = Patchy(service)
        self.encoder = Encoder()
        self.stop = asyncio.Event()
        self.scratch = folder / "scratch"
        self.job_id = ""

    def worker(self, pace: Pace = BRISK, encoder: Encoder | None = None) -> Worker:
        return Worker(
            self.queue,
            self.blobs,
            SystemClock(),
            Random(4),
            name="one",
            scratch=self.scratch,
            pace=pace,
            encode=encoder or self.encoder,
        )

    async def submit(self) -> None:
        await self.blobs.put("uploads/film", b"a film")
        self.job_id = (await self.queue.submit("uploads/film", "film.mp4", NewTitle("A film"))).id

    async def job(self) -> Job:
        return await self.queue.job(self.job_id)

    async def until(self, *states: JobState) -> Job:
        while (job := await self.job()).state not in states:
            await SystemClock().sleep(0.005)
        return job

    async def keys(self) -> list[str]:
        return [key async for key in self.blobs.keys("media/")]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    schema.upgrade(folder / "records.db")
    records = SqliteRecords(folder / "records.db", durable=False)
    async with asyncio.timeout(PATIENCE_S):
        yield Stage(folder, records)
    await records.close()


@asynccontextmanager
async def working(stage: Stage, worker: Worker) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run(stage.stop))
    try:
        yield
    finally:
        stage.stop.set()
        await running


def never(_: Report) -> Any:
    return asyncio.Event().wait()


def raising(error: Exception) -> Step:
    def step(_: Report) -> None:
        raise error

    return step


def test_a_job_becomes_a_title_with_its_playlists_stored_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            worker = on.worker()
            async with working(on, worker):
                job = await on.until(JobState.DONE)

            media, lists = on.blobs.names[1:3], on.blobs.names[3:]
            assert sorted(media) == ["00001.m4s", "init.mp4"]
            assert lists == ["playlist.m3u8", "manifest.mpd", "master.m3u8"]
            assert job.title == "a-film"
            assert job.speed > 0
            assert worker.statistics().done == 1
            assert list(on.scratch.iterdir()) == []

    asyncio.run(scenario())


def test_a_refusal_of_the_file_is_final_and_reaches_the_queue_word_by_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [raising(InvalidRequest("encoding.text", "the file is text"))]
            async with working(on, on.worker()):
                job = await on.until(JobState.REFUSED)

            assert job.problem is not None
            assert (job.problem.code, job.problem.detail) == ("encoding.text", "the file is text")
            assert job.attempts == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "error", [EngineUnavailable("encoding.disk_full", "full"), OSError(28, "full"), ZeroDivisionError()]
)
def test_what_is_our_fault_is_tried_again(tmp_path: Path, error: Exception) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            failures = [error]
            on.encoder.steps = [lambda _: raising(failures.pop())(_) if failures else None]
            async with working(on, on.worker()):
                job = await on.until(JobState.DONE)

            assert job.attempts == 2

    asyncio.run(scenario())


def test_a_lost_lease_kills_the_encode_and_nothing_more_is_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [never]
            worker = on.worker()
            async with working(on, worker):
                await on.encoder.begun.wait()
                on.queue.down = True
                on.clock.advance(LEASE_S + 1)
                on.queue.down = False
                taken = await on.queue.claim("two")
                await on.encoder.cancelled.wait()
            job = await on.job()

            assert taken is not None
            assert (job.state, job.epoch) == (JobState.RUNNING, taken.epoch)
            assert worker.statistics().lost == 1

    asyncio.run(scenario())


def test_a_cancelled_encode_is_killed_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [never]
            worker = on.worker()
            async with working(on, worker):
                await on.encoder.begun.wait()
                await on.queue.cancel(on.job_id)
                await on.encoder.cancelled.wait()
                while not worker.statistics().cancelled:
                    await SystemClock().sleep(0.005)

            assert worker.statistics().lost == 0
            assert [key async for key in on.blobs.keys("")] == []

    asyncio.run(scenario())


def test_a_cancel_while_the_media_is_being_stored_leaves_none_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.blobs.slow_at = "init.mp4"
            worker = on.worker()
            async with working(on, worker):
                await on.blobs.slowed.wait()
                await on.queue.cancel(on.job_id)
                await on.queue.dropped.wait()
                await SystemClock().sleep(0.05)  # by now the worker wants to leave
                on.blobs.hurry.set()
                while not worker.statistics().cancelled:
                    await SystemClock().sleep(0.005)

            assert "init.mp4" in on.blobs.names
            assert [key async for key in on.blobs.keys("")] == []

    asyncio.run(scenario())


def test_a_cancel_just_before_the_end_is_heard_at_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [lambda _: on.queue.cancel(on.job_id)]
            worker = on.worker(Pace(report_s=30))
            async with working(on, worker):
                while not worker.statistics().cancelled:
                    await SystemClock().sleep(0.005)

            assert await on.keys() == []
            assert (await on.job()).state is JobState.REFUSED

    asyncio.run(scenario())


def test_an_unreachable_queue_does_not_stop_the_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            finished = asyncio.Event()
            on.encoder.steps = [lambda _: setattr(on.queue, "down", True), lambda _: finished.set()]
            async with working(on, on.worker()):
                await finished.wait()
                while on.queue.refused < 5:
                    await SystemClock().sleep(0.005)
                on.queue.down = False
                job = await on.until(JobState.DONE)

            assert job.attempts == 1

    asyncio.run(scenario())


def test_reports_carry_what_the_encode_says_and_keep_the_lease(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [never]
            async with working(on, on.worker()):
                while len(on.queue.reports) < 5:
                    await SystemClock().sleep(0.005)
                on.clock.advance(LEASE_S - 1)
                seen = len(on.queue.reports)
                while len(on.queue.reports) < seen + 2:
                    await SystemClock().sleep(0.005)
                on.clock.advance(LEASE_S - 1)
                nobody = await on.queue.claim("two")

            assert nobody is None
            last = on.queue.reports[-1]
            assert (last.step, last.speed) == ("encode", 3.0)
            assert 0.4 < last.progress < 0.5

    asyncio.run(scenario())


def test_an_encode_that_does_not_move_is_given_up_and_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            hangs: list[Step] = [never]
            on.encoder.steps = [lambda report: hangs.pop()(report) if hangs else None]
            async with working(on, on.worker(Pace(report_s=0.005, idle_s=0.005, stall_s=0.05))):
                await on.encoder.cancelled.wait()
                job = await on.until(JobState.DONE)

            assert job.attempts == 2

    asyncio.run(scenario())


def test_a_stopping_worker_hands_its_job_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.encoder.steps = [never]
            async with working(on, on.worker()):
                await on.encoder.begun.wait()
            job = await on.job()

            assert on.encoder.cancelled.is_set()
            assert job.state == JobState.QUEUED
            assert list(on.scratch.iterdir()) == []

    asyncio.run(scenario())


def test_a_worker_that_stops_while_nobody_answers_is_gone_soon(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.queue.down = True
            worker = on.worker()
            async with working(on, worker):
                while on.queue.refused < 3:
                    await SystemClock().sleep(0.005)

            assert worker.statistics().unreachable >= 3

    asyncio.run(scenario())


def test_what_a_dead_attempt_has_stored_makes_room_for_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            dead = await on.queue.claim("dead")
            assert dead is not None
            await on.blobs.put(f"media/{dead.asset}/v90/playlist.m3u8", b"other bytes")
            await on.blobs.put(f"media/{dead.asset}/v90/00009.m4s", b"too many")
            on.clock.advance(LEASE_S + 1)
            async with working(on, on.worker()):
                job = await on.until(JobState.DONE)

            assert job.attempts == 2
            assert f"media/{dead.asset}/v90/00009.m4s" not in await on.keys()
            assert len(await on.keys()) == 5

    asyncio.run(scenario())


def test_a_store_that_fails_midway_is_left_clean(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            on.blobs.full_at = "master.m3u8"
            async with working(on, on.worker()):
                job = await on.until(JobState.FAILED)

            assert await on.keys() == []
            assert job.problem is not None
            assert "no space" in job.problem.detail

    asyncio.run(scenario())


def test_a_worker_that_lost_its_lease_removes_nothing_of_its_successor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            await on.submit()
            slow = Pace(report_s=3600)
            key = ""

            def overtaken(_: Report) -> Any:
                async def successor() -> None:
                    nonlocal key
                    on.clock.advance(LEASE_S + 1)
                    job = await on.queue.claim("two")
                    assert job is not None
                    key = f"media/{job.asset}/master.m3u8"
                    await on.blobs.put(key, b"the successor's")

                return successor()

            on.encoder.steps = [overtaken]
            worker = on.worker(slow)
            async with working(on, worker):
                while not worker.statistics().lost:
                    await SystemClock().sleep(0.005)

            content = [piece async for piece in on.blobs.read(key)]
            assert content == [b"the successor's"]

    asyncio.run(scenario())


def test_errors_of_ours_have_codes() -> None:
    from bijou.encoding.worker import _of_disk  # noqa: PLC0415 - looks inside

    found: list[BijouError] = [
        _of_disk(OSError(28, "No space left on device")),
        _of_disk(OSError(5, "I/O error")),
    ]

    assert [error.code for error in found] == ["encoding.disk_full", "encoding.io_failed"]
