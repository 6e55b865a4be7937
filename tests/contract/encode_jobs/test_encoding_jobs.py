"""Encode jobs, in process, over HTTP, and beside other versions; their tasks done by a stand-in."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from msgspec.structs import replace

from bijou.catalog import Catalog, NewTitle, Publication, Title
from bijou.catalog.happenings import TitleChanged, TitlePublished
from bijou.catalog.service import CatalogService
from bijou.encoding import Encoding, Job, JobState, group_of
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    Conflict,
    EngineUnavailable,
    InvalidRequest,
    NotFound,
    Problem,
    TaskState,
    VirtualClock,
)
from tests.contract.conftest import Told
from tests.contract.encode_jobs.conftest import LEASE_S
from tests.contract.encoders import StandIn
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio

SINTEL = NewTitle("Sintel", row="Open films", year=2010)
NO_VIDEO = InvalidRequest("encoding.no_video", "the file has no picture").problem()
CRASHED = EngineUnavailable("encoding.crashed", "ffmpeg was killed").problem()
LOST = NotFound("blobs.missing", "there is no blob media/ast_1/v240/0a1b.m4s").problem()


class StuckBlobs(FileBlobs):
    """Blobs on a volume that takes no deletion just now."""

    async def delete(self, key: str) -> None:
        raise EngineUnavailable("blobs.unavailable", f"{key} cannot be deleted: the volume is read-only")


class Interrupted:
    """A catalogue during whose publications somebody else cancels the job."""

    def __init__(self, catalog: CatalogService, moment: str, cancel: Callable[[str], Awaitable[Job]]) -> None:
        self.job = ""
        self.refused = False
        self._catalog = catalog
        self._moment = moment
        self._cancel = cancel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    async def publish(self, new: NewTitle, publication: Publication) -> Title:
        await self._interrupt("before")
        title = await self._catalog.publish(new, publication)
        await self._interrupt("after")
        return title

    async def _interrupt(self, moment: str) -> None:
        if moment == self._moment:
            try:
                await self._cancel(self.job)
            except Conflict:
                self.refused = True


def arriving(asset: str) -> Publication:
    whole = publication(asset)
    return replace(whole, hls=f"{whole.base}/live/master.m3u8", complete=False)


def jobs_told(told: Told) -> list[Job]:
    return [payload for payload in told.payloads if isinstance(payload, Job)]


async def test_the_same_source_twice_gives_the_same_job_and_its_tasks_once(
    encoding: Encoding, queue: RecordsQueue, told: Told
) -> None:
    first = await encoding.submit("uploads/upl_1", "sintel.mp4", SINTEL)
    second = await encoding.submit("uploads/upl_1", "other.mp4", NewTitle("Other"))

    assert second == first
    assert (first.state, first.new, first.version, first.recipes) == (
        JobState.QUEUED, SINTEL, 1, ("h264_aac",),
    )  # fmt: skip
    assert told.payloads == [first]
    assert await encoding.job(first.id) == first
    tasks, _ = await queue.tasks(group=group_of(first.asset))
    assert [(task.kind, task.state) for task in tasks] == [("inspect", TaskState.READY)]


async def test_jobs_are_listed_newest_first(encoding: Encoding, clock: VirtualClock) -> None:
    submitted = []
    for n in range(3):
        submitted.append((await encoding.submit(f"uploads/upl_{n}", "f", SINTEL)).id)
        clock.advance(1)

    assert [job.id for job in await encoding.jobs()] == submitted[::-1]


async def test_a_job_moves_as_its_tasks_do_and_only_changes_are_told(
    encoding: Encoding, service: EncodingService, encoder: StandIn, told: Told
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await service.step()
    assert (await encoding.job(job.id)).state is JobState.QUEUED

    await encoder.begin(job)
    for _ in range(3):
        await service.step()

    moved = await encoding.job(job.id)
    assert (moved.state, moved.step, moved.attempts) == (JobState.RUNNING, "inspect", 1)
    assert [(one.state, one.attempts) for one in jobs_told(told)] == [
        (JobState.QUEUED, 0), (JobState.QUEUED, 0), (JobState.RUNNING, 1),
    ]  # fmt: skip


async def test_a_title_can_be_watched_as_soon_as_it_arrives_and_is_replaced_when_it_is_complete(
    encoding: Encoding, service: EncodingService, encoder: StandIn, catalog: CatalogService, told: Told
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.arrive(job, arriving(job.asset))
    await service.step()
    early = await encoding.job(job.id)
    title = await catalog.title("sintel")

    assert (early.state, early.watchable, early.title) == (JobState.RUNNING, True, "sintel")
    assert title.publication == arriving(job.asset)

    await encoder.finish(job, publication(job.asset))
    await service.step()

    done = await encoding.job(job.id)
    assert (done.state, done.title, done.progress) == (JobState.DONE, "sintel", 1.0)
    assert await catalog.title("sintel") == replace(title, publication=publication(job.asset))
    news = [payload for payload in told.payloads if not isinstance(payload, Job)]
    assert news == [TitlePublished("sintel", "Sintel"), TitleChanged("sintel", "Sintel")]
    assert jobs_told(told)[-1] == done
    told.payloads.clear()
    assert not await service.step()
    assert told.payloads == []


async def test_a_title_that_an_editor_withdrew_while_it_arrived_stays_withdrawn(
    encoding: Encoding, service: EncodingService, encoder: StandIn, catalog: CatalogService
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.arrive(job, arriving(job.asset))
    await service.step()
    await catalog.withdraw("sintel")

    await encoder.finish(job, publication(job.asset))
    await service.step()

    assert (await encoding.job(job.id)).state is JobState.DONE
    assert await catalog.titles() == []


async def test_tasks_that_a_crash_kept_from_being_added_are_added(
    service: EncodingService, queue: RecordsQueue, records: SqliteRecords, clock: VirtualClock
) -> None:
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    before, _ = await queue.tasks(group=group_of(job.asset))
    await records.write(lambda db: db.exec_driver_sql("DELETE FROM queue_tasks"))

    await service.step()

    after, _ = await queue.tasks(group=group_of(job.asset))
    assert [(task.id, task.payload) for task in after] == [(task.id, task.payload) for task in before]


async def test_a_refused_file_is_deleted_and_the_job_says_why(
    encoding: Encoding, service: EncodingService, encoder: StandIn, blobs: FileBlobs
) -> None:
    await blobs.put("uploads/upl_1", b"no film")
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.fail(job, NO_VIDEO)

    await service.step()

    refused = await encoding.job(job.id)
    assert (refused.state, refused.problem) == (JobState.REFUSED, NO_VIDEO)
    assert [key async for key in blobs.keys("")] == []


async def test_a_refused_file_that_could_not_be_deleted_goes_later(
    records: SqliteRecords,
    queue: RecordsQueue,
    blobs: FileBlobs,
    catalog: CatalogService,
    service: EncodingService,
    encoder: StandIn,
    clock: VirtualClock,
    chance: Random,
    told: Told,
    tmp_path: Path,
) -> None:
    stuck_blobs = StuckBlobs(tmp_path / "blobs", clock)
    stuck = EncodingService(records, queue, stuck_blobs, catalog, clock, chance, told)
    await blobs.put("uploads/upl_1", b"no film")
    job = await stuck.submit("uploads/upl_1", "f", SINTEL)
    await encoder.fail(job, NO_VIDEO)
    with pytest.raises(EngineUnavailable):
        await stuck.step()

    assert await service.step()

    assert (await service.job(job.id)).state is JobState.REFUSED
    assert [key async for key in blobs.keys("")] == []


async def test_a_refused_job_that_cannot_be_cleaned_keeps_no_other_from_it(
    service: EncodingService, encoder: StandIn, blobs: FileBlobs, clock: VirtualClock
) -> None:
    stuck = await service.submit("../no key of a blob", "f", SINTEL)
    clock.advance(1)
    other = await service.submit("uploads/upl_2", "f", SINTEL)
    for job in (stuck, other):
        await encoder.fail(job, NO_VIDEO)
    await service.step()
    clock.advance(3 * LEASE_S)
    await blobs.put(f"media/{other.asset}/v360/0.m4s", b"late")

    assert await service.step()

    assert [key async for key in blobs.keys("")] == []
    assert (await service.job(stuck.id)).state is JobState.REFUSED


@pytest.mark.parametrize("problem", [CRASHED, LOST])
async def test_a_fault_of_ours_fails_the_job_and_keeps_the_file(
    encoding: Encoding, service: EncodingService, encoder: StandIn, blobs: FileBlobs, problem: Problem
) -> None:
    await blobs.put("uploads/upl_1", b"a film")
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.fail(job, problem)

    await service.step()

    failed = await encoding.job(job.id)
    assert (failed.state, failed.problem) == (JobState.FAILED, problem)
    assert (await blobs.info("uploads/upl_1")).size_bytes == 6
    assert (await encoding.tasks(job.id)).last_words == "oh dear"


async def test_a_failed_job_that_is_retried_goes_on_and_no_other_can_be(
    encoding: Encoding, service: EncodingService, encoder: StandIn, catalog: CatalogService
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    with pytest.raises(Conflict) as refusal:
        await encoding.retry(job.id)
    assert refusal.value.code == "encoding.not_failed"
    await encoder.fail(job, CRASHED)
    await service.step()

    again = await encoding.retry(job.id)
    assert (again.state, again.problem) == (JobState.QUEUED, None)
    await encoder.finish(job, publication(job.asset))
    await service.step()

    assert (await encoding.job(job.id)).state is JobState.DONE
    assert (await catalog.title("sintel")).publication.complete


async def test_a_job_whose_tasks_make_no_sense_keeps_no_other_from_going_on(
    service: EncodingService, encoder: StandIn, records: SqliteRecords, clock: VirtualClock
) -> None:
    spoiled = await service.submit("uploads/upl_1", "f", SINTEL)
    await encoder.finish(spoiled, publication(spoiled.asset))
    await records.write(lambda db: db.exec_driver_sql("UPDATE queue_tasks SET result = X'6e6f'"))
    clock.advance(1)
    sound = await service.submit("uploads/upl_2", "f", SINTEL)
    await encoder.finish(sound, publication(sound.asset))

    await service.step()

    assert (await service.job(spoiled.id)).state is JobState.QUEUED
    assert (await service.job(sound.id)).state is JobState.DONE


async def test_a_retry_that_was_cut_short_is_made_up_for(
    service: EncodingService, encoder: StandIn, queue: RecordsQueue, records: SqliteRecords
) -> None:
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    await encoder.fail(job, CRASHED)
    await service.step()
    await records.write(
        lambda db: db.exec_driver_sql("UPDATE queue_tasks SET state = 'ready', tried = 0, ended_at = NULL")
    )

    await service.repair()

    assert (await service.job(job.id)).state is JobState.QUEUED


@pytest.mark.parametrize("when", ["queued", "begun", "arriving", "failed"])
async def test_a_cancelled_job_ends_at_once_and_nothing_of_it_is_kept(
    encoding: Encoding,
    service: EncodingService,
    encoder: StandIn,
    queue: RecordsQueue,
    catalog: CatalogService,
    blobs: FileBlobs,
    told: Told,
    when: str,
) -> None:
    await blobs.put("uploads/upl_1", b"a film")
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await blobs.put(f"media/{job.asset}/v360/0a1b.m4s", b"half made")
    if when == "begun":
        await encoder.begin(job)
    elif when == "arriving":
        await encoder.arrive(job, arriving(job.asset))
    elif when == "failed":
        await encoder.fail(job, CRASHED)
    await service.step()

    cancelled = await encoding.cancel(job.id)

    assert (cancelled.state, cancelled.problem and cancelled.problem.code) == (
        JobState.REFUSED, "encoding.cancelled",
    )  # fmt: skip
    assert not cancelled.watchable
    assert jobs_told(told)[-1] == await encoding.job(job.id) == cancelled
    assert [key async for key in blobs.keys("")] == []
    assert await catalog.titles() == []
    tasks, _ = await queue.tasks(group=group_of(job.asset))
    assert {task.state for task in tasks} == {TaskState.CANCELLED}
    news = len(told.payloads)
    assert await encoding.cancel(job.id) == cancelled
    assert len(told.payloads) == news


async def test_what_a_late_worker_still_stores_of_a_cancelled_job_goes_too(
    service: EncodingService, blobs: FileBlobs, clock: VirtualClock
) -> None:
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    await service.cancel(job.id)
    for n in range(10):
        await blobs.put(f"media/{job.asset}/v360/{n}.m4s", b"late")
        assert await service.step()
        clock.advance(LEASE_S / 5)
    clock.advance(LEASE_S)

    await service.step()

    assert [key async for key in blobs.keys("")] == []
    assert not await service.step()


async def test_a_late_second_cancel_may_come_while_the_first_is_still_cleaned(
    service: EncodingService, clock: VirtualClock
) -> None:
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    await service.cancel(job.id)
    clock.advance(2 * LEASE_S + 1)

    one, other, _ = await asyncio.gather(service.cancel(job.id), service.cancel(job.id), service.step())

    assert one == other == await service.job(job.id)
    assert not await service.step()


async def test_a_job_that_is_done_cannot_be_cancelled(
    encoding: Encoding, service: EncodingService, encoder: StandIn
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.finish(job, publication(job.asset))
    await service.step()
    done = await encoding.job(job.id)

    with pytest.raises(Conflict) as refusal:
        await encoding.cancel(job.id)

    assert refusal.value.code == "encoding.already_ended"
    assert await encoding.job(job.id) == done


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_cancel_by_another_control_plane_while_a_title_is_published_leaves_one_truth(
    records: SqliteRecords,
    queue: RecordsQueue,
    blobs: FileBlobs,
    catalog: CatalogService,
    encoder: StandIn,
    clock: VirtualClock,
    chance: Random,
    told: Told,
    moment: str,
    *,
    complete: bool,
) -> None:
    other = EncodingService(records, queue, blobs, catalog, clock, chance, told, lease_s=LEASE_S)
    interrupted = Interrupted(catalog, moment, other.cancel)
    one = EncodingService(
        records, queue, blobs, cast("Catalog", interrupted), clock, chance, told, lease_s=LEASE_S
    )
    job = await one.submit("uploads/upl_1", "f", SINTEL)
    interrupted.job = job.id
    if complete:
        await encoder.finish(job, publication(job.asset))
    else:
        await encoder.arrive(job, arriving(job.asset))

    await one.step()

    ended = await one.job(job.id)
    on_site = [title.slug for title in await catalog.titles()]
    if complete:
        assert (ended.state, on_site, interrupted.refused) == (JobState.DONE, ["sintel"], True)
    else:
        assert (ended.state, on_site, interrupted.refused) == (JobState.REFUSED, [], False)


async def test_a_title_that_a_killed_process_published_after_its_cancel_leaves_the_site_at_the_next_start(
    service: EncodingService, encoder: StandIn, catalog: CatalogService, clock: VirtualClock
) -> None:
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    await encoder.arrive(job, arriving(job.asset))
    await service.step()
    await service.cancel(job.id)
    clock.advance(3 * LEASE_S)
    await service.step()
    await catalog.publish(SINTEL, arriving(job.asset))  # was on its way for as long, and then killed

    await service.repair()

    assert await catalog.titles() == []


async def test_what_one_control_plane_does_the_listeners_of_another_hear(
    records: SqliteRecords,
    queue: RecordsQueue,
    blobs: FileBlobs,
    catalog: CatalogService,
    encoder: StandIn,
    clock: VirtualClock,
    chance: Random,
) -> None:
    told = Told(), Told()
    one, other = (
        EncodingService(records, queue, blobs, catalog, clock, chance, each, lease_s=LEASE_S) for each in told
    )
    job = await one.submit("uploads/upl_1", "f", SINTEL)
    await other.step()
    await encoder.finish(job, publication(job.asset))
    await one.step()

    await other.step()

    assert jobs_told(told[1])[-1].state is JobState.DONE


async def test_a_priority_holds_for_tasks_that_come_later_too(
    encoding: Encoding, service: EncodingService, encoder: StandIn, queue: RecordsQueue
) -> None:
    job = await encoding.submit("uploads/upl_1", "f", SINTEL)
    await encoder.begin(job)

    assert (await encoding.prioritise(job.id, 9)).priority == 9
    late = await encoder.add(job, "plan", priority=4)
    await service.step()

    tasks, _ = await queue.tasks(group=group_of(job.asset))
    assert {task.id: task.priority for task in tasks}[late] == 9
    assert {task.priority for task in tasks} == {9}
    for bad in (-1, 10):
        with pytest.raises(InvalidRequest) as refusal:
            await encoding.prioritise(job.id, bad)
        assert refusal.value.code == "encoding.bad_priority"
    await encoding.cancel(job.id)
    with pytest.raises(Conflict):
        await encoding.prioritise(job.id, 1)


async def test_uploaded_files_go_once_they_are_encoded_where_they_are_not_kept(
    records: SqliteRecords,
    queue: RecordsQueue,
    blobs: FileBlobs,
    catalog: CatalogService,
    encoder: StandIn,
    clock: VirtualClock,
    chance: Random,
    told: Told,
) -> None:
    service = EncodingService(
        records, queue, blobs, catalog, clock, chance, told, lease_s=LEASE_S, keep_sources=False
    )
    await blobs.put("uploads/upl_1", b"a film")
    job = await service.submit("uploads/upl_1", "f", SINTEL)
    await encoder.finish(job, publication(job.asset))
    await service.step()

    assert [key async for key in blobs.keys("")] == []
    assert not await service.step()


async def test_a_job_that_is_not_there_is_not_found(encoding: Encoding) -> None:
    for missing in (
        encoding.job("job_0"),
        encoding.tasks("job_0"),
        encoding.hulls("job_0", 0),
        encoding.cancel("job_0"),
        encoding.retry("job_0"),
        encoding.prioritise("job_0", 4),
    ):
        with pytest.raises(NotFound) as refusal:
            await missing
        assert refusal.value.code == "encoding.no_job"


async def test_a_title_that_could_not_be_published_is_refused_at_the_door(encoding: Encoding) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await encoding.submit("uploads/upl_1", "f", NewTitle("x" * 201))

    assert refusal.value.code == "catalog.bad_title"
    assert await encoding.jobs() == []
