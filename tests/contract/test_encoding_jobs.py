"""The queue of encode jobs, in process, over HTTP, and beside other versions."""

import asyncio
import math
from pathlib import Path
from random import Random

import msgspec
import pytest

from bijou.catalog import NewTitle
from bijou.catalog.service import CatalogService
from bijou.encoding import Encoding, Job, JobState, Outcome, Progress
from bijou.encoding.http import EncodingClient, routes
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Conflict, EngineUnavailable, InvalidRequest, NotFound, VirtualClock
from tests.contract.conftest import Faces, Told
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio

SINTEL = NewTitle("Sintel", row="Open films", year=2010)
NO_VIDEO = InvalidRequest("encoding.no_video", "the file has no picture").problem()
CRASHED = EngineUnavailable("encoding.crashed", "ffmpeg was killed").problem()


class StuckBlobs(FileBlobs):
    """Blobs on a volume that takes no deletion just now."""

    async def delete(self, key: str) -> None:
        raise EngineUnavailable("blobs.unavailable", f"{key} cannot be deleted: the volume is read-only")


@pytest.fixture
def catalog(records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told) -> CatalogService:
    return CatalogService(records, clock, chance, told)


@pytest.fixture
def service(
    records: SqliteRecords,
    blobs: FileBlobs,
    catalog: CatalogService,
    clock: VirtualClock,
    chance: Random,
    told: Told,
) -> EncodingService:
    return EncodingService(records, blobs, catalog, clock, chance, told, lease_s=15, attempts=3)


@pytest.fixture
def encoding(faces: Faces, service: EncodingService) -> Encoding:
    plain: Encoding = service
    return faces.of(plain, routes(service), EncodingClient)


async def claimed(encoding: Encoding, worker: str = "worker") -> Job:
    job = await encoding.claim(worker)
    assert job is not None
    return job


async def test_the_same_source_twice_gives_the_same_job(encoding: Encoding, told: Told) -> None:
    first = await encoding.submit("uploads/upl_1", "sintel.mp4", SINTEL)
    second = await encoding.submit("uploads/upl_1", "other.mp4", NewTitle("Other"))

    assert second == first
    assert (first.state, first.new, first.epoch) == (JobState.QUEUED, SINTEL, 0)
    assert told.payloads == [first]
    assert await encoding.job(first.id) == first


async def test_jobs_are_handed_out_oldest_first_and_each_once(
    encoding: Encoding, clock: VirtualClock
) -> None:
    submitted = []
    for n in range(3):
        submitted.append((await encoding.submit(f"uploads/upl_{n}", "f", SINTEL)).id)
        clock.advance(1)

    handed_out = [(await claimed(encoding)).id for _ in range(3)]

    assert handed_out == submitted
    assert await encoding.claim("worker") is None
    assert [job.id for job in await encoding.jobs()] == submitted[::-1]


