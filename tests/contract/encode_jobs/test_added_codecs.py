"""Codecs added to finished titles: one, all, again after a crash, and taken back."""

from random import Random

import pytest
from msgspec.structs import replace

from bijou.catalog import NewTitle, Publication, Rendition
from bijou.catalog.service import CatalogService
from bijou.encoding import CodecOrder, Encoding, Job, JobState, group_of
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import BijouError, Conflict, InvalidRequest, NotFound, TaskState, VirtualClock
from tests.contract.conftest import Told
from tests.contract.encode_jobs.conftest import LEASE_S
from tests.contract.encoders import StandIn
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio

HEVC = CodecOrder(["hevc"])


def grown(before: Publication) -> Publication:
    new = Rendition("hevc-v360", "video", "hvc1.1.6.L63.90", 500_000, 400_000, 1_500_000, 8, 640, 360, 24.0)
    version = before.version + 1
    hls = f"{before.base}/v{version}/master.m3u8"
    return replace(before, renditions=[*before.renditions, new], version=version, hls=hls)


async def finished(service: EncodingService, encoder: StandIn, number: int = 1) -> Job:
    """Bring a title of which all is there."""
    job = await service.submit(f"uploads/upl_{number}", "f", NewTitle(f"Film {number}"))
    await encoder.finish(job, publication(job.asset))
    await service.step()
    return await service.job(job.id)


async def test_a_codec_is_a_job_of_its_own_and_its_end_a_new_publication(
    encoding: Encoding, service: EncodingService, encoder: StandIn, catalog: CatalogService
) -> None:
    first = await finished(service, encoder)
    stood = (await catalog.title("film-1")).publication

    job = await encoding.add_codecs("film-1", CodecOrder(["h264_aac", "hevc"], priority=1))
    assert (job.asset, job.version, job.recipes, job.priority, job.source) == (
        first.asset, 2, ("hevc",), 1, first.source,
    )  # fmt: skip
    await service.step()
    await encoder.begin(job)
    await service.step()
    assert (await catalog.title("film-1")).publication == stood
    await encoder.finish(job, grown(stood))
    await service.step()

    assert (await encoding.job(job.id)).state is JobState.DONE
    assert (await catalog.title("film-1")).publication == grown(stood)
    for refused, code in (
        (encoding.add_codecs("film-1", HEVC), "encoding.has_codecs"),
        (encoding.add_codecs("film-1", CodecOrder(["mpeg1"])), "encoding.no_recipe"),
        (encoding.add_codecs("film-1", CodecOrder([])), "encoding.no_recipe"),
        (encoding.add_codecs("film-1", CodecOrder(["vvc"], priority=10)), "encoding.bad_priority"),
        (encoding.add_codecs("film-2", HEVC), "catalog.no_title"),
    ):
        with pytest.raises((Conflict, InvalidRequest, NotFound)) as refusal:
            await refused
        assert refusal.value.code == code


async def test_what_a_growing_list_tells_of_an_added_codec_does_not_take_the_place_of_the_whole_film(
    service: EncodingService, encoder: StandIn, catalog: CatalogService
) -> None:
    await finished(service, encoder)
    stood = (await catalog.title("film-1")).publication
    job = await service.add_codecs("film-1", HEVC)
    await service.step()
    await encoder.arrive(job, replace(grown(stood), complete=False))

    await service.step()

    assert (await catalog.title("film-1")).publication == stood


async def test_a_cancelled_codec_takes_only_its_own_media_with_it(
    encoding: Encoding,
    service: EncodingService,
    encoder: StandIn,
    catalog: CatalogService,
    blobs: FileBlobs,
) -> None:
    first = await finished(service, encoder)
    stood = await catalog.title("film-1")
    kept = {f"media/{first.asset}/v360/0a.m4s", f"media/{first.asset}/v1/master.m3u8", first.source}
    for key in kept:
        await blobs.put(key, b"stands")
    job = await encoding.add_codecs("film-1", HEVC)
    await service.step()
    await encoder.begin(job)
    await blobs.put(f"media/{job.asset}/v2/master.m3u8", b"half made")

    assert (await encoding.cancel(job.id)).state is JobState.REFUSED

    assert {key async for key in blobs.keys("")} == kept
    assert await catalog.title("film-1") == stood
    again = await encoding.add_codecs("film-1", HEVC)
    assert again.version == 3


