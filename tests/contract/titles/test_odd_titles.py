"""Odd sources become right titles, or are refused in one sentence; all of them at once."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.encoding import Hold, JobState, Made, Standing, TitleWork
from bijou.ports import InvalidRequest, SystemClock, Task, TaskState
from tests.contract.titles.studio import Studio
from tests.unit.packaging.films import BUNDLED, frames

PICTURE = "testsrc2=size=160x120:rate=10"
TONE = ("-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=3")
CODED = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p", "-g", "10")


def make(path: Path, *arguments: str) -> Path:
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


def shot(duration_s: float, size: str = "160x120") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration={duration_s}")


def silent(path: Path) -> Path:
    return make(path.with_suffix(".mp4"), *shot(3), *CODED)


def sound_alone(path: Path) -> Path:
    return make(path.with_suffix(".m4a"), *TONE, "-c:a", "aac")


def one_frame(path: Path) -> Path:
    return make(path.with_suffix(".mp4"), *shot(3), *CODED, "-frames:v", "1")


def broken_off(path: Path) -> Path:
    whole = make(path.with_suffix(".mkv"), *shot(6), *TONE, *CODED, "-c:a", "flac").read_bytes()
    path.write_bytes(whole[: len(whole) * 4 // 5])
    return path


def damaged_tail(path: Path) -> Path:
    """A recording whose last seconds are noise."""
    whole = make(path.with_suffix(".ts"), *shot(6), *TONE, *CODED, "-c:a", "aac").read_bytes()
    noise = bytes(range(1, 252)) * (len(whole) // 5 // 251)
    path.write_bytes(whole[: -len(noise)] + noise)
    return path


def without_its_index(path: Path) -> Path:
    whole = make(path.with_suffix(".mp4"), *shot(3), *CODED).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def another_shape(path: Path) -> Path:
    parts = [make(path.with_suffix(f".{n}.ts"), *shot(2, size), *CODED) for n, size in enumerate(SHAPES)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


SHAPES = ("160x120", "160x90")


def begins_in_a_group(path: Path) -> Path:
    """A recording that begins between two key frames: its first pictures cannot be decoded."""
    whole = make(path.with_suffix(".ts"), *shot(4), *TONE, *CODED, "-c:a", "aac").read_bytes()
    packets = [whole[at : at + 188] for at in range(0, len(whole), 188)]
    path.write_bytes(b"".join(packets[:3] + packets[40:]))
    return path


def skips_by_edit_list(path: Path) -> Path:
    """Cut by copy, so that the file holds more than is to be shown."""
    whole = make(path.with_suffix(".mp4"), *shot(5), *TONE, *CODED, "-c:a", "aac", "-bf", "2")
    return make(path.with_suffix(".cut.mp4"), "-ss", "0.5", "-i", str(whole), "-c", "copy")


def no_film(path: Path) -> Path:
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(range(256)) * 40)
    return path


ODD: dict[str, tuple[Callable[[Path], Path], str, int]] = {
    "silent": (silent, "", 30),
    "one_frame": (one_frame, "", 1),
    "damaged_tail": (damaged_tail, "", 0),
    "begins_in_a_group": (begins_in_a_group, "", 0),
    "skips_by_edit_list": (skips_by_edit_list, "", 45),
    "broken_off": (broken_off, "encoding.truncated", 0),
    "sound_alone": (sound_alone, "encoding.audio_only", 0),
    "without_its_index": (without_its_index, "encoding.", 0),
    "another_shape": (another_shape, "encoding.shape_changes", 0),
    "no_film": (no_film, "encoding.", 0),
}


class Odd:
    """How each of them ended."""

    def __init__(self, folder: Path, standings: dict[str, Standing]) -> None:
        self.folder = folder
        self.standings = standings


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    films = tmp_path_factory.mktemp("odd")
    folder = films / "studio"

    async def encoded() -> dict[str, Standing]:
        studio = Studio(folder, lease_s=20)
        works = {}
        for name, (made, _, _) in ODD.items():
            await studio.bring(made(films / name), f"sources/{name}")
            works[name] = TitleWork(name, f"sources/{name}")
            await studio.add(works[name])
        async with studio.worker():
            standings = {name: await studio.ended(work) for name, work in works.items()}
        await studio.close()
        return standings

    return Odd(folder, asyncio.run(encoded()))


@pytest.mark.parametrize("name", [name for name, (_, code, _) in ODD.items() if code])
def test_what_is_no_film_is_refused_in_one_sentence(name: str, odd: Odd) -> None:
    standing = odd.standings[name]

    assert standing.state is JobState.REFUSED, standing
    assert standing.problem is not None
    assert standing.problem.code.startswith(ODD[name][1]), standing.problem
    assert standing.problem.status == 422
    assert standing.publication is None


@pytest.mark.parametrize("name", [name for name, (_, code, _) in ODD.items() if not code])
def test_an_odd_film_becomes_a_title_that_begins_at_nothing_and_has_all_its_frames(
    name: str, odd: Odd
) -> None:
    standing = odd.standings[name]

    assert standing.publication is not None, standing
    for place, rendition in enumerate(standing.publication.renditions):
        if rendition.kind != "video":
            continue
        playlist = odd.folder / "blobs" / "media" / name / "v1" / f"{rendition.name}.m3u8"
        shown = [moment for moment, _ in frames(BUNDLED, str(playlist), "v", level="fatal")]
        assert shown == list(range(len(shown))), place
        assert len(shown) == (ODD[name][2] or len(shown))
        assert len(shown) == 1 or len(shown) / 10 == pytest.approx(standing.duration_s, abs=0.01)


def test_a_silent_film_has_no_group_of_sounds(odd: Odd) -> None:
    master = odd.folder / "blobs" / "media" / "silent" / "v1" / "master.m3u8"

    assert "AUDIO" not in master.read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_a_title_that_has_died_leaves_no_task_that_waits_for_ever(odd: Odd) -> None:
    studio = Studio(odd.folder)
    tasks, _ = await studio.queue.tasks(limit=10_000)
    await studio.close()

    still = {task.id for task in tasks if task.state in {TaskState.RUNNING, TaskState.READY}}
    assert {one for one in still if not one.endswith("/live")} == set()


@pytest.mark.anyio
async def test_what_waits_for_a_dead_task_ends_with_its_problem(tmp_path: Path) -> None:
    async def plan(_: Task, __: Hold) -> Made:
        raise InvalidRequest("encoding.shape_changes", "a film has one shape throughout")

    studio = Studio(tmp_path / "studio", lease_s=20)
    work = TitleWork("dead", "sources/dead")
    await studio.bring(make(tmp_path / "film.mp4", *shot(3), *TONE, *CODED, "-c:a", "aac"), work.source)
    await studio.add(work)

    async with studio.worker(instead={"plan": plan}) as worker:
        standing = await studio.ended(work)
        async with asyncio.timeout(20):
            while worker.statistics().held:
                await SystemClock().sleep(0.02)
    tasks, _ = await studio.queue.tasks(group="dead/v1")
    await studio.close()

    assert standing.state is JobState.REFUSED
    problems = {task.kind: task.problem.code for task in tasks if task.problem}
    assert problems == dict.fromkeys(["plan", "audio", "live"], "encoding.shape_changes")
