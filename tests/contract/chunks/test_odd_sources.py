"""Films that seek badly, tick oddly or change midway: right, or one clear refusal."""

import asyncio
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from bijou.encoding.chunks import ChunkWork, picture_source
from bijou.encoding.inspection import examine
from bijou.packaging import read_track
from bijou.ports import BijouBug, SystemClock
from tests.contract.chunks.studio import (
    LIMITS,
    SHORT,
    SMALL,
    encode,
    joined,
    look,
    make,
    pictures,
    plan,
    quick,
    strangers,
    times,
)

LAVFI = ("-f", "lavfi", "-i")
TEST = (*LAVFI, "testsrc2=size=160x90:rate=24:duration=4")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2")
ONE_GROUP = ("-x264-params", "keyint=infinite:scenecut=0")
OPEN = ("-x264-params", "keyint=17:min-keyint=17:open-gop=1:scenecut=0:b-pyramid=normal")

SOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "one group of pictures": ("one.mp4", "mov", (*TEST, *X264, *ONE_GROUP)),
    "open groups": ("open.mkv", "matroska", (*TEST, *X264, *OPEN)),
    "a transport stream of open groups": ("open.ts", "mpegts", (*TEST, *X264, *OPEN)),
    "a transport stream of one group": ("one.ts", "mpegts", (*TEST, *X264, *ONE_GROUP)),
    "23.976 frames a second in milliseconds": (
        "ntsc.mkv",
        "matroska",
        (*LAVFI, "testsrc2=size=160x90:rate=24000/1001:duration=4", *X264),
    ),
    "frames of uneven length": (
        "uneven.mp4",
        "mov",
        (
            *TEST,
            "-vf",
            "select=not(mod(n\\,3))+gt(n\\,50)*not(mod(n\\,2))",
            "-fps_mode",
            "vfr",
            *X264,
            *ONE_GROUP,
        ),
    ),
    "a late start": ("late.mkv", "matroska", ("-itsoffset", "3.217", *TEST, *X264, *ONE_GROUP)),
    "odd sizes": (
        "odd.mkv",
        "matroska",
        (*LAVFI, "testsrc2=size=161x91:rate=25:duration=4", "-pix_fmt", "yuv444p", "-c:v", "ffv1"),
    ),
    "no time stamps but those of the container": (
        "plain.avi",
        "avi",
        (*TEST, "-c:v", "mpeg4", "-q:v", "3", "-g", "40"),
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_frame_of_an_odd_film_keeps_its_picture_and_its_time(kind: str, tmp_path: Path) -> None:
    name, container, arguments = SOURCES[kind]
    source = make(tmp_path / name, *arguments)
    picture = look(source, container)
    chunks = plan(source, picture, SHORT)
    expected = [chunk.start + sum(chunk.durations()[:n]) for chunk in chunks for n in range(chunk.frames)]

    made = encode(source, [ChunkWork(picture, chunk, SMALL) for chunk in chunks], quick(), tmp_path)

    whole = joined(made, tmp_path / "whole.mp4")
    assert len(chunks) >= 2
    assert len({chunk.head.sha256 for chunk in made}) == 1
    assert times(whole) == [Fraction(tick, picture.per_s) for tick in expected]
    assert all(after > before for before, after in pairwise(expected))
    with whole.open("rb") as file:
        samples = read_track(file).samples
    assert min(samples.composition_offsets) >= 0
    assert list(samples.decode_times) == sorted(set(samples.decode_times))
    assert strangers(pictures(source), pictures(whole)) == []


def test_a_film_of_one_frame_becomes_one_segment(tmp_path: Path) -> None:
    source = make(tmp_path / "still.mp4", *TEST, "-frames:v", "1", *X264)
    picture = look(source, "mov")

    [made] = encode(source, [ChunkWork(picture, plan(source, picture)[0], SMALL)], quick(), tmp_path)

    assert [(segment.start, segment.duration) for segment in made.segments] == [(0, picture.frame_ticks)]
    assert times(joined([made], tmp_path / "whole.mp4")) == [0]


def test_a_picture_that_changes_its_size_midway_keeps_every_frame(tmp_path: Path) -> None:
    small = make(tmp_path / "a.ts", *TEST, *X264, "-g", "12")
    large = make(
        tmp_path / "b.ts", *LAVFI, "testsrc2=size=320x180:rate=24:duration=4", *X264,
        "-g", "12", "-output_ts_offset", "4.083333",
    )  # fmt: skip
    source = tmp_path / "both.ts"
    source.write_bytes(small.read_bytes() + large.read_bytes())
    picture = look(source, "mpegts")
    chunks = plan(source, picture, SHORT)

    made = encode(source, [ChunkWork(picture, chunk, SMALL) for chunk in chunks], quick(), tmp_path)

    assert times(joined(made, tmp_path / "whole.mp4")) == [Fraction(n, 24) for n in range(192)]


def test_a_plan_that_the_film_does_not_keep_is_a_bug_that_names_the_frame(tmp_path: Path) -> None:
    source = make(tmp_path / "one.mp4", *TEST, *X264, *ONE_GROUP)
    picture = look(source, "mov")
    _, second, *_ = plan(source, picture, SHORT)
    wrong = replace(second, runs=((1000, 10), (2000, 1), (1000, second.frames - 11)))

    with pytest.raises(BijouBug) as caught:
        encode(source, [ChunkWork(picture, wrong, SMALL)], quick(), tmp_path)

    assert caught.value.code == "encoding.frames_lost"
    assert "frame 11 " in caught.value.detail


@pytest.mark.parametrize("name", ["hevc", "av1_opus", "vvc"])
def test_every_recipe_makes_chunks_that_decode(name: str, tmp_path: Path) -> None:
    source = make(
        tmp_path / "one.mp4", *LAVFI, "testsrc2=size=128x72:rate=12:duration=4.5", *X264, *ONE_GROUP
    )
    picture, made_by = look(source, "mov"), quick(name)
    chunks = plan(source, picture, SHORT)

    made = encode(source, [ChunkWork(picture, chunk, SMALL) for chunk in chunks], made_by, tmp_path)

    whole = joined(made, tmp_path / "whole.mp4")
    assert len(chunks) >= 2
    assert len({chunk.head.sha256 for chunk in made}) == 1
    assert made[0].head.format.codecs.startswith({"hevc": "hvc1", "av1_opus": "av01", "vvc": "vvc1"}[name])
    assert times(whole) == [Fraction(n, 12) for n in range(54)]
    assert strangers(pictures(source), pictures(whole)) == []


def test_an_inspected_film_is_planned_as_it_was_inspected(tmp_path: Path) -> None:
    source = make(tmp_path / "ntsc.mkv", *SOURCES["23.976 frames a second in milliseconds"][2])

    film = asyncio.run(examine(source, limits=LIMITS, clock=SystemClock()))

    picture = picture_source(film)
    assert picture.frame_s == Fraction(1001, 24000)
    assert [picture.film_ticks(tick) for tick in film.ticks] == [n * 1001 for n in range(len(film.ticks))]