async def test_a_title_that_is_being_encoded_or_whose_file_is_gone_gets_no_codec(
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

    async def code() -> str:
        with pytest.raises(BijouError) as refusal:
            await service.add_codecs("film-1", HEVC)
        return refusal.value.code

    job = await service.submit("uploads/upl_1", "f", NewTitle("Film 1"))
    await encoder.arrive(job, replace(publication(job.asset), complete=False))
    await service.step()
    assert await code() == "encoding.busy"
    await encoder.finish(job, publication(job.asset))
    await service.step()

    assert await code() == "encoding.no_source"


async def test_an_order_for_all_titles_goes_on_where_it_was_however_often_it_is_given(
    encoding: Encoding, service: EncodingService, encoder: StandIn, clock: VirtualClock
) -> None:
    for number in range(3):
        await finished(service, encoder, number)
        clock.advance(1)
    busy = await service.submit("uploads/upl_9", "f", NewTitle("Film 9"))
    await encoder.arrive(busy, replace(publication(busy.asset), complete=False))
    await service.step()
    await encoding.add_codecs("film-1", HEVC)

    first = await encoding.add_codecs_everywhere(HEVC)
    again = await encoding.add_codecs_everywhere(HEVC)

    assert [job.title for job in first.jobs] == ["film-0", "film-2"]
    assert (first.there, first.busy, first.without_source) == (["film-1"], ["film-9"], [])
    assert (again.jobs, sorted(again.there), again.busy) == ([], ["film-0", "film-1", "film-2"], ["film-9"])


async def test_only_a_few_titles_are_given_a_codec_at_a_time_and_the_next_follow_on(
    service: EncodingService, encoder: StandIn, queue: RecordsQueue, catalog: CatalogService
) -> None:
    for number in range(10):
        await finished(service, encoder, number)
    jobs = (await service.add_codecs_everywhere(HEVC)).jobs

    await service.step()
    first = await begun(queue, jobs)
    assert len(first) == 8
    for job in first[:2]:
        title = await catalog.title(job.title)
        await encoder.finish(job, grown(title.publication))
    await service.step()
    await service.step()

    assert await begun(queue, jobs) == jobs


async def begun(queue: RecordsQueue, jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if (await queue.tasks(group=group_of(job.asset, job.version)))[0]]


async def test_a_forecast_says_which_deadlines_hold_and_what_is_hopeless(
    encoding: Encoding, service: EncodingService, encoder: StandIn, clock: VirtualClock
) -> None:
    await finished(service, encoder, 1)
    await finished(service, encoder, 2)
    soon, later = clock.now().plus_s(-1), clock.now().plus_s(3600)
    late = await encoding.add_codecs("film-1", CodecOrder(["hevc"], deadline_at=soon))
    fine = await encoding.add_codecs("film-2", CodecOrder(["hevc"], deadline_at=later))
    await service.step()
    await encoder.begin(late)

    load = await encoding.load()

    assert [(one.job, one.late_s > 0, one.hopeless) for one in load.deadlines] == [
        (late.id, True, True), (fine.id, False, False),
    ]  # fmt: skip
    assert load.running == {"stand-in": 4}
    assert {kind.kind: (kind.ready, kind.running) for kind in load.kinds}["inspect"] == (0, 4)
    told = await encoding.tasks(late.id)
    assert told.forecast is not None
    assert told.forecast.late_s > 0
    assert [(task.kind, task.state, task.tried) for task in told.tasks] == [
        ("inspect", TaskState.RUNNING.value, 1)
    ]
