"""Whatever happens to workers, the same catalogue comes out."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from bijou.encoding import JobState, Standing, TitleWork
from bijou.encoding.titles.live import Living
from bijou.encoding.titles.workshop import Workshop
from bijou.ports import Conflict, Steer, SystemClock, TaskState
from tests.contract.titles.conftest import CALM, Shown
from tests.contract.titles.studio import ASSET, LIMITS, SOURCE, Severed, Studio

pytestmark = pytest.mark.anyio


@pytest.fixture
async def studio(film: Path, tmp_path: Path) -> AsyncIterator[Studio]:
    studio = Studio(tmp_path / "storm", lease_s=0.6)
    await studio.bring(film)
    yield studio
    await studio.close()


async def stormed(studio: Studio, work: TitleWork, chance: Random, storms: int) -> Standing:
    """Cut workers off from the queue at random moments, as if they had died; then let one finish."""
    await studio.add(work)
    for _ in range(storms):
        line = Severed(studio.queue)
        async with studio.worker(line):
            await SystemClock().sleep(chance.uniform(0.05, 0.9))
            line.cut = True
    async with studio.worker(), studio.worker():
        return await studio.ended(work)


async def test_workers_that_die_at_any_moment_leave_the_catalogue_of_an_undisturbed_night(
    studio: Studio, shown: Shown
) -> None:
    standing = await stormed(studio, CALM, Random(11), storms=6)

    assert standing.publication == shown.standing.publication, standing
    assert studio.catalogue() == shown.studio.catalogue()
    assert not studio.blobs.missing
    tasks, _ = await studio.queue.tasks(group=f"{ASSET}/v1", limit=1000)
    assert max(task.tried for task in tasks) > 1


async def test_a_worker_that_is_told_to_stop_hands_its_tasks_back_at_once(studio: Studio) -> None:
    await studio.add(CALM)
    async with studio.worker():
        async with asyncio.timeout(20):
            while not (await studio.standing(CALM)).counts.get(TaskState.RUNNING, 0) >= 3:
                await SystemClock().sleep(0.01)

    standing = await studio.standing(CALM)

    assert standing.state is JobState.RUNNING
    assert TaskState.RUNNING not in standing.counts


async def test_a_cancelled_title_stops_at_once_and_is_refused_by_that_name(studio: Studio) -> None:
    await studio.add(CALM)
    async with studio.worker() as worker:
        async with asyncio.timeout(20):
            while not any(one.kind == "chunk" for one in worker.statistics().held):
                await SystemClock().sleep(0.01)
        await studio.queue.steer(Steer("cancel", group=f"{ASSET}/v1"))
        async with asyncio.timeout(5):
            while worker.statistics().held:
                await SystemClock().sleep(0.01)
        lost = worker.statistics().lost

    standing = await studio.standing(CALM)

    assert lost >= 1
    assert standing.state is JobState.REFUSED
    assert standing.problem is not None
    assert standing.problem.code == "encoding.cancelled"


async def test_a_writer_of_growing_lists_that_slept_past_its_lease_writes_nothing(
    studio: Studio, shown: Shown
) -> None:
    line = Severed(studio.queue)
    await studio.add(CALM)
    async with studio.worker(line) as sleeper:
        async with asyncio.timeout(20):
            while not studio.blobs.grown:
                await SystemClock().sleep(0.01)
        line.awake.clear()
        async with studio.worker():
            standing = await studio.ended(CALM)
        written = {key: list(texts) for key, texts in studio.blobs.grown.items()}
        line.awake.set()
        async with asyncio.timeout(20):
            while sleeper.statistics().held:
                await SystemClock().sleep(0.01)

    assert studio.blobs.grown == written
    assert standing.publication == shown.standing.publication, standing
    assert studio.catalogue() == shown.studio.catalogue()


class Lost:
    """The hand of a worker whose task is another's by now."""

    async def part(self, *_: object) -> None:
        raise Conflict("encoding.lease_lost", "drop the work")

    async def sure(self) -> None:
        raise Conflict("encoding.lease_lost", "drop the work")

    def say(self, progress: float, note: str = "") -> None:
        pass

    def wait(self, note: str) -> None:
        pass


async def test_a_list_is_not_written_before_the_queue_has_said_that_the_task_is_held(
    shown: Shown, tmp_path: Path
) -> None:
    shutil.copytree(shown.studio.folder, tmp_path / "stale")
    studio = Studio(tmp_path / "stale")
    (task,), _ = await studio.queue.tasks(task=f"{ASSET}/v1/live")
    shop = Workshop(
        studio.queue,
        studio.blobs,
        SystemClock(),
        limits=LIMITS,
        scratch=tmp_path / "scratch",
        chance=Random(1),
    )

    with pytest.raises(Conflict):
        await Living(shop)(task, Lost())
    await studio.close()

    assert not studio.blobs.grown


async def test_a_codec_added_later_leaves_every_byte_and_is_listed_beside_the_first(
    shown: Shown, tmp_path: Path
) -> None:
    shutil.copytree(shown.studio.folder, tmp_path / "later")
    studio = Studio(tmp_path / "later", lease_s=0.6)
    before = studio.catalogue()
    first = (await studio.standing(CALM)).publication
    later = TitleWork(ASSET, SOURCE, recipes=("av1_opus",), version=2, base=first)

    standing = await stormed(studio, later, Random(5), storms=3)

    assert standing.publication is not None, standing
    after = studio.catalogue()
    assert {key: after[key] for key in before} == before == shown.studio.catalogue()
    names = [one.name for one in standing.publication.renditions]
    assert names == ["v180", "v120", "av1-180", "av1-120", "a128", "opus96"]
    assert standing.publication.version == 2
    lists = {
        name: (studio.folder / "blobs" / "media" / ASSET / "v2" / name).read_text(encoding="utf-8")
        for name in ("master.m3u8", "manifest.mpd", "v180.m3u8")
    }
    assert "av01." in lists["master.m3u8"]
    assert "avc1." in lists["master.m3u8"]
    assert lists["manifest.mpd"].count("<Representation ") == 7
    assert "TYPE=SUBTITLES" in lists["master.m3u8"]
    assert lists["v180.m3u8"] == shown.text("v1/v180.m3u8")
    tasks, _ = await studio.queue.tasks(group=f"{ASSET}/v2", limit=1000)
    await studio.close()
    assert {task.kind for task in tasks} == {"inspect", "plan", "chunk", "audio", "publish"}


async def test_a_later_version_without_the_facts_of_its_base_is_refused(studio: Studio, shown: Shown) -> None:
    assert shown.standing.publication is not None
    base = replace(shown.standing.publication, asset="ast_other")
    work = TitleWork("ast_other", SOURCE, recipes=("av1_opus",), version=2, base=base)

    standing = await studio.encode(work)

    assert standing.state is JobState.REFUSED
    assert standing.problem is not None
    assert standing.problem.code == "encoding.no_edition"


async def test_nothing_of_a_film_travels_twice(shown: Shown) -> None:
    studio = Studio(shown.studio.folder)
    tasks, parts = await studio.queue.tasks(group=f"{ASSET}/v1", limit=1000)
    await studio.close()

    assert max(len(task.payload) for task in tasks) < 4096
    results = [task.result for task in tasks] + [part.result for part in parts]
    assert max(map(len, results)) < 4096
