"""A film in chunks is the film: every frame, once, at its time, always the same bytes."""

import io
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from bijou.encoding.chunks import Chunk, ChunkMade, ChunkWork, PictureSource
from bijou.encoding.chunks.command import chunk_argv, pieces
from bijou.packaging import ChunkTimes, chunk_segments
from bijou.ports import InvalidRequest
from tests.contract.chunks.studio import (
    SMALL,
    SMALLER,
    encode,
    hashes,
    joined,
    look,
    make,
    pictures,
    plan,
    quick,
    strangers,
    times,
)

CLIP = Path(__file__).parents[4] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"
FRAMES = 720


class Shoot(NamedTuple):
    """The clip, its plan, and all its chunks at one rendition."""

    source: Path
    picture: PictureSource
    chunks: list[Chunk]
    made: list[ChunkMade]
    whole: Path


@pytest.fixture(scope="session")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Shoot:
    folder = tmp_path_factory.mktemp("shoot")
    source = CLIP if CLIP.exists() else _substitute(folder / "clip.mp4")
    picture = look(source, "mov")
    chunks = plan(source, picture)
    made = encode(source, [ChunkWork(picture, chunk, SMALL) for chunk in chunks], quick(), folder)
    return Shoot(source, picture, chunks, made, joined(made, folder / "whole.mp4"))


def _substitute(path: Path) -> Path:
    shots = "testsrc2=size=428x240:rate=24:duration=12", "mandelbrot=size=428x240:rate=24"
    inputs = [part for shot in shots for part in ("-f", "lavfi", "-i", shot)]
    graph = "[1]trim=end=18[b];[0][b]concat=n=2,format=yuv420p"
    return make(path, *inputs, "-filter_complex", graph, "-c:v", "libx264", "-preset", "veryfast")


def test_every_frame_is_there_once_at_its_exact_time(shoot: Shoot) -> None:
    assert times(shoot.whole) == [Fraction(n, 24) for n in range(FRAMES)]
    assert [at for at, _ in hashes(shoot.whole)] == list(range(FRAMES)), "in frames, by ffmpeg"


def test_every_frame_is_the_frame_of_the_source(shoot: Shoot) -> None:
    assert strangers(pictures(shoot.source), pictures(shoot.whole)) == []


def test_all_chunks_have_one_init_segment_and_segments_follow_on(shoot: Shoot) -> None:
    segments = [segment for chunk in shoot.made for segment in chunk.segments]

    assert len(shoot.chunks) >= 3
    assert len({chunk.head.sha256 for chunk in shoot.made}) == 1
    assert [segment.number for segment in segments] == list(range(1, len(segments) + 1))
    ends = [segment.start + segment.duration for segment in segments]
    assert [segment.start for segment in segments] == [0, *ends[:-1]]
    assert ends[-1] == FRAMES * 1000
    assert max(segment.duration for segment in segments) <= 4 * 24_000


def test_what_is_published_decodes_as_what_was_encoded(shoot: Shoot, tmp_path: Path) -> None:
    """The encodes themselves, before anything is cut or renumbered, one after the other."""
    raw: list[str] = []
    for chunk in shoot.chunks:
        work, file = ChunkWork(shoot.picture, chunk, SMALL), tmp_path / "raw.mp4"
        [piece] = pieces(chunk, quick().video)
        argv = chunk_argv(shoot.source, work, quick(), piece, file)
        subprocess.run(argv, check=True, capture_output=True)
        raw += [frame for _, frame in hashes(file)][: chunk.frames]

    assert [frame for _, frame in hashes(shoot.whole)] == raw


def test_a_chunk_that_is_encoded_again_beside_others_has_the_same_bytes(shoot: Shoot, tmp_path: Path) -> None:
    works = [ChunkWork(shoot.picture, chunk, SMALL) for chunk in shoot.chunks[:2]]

    again = encode(shoot.source, works, quick(), tmp_path)

    for before, after in zip(shoot.made, again, strict=False):
        assert [one.sha256 for one in before.segments] == [one.sha256 for one in after.segments]
    assert list(tmp_path.iterdir()) == []


def test_the_grid_is_the_same_in_two_renditions(shoot: Shoot, tmp_path: Path) -> None:
    works = [ChunkWork(shoot.picture, chunk, SMALLER) for chunk in shoot.chunks[1:3]]

    other = encode(shoot.source, works, quick(), tmp_path)

    for mine, theirs in zip(shoot.made[1:3], other, strict=True):
        assert [(s.number, s.start, s.duration) for s in mine.segments] == [
            (s.number, s.start, s.duration) for s in theirs.segments
        ]


def test_shots_get_the_rate_factors_that_were_chosen_for_them(shoot: Shoot, tmp_path: Path) -> None:
    chunk = next(chunk for chunk in shoot.chunks if len(chunk.segments) > 1)
    half = chunk.segments[1]
    cut = replace(chunk, shots=(0, half))

    plain, mixed = (
        encode(shoot.source, [ChunkWork(shoot.picture, cut, SMALL, crfs)], quick(), tmp_path)[0]
        for crfs in ((), (38.0, 12.0))
    )

    assert mixed.head.sha256 == plain.head.sha256
    assert mixed.segments[0].size_bytes < plain.segments[0].size_bytes / 2
    assert mixed.segments[1].size_bytes > plain.segments[1].size_bytes * 1.5


@pytest.mark.parametrize("wrong", ["a frame too many", "another time", "no key frame there"])
def test_an_encode_that_is_not_the_plan_is_refused(shoot: Shoot, wrong: str) -> None:
    durations, firsts = {
        "a frame too many": ([1000] * (FRAMES + 1), [0]),
        "another time": ([1000] * 50 + [1001] * 10, [0]),
        "no key frame there": ([1000] * 60, [0, 30]),
    }[wrong]

    with pytest.raises(InvalidRequest) as caught:
        chunk_segments(
            io.BytesIO(shoot.whole.read_bytes()), ChunkTimes(24_000, 0, durations, firsts, 1, 2000)
        )

    assert caught.value.code == "packaging.frames_differ"