async def test_a_lease_that_ran_out_goes_to_another_and_the_first_is_refused(
    encoding: Encoding, catalog: CatalogService, clock: VirtualClock
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    first = await claimed(encoding, "first")
    clock.advance(15)
    second = await claimed(encoding, "second")

    assert (second.id, second.epoch, second.attempts) == (first.id, first.epoch + 1, 2)
    for late in (
        encoding.progress(first.id, Progress(first.epoch, "encode v360", 0.5)),
        encoding.finish(first.id, Outcome(first.epoch, publication=publication(first.asset))),
        encoding.finish(first.id, Outcome(first.epoch, problem=NO_VIDEO)),
    ):
        with pytest.raises(Conflict) as refusal:
            await late
        assert refusal.value.code == "encoding.lease_lost"
    assert await encoding.job(first.id) == second
    assert await catalog.titles() == []


async def test_progress_renews_the_lease(encoding: Encoding, clock: VirtualClock, told: Told) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    for step in range(1, 5):
        clock.advance(14)
        said = Progress(job.epoch, "encode v360", step / 10, speed=2.5)
        moved = await encoding.progress(job.id, said)

    assert (moved.step, moved.progress, moved.speed) == ("encode v360", 0.4, 2.5)
    assert await encoding.claim("another") is None
    assert told.payloads[-1] == moved


@pytest.mark.parametrize(("progress", "speed"), [(1.01, 0), (-0.01, 0), (0.5, -1)])
async def test_progress_outside_its_bounds_is_refused(
    encoding: Encoding, progress: float, speed: float
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    with pytest.raises(InvalidRequest) as refusal:
        await encoding.progress(job.id, Progress(job.epoch, "x", progress, speed))

    assert refusal.value.code == "encoding.bad_progress"


async def test_progress_that_is_no_number_is_refused(service: EncodingService) -> None:
    await service.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(service)
    with pytest.raises(InvalidRequest):
        await service.progress(job.id, Progress(job.epoch, "x", math.nan))


async def test_a_publication_makes_the_title_and_ends_the_job(
    encoding: Encoding, catalog: CatalogService, clock: VirtualClock
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)

    done = await encoding.finish(job.id, Outcome(job.epoch, publication=publication(job.asset)))

    assert (done.state, done.title, done.progress) == (JobState.DONE, "sintel", 1.0)
    assert (await catalog.title("sintel")).publication.asset == job.asset
    clock.advance(3600)
    assert await encoding.claim("another") is None


@pytest.mark.parametrize("ending", ["publication", "problem"])
async def test_a_finish_told_twice_gives_the_same_answer(encoding: Encoding, told: Told, ending: str) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    endings = {"publication": publication(job.asset), "problem": NO_VIDEO}
    outcome = msgspec.convert({"epoch": job.epoch, ending: endings[ending]}, Outcome)
    first = await encoding.finish(job.id, outcome)
    news = len(told.payloads)

    assert await encoding.finish(job.id, outcome) == first
    assert len(told.payloads) == news


async def test_a_crash_between_publication_and_done_gives_one_title(
    encoding: Encoding, catalog: CatalogService, clock: VirtualClock
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    await catalog.publish(job.new, publication(job.asset))  # and here the process was killed
    clock.advance(15)
    again = await claimed(encoding)

    done = await encoding.finish(again.id, Outcome(again.epoch, publication=publication(job.asset)))

    assert done.title == "sintel"
    assert len(await catalog.titles()) == 1


async def test_a_refused_file_is_deleted_and_the_job_says_why(encoding: Encoding, blobs: FileBlobs) -> None:
    await blobs.put("uploads/upl_1", b"no film")
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)

    refused = await encoding.finish(job.id, Outcome(job.epoch, problem=NO_VIDEO))

    assert (refused.state, refused.problem) == (JobState.REFUSED, NO_VIDEO)
    with pytest.raises(NotFound):
        await blobs.info("uploads/upl_1")
    assert await encoding.claim("another") is None


async def test_a_refused_file_that_could_not_be_deleted_goes_at_the_next_start(
    records: SqliteRecords,
    blobs: FileBlobs,
    catalog: CatalogService,
    service: EncodingService,
    clock: VirtualClock,
    chance: Random,
    told: Told,
    tmp_path: Path,
) -> None:
    stuck = EncodingService(records, StuckBlobs(tmp_path / "blobs", clock), catalog, clock, chance, told)
    await blobs.put("uploads/upl_1", b"no film")
    await stuck.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(stuck)
    with pytest.raises(EngineUnavailable):
        await stuck.finish(job.id, Outcome(job.epoch, problem=NO_VIDEO))

    await service.repair()

    assert (await service.job(job.id)).state is JobState.REFUSED
    with pytest.raises(NotFound):
        await blobs.info("uploads/upl_1")


async def test_a_fault_of_ours_fails_the_job_and_keeps_the_file(encoding: Encoding, blobs: FileBlobs) -> None:
    await blobs.put("uploads/upl_1", b"a film")
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)

    failed = await encoding.finish(job.id, Outcome(job.epoch, problem=CRASHED))

    assert failed.state is JobState.FAILED
    assert (await blobs.info("uploads/upl_1")).size_bytes == 6


async def test_a_retry_queues_again_until_the_attempts_are_used_up(encoding: Encoding) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    states = []
    for _ in range(3):
        job = await claimed(encoding)
        job = await encoding.finish(job.id, Outcome(job.epoch, problem=CRASHED, retry=True))
        states.append(job.state)

    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    assert job.problem is not None
    assert job.problem.code == "encoding.gave_up"
    assert "3 attempts" in job.problem.detail
    assert "ffmpeg was killed" in job.problem.detail
    assert await encoding.claim("another") is None


async def test_a_job_whose_workers_all_vanish_is_given_up(
    encoding: Encoding, clock: VirtualClock, told: Told
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    for _ in range(3):
        job = await claimed(encoding)
        clock.advance(15)

    assert await encoding.claim("fourth") is None

    given_up = await encoding.job(job.id)
    assert given_up.state is JobState.FAILED
    assert given_up.problem is not None
    assert given_up.problem.code == "encoding.gave_up"
    assert told.payloads[-1] == given_up


async def test_an_outcome_is_one_thing_and_of_its_own_asset(encoding: Encoding) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    for bad in (
        Outcome(job.epoch),
        Outcome(job.epoch, publication=publication(job.asset), problem=NO_VIDEO),
        Outcome(job.epoch, publication=publication("ast_other")),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await encoding.finish(job.id, bad)
        assert refusal.value.code == "encoding.bad_outcome"
    assert (await encoding.job(job.id)).state is JobState.RUNNING


@pytest.mark.parametrize("begun", [False, True])
async def test_a_cancelled_job_ends_at_once_and_nothing_of_it_is_kept(
    encoding: Encoding, catalog: CatalogService, blobs: FileBlobs, told: Told, *, begun: bool
) -> None:
    await blobs.put("uploads/upl_1", b"a film")
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding) if begun else job
    await blobs.put(f"media/{job.asset}/v360/init.mp4", b"half made")

    cancelled = await encoding.cancel(job.id)

    assert cancelled.state is JobState.REFUSED
    assert cancelled.problem is not None
    assert cancelled.problem.code == "encoding.cancelled"
    assert told.payloads[-1] == await encoding.job(job.id) == cancelled
    assert [key async for key in blobs.keys("")] == []
    assert await encoding.claim("another") is None
    assert await catalog.titles() == []


async def test_whoever_works_on_a_cancelled_job_is_told_so_and_publishes_nothing(
    encoding: Encoding, catalog: CatalogService
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    await encoding.cancel(job.id)

    for late in (
        encoding.progress(job.id, Progress(job.epoch, "encode v360", 0.5)),
        encoding.finish(job.id, Outcome(job.epoch, publication=publication(job.asset))),
    ):
        with pytest.raises(Conflict) as refusal:
            await late
        assert refusal.value.code == "encoding.cancelled"
    assert await catalog.titles() == []


async def test_a_cancel_told_twice_gives_the_same_answer(encoding: Encoding, told: Told) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    first = await encoding.cancel(job.id)
    news = len(told.payloads)

    assert await encoding.cancel(job.id) == first
    assert len(told.payloads) == news


@pytest.mark.parametrize("ending", ["publication", "problem"])
async def test_a_job_that_has_ended_cannot_be_cancelled(encoding: Encoding, ending: str) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    endings = {"publication": publication(job.asset), "problem": CRASHED}
    ended = await encoding.finish(
        job.id, msgspec.convert({"epoch": job.epoch, ending: endings[ending]}, Outcome)
    )

    with pytest.raises(Conflict) as refusal:
        await encoding.cancel(job.id)

    assert refusal.value.code == "encoding.already_ended"
    assert await encoding.job(job.id) == ended


async def test_a_title_that_stands_already_outlives_a_cancel(
    encoding: Encoding, catalog: CatalogService
) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    await catalog.publish(job.new, publication(job.asset))  # and here the process was killed

    with pytest.raises(Conflict) as refusal:
        await encoding.cancel(job.id)

    assert refusal.value.code == "encoding.already_ended"
    assert "/t/sintel" in refusal.value.detail
    done = await encoding.finish(job.id, Outcome(job.epoch, publication=publication(job.asset)))
    assert done.state is JobState.DONE


async def test_a_cancel_and_a_publication_at_once_agree_on_one_end(
    service: EncodingService, catalog: CatalogService
) -> None:
    ends = set()
    for n in range(20):
        await service.submit(f"uploads/upl_{n}", "f", NewTitle(f"Film {n}"))
        job = await claimed(service)
        calls = [
            service.cancel(job.id),
            service.finish(job.id, Outcome(job.epoch, publication=publication(job.asset))),
        ]
        await asyncio.gather(*(calls if n % 2 else calls[::-1]), return_exceptions=True)
        titled = any(title.publication.asset == job.asset for title in await catalog.titles())
        ends.add(state := (await service.job(job.id)).state)
        assert titled == (state is JobState.DONE)

    assert ends == {JobState.DONE, JobState.REFUSED}


async def test_a_finished_job_says_how_fast_it_was(encoding: Encoding) -> None:
    await encoding.submit("uploads/upl_1", "f", SINTEL)
    job = await claimed(encoding)
    await encoding.progress(job.id, Progress(job.epoch, "publish", 0.99, speed=0.0))

    done = await encoding.finish(job.id, Outcome(job.epoch, publication(job.asset), speed=4.5))

    assert done.speed == 4.5


async def test_a_job_that_is_not_there_is_not_found(encoding: Encoding) -> None:
    for missing in (
        encoding.job("job_0"),
        encoding.cancel("job_0"),
        encoding.progress("job_0", Progress(1, "x", 0.5)),
        encoding.finish("job_0", Outcome(1, problem=NO_VIDEO)),
    ):
        with pytest.raises(NotFound) as refusal:
            await missing
        assert refusal.value.code == "encoding.no_job"


async def test_a_title_that_could_not_be_published_is_refused_at_the_door(encoding: Encoding) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await encoding.submit("uploads/upl_1", "f", NewTitle("x" * 201))

    assert refusal.value.code == "catalog.bad_title"
    assert await encoding.jobs() == []
