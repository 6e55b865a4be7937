"""Sound in segments is the sound of one encode, sample for sample."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bijou.encoding import EncodingLimits
from bijou.encoding.audio_track import SoundMade, SoundSource, audio_argv, encode_audio
from bijou.encoding.recipes import recipe
from bijou.ports import InvalidRequest, SystemClock
from tests.contract.chunks.studio import make

LIMITS = EncodingLimits(threads=1, child_wall_s=60)
GRID = [Fraction(frame, 24) for frame in (0, 96, 151, 200)]
SWEEP = "aevalsrc=0.4*sin(2*PI*(200+90*t)*t)|0.3*sin(2*PI*320*t):s=44100:d=11"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24:duration=10")
    path = tmp_path_factory.mktemp("sound") / "film.mkv"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac")
    return make(path, *picture, "-f", "lavfi", "-i", SWEEP, *coded)


def source(stream: int = 1, gain_db: float = 0.0) -> SoundSource:
    return SoundSource("a128", "matroska", stream, (0, 1), gain_db=gain_db)


async def at_once(moments: Sequence[Fraction]) -> AsyncIterator[Fraction]:
    for moment in moments:
        yield moment


def segments(film: Path, name: str, folder: Path, sound: SoundSource | None = None) -> list[SoundMade]:
    async def made() -> list[SoundMade]:
        encode = encode_audio(
            film,
            sound or source(),
            recipe(name),
            grid=at_once(GRID),
            folder=folder,
            limits=LIMITS,
            clock=SystemClock(),
        )
        return [one async for one in encode]

    return asyncio.run(made())


def samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as opened:
        frames = [frame.to_ndarray() for frame in opened.decode(opened.streams.audio[0])]
    return np.concatenate(frames, axis=1)


@pytest.mark.parametrize("name", ["h264_aac", "av1_opus"])
def test_segments_are_the_whole_files_samples_and_none_has_moved(
    name: str, film: Path, tmp_path: Path
) -> None:
    made = segments(film, name, tmp_path)

    together, whole = tmp_path / "together.mp4", tmp_path / "whole.mp4"
    together.write_bytes(made[0].head.init + b"".join(one.segment.content for one in made))
    argv = audio_argv(film, source(), recipe(name).audio, whole)
    plain = [*argv[: argv.index("-movflags")], "-f", "mp4", str(whole)]
    subprocess.run(plain, check=True, stdout=subprocess.DEVNULL)
    ours, theirs = samples(together), samples(whole)
    assert np.array_equal(ours[:, : theirs.shape[1]], theirs)
    assert 11 * 48_000 <= ours.shape[1] < 11 * 48_000 + 1024
    for one, boundary in zip(made, GRID, strict=False):
        assert abs(Fraction(one.segment.start, 48_000) - boundary) <= Fraction(1024, 2 * 48_000)
    assert [one.segment.number for one in made] == list(range(1, len(GRID) + 1))


def test_a_rerun_gives_the_same_bytes_however_late_the_grid_is(film: Path, tmp_path: Path) -> None:
    before = segments(film, "h264_aac", tmp_path)

    async def rerun() -> list[SoundMade]:
        encoded = asyncio.Event()

        async def late() -> AsyncIterator[Fraction]:
            for moment in GRID:
                if moment:
                    await encoded.wait()
                yield moment

        def tell(seconds: float) -> None:
            if seconds > 10:
                encoded.set()

        encode = encode_audio(
            film,
            source(),
            recipe("h264_aac"),
            grid=late(),
            folder=tmp_path,
            limits=LIMITS,
            clock=SystemClock(),
            tell=tell,
        )
        return [one async for one in encode]

    again = asyncio.run(rerun())

    assert [one.segment for one in again] == [one.segment for one in before]
    assert list(tmp_path.iterdir()) == []


def test_a_gain_makes_it_louder_by_so_much(film: Path, tmp_path: Path) -> None:
    loudness = []
    for gain_db in (0.0, -12.0):
        made = segments(film, "h264_aac", tmp_path, source(gain_db=gain_db))
        path = tmp_path / "one.mp4"
        path.write_bytes(made[0].head.init + made[1].segment.content)
        loudness.append(float(np.sqrt(np.mean(samples(path) ** 2))))

    assert loudness[0] / loudness[1] == pytest.approx(10 ** (12 / 20), rel=0.05)


def test_whoever_stops_listening_ends_the_encode(film: Path, tmp_path: Path) -> None:
    async def listen() -> None:
        encode = encode_audio(
            film,
            source(),
            recipe("h264_aac"),
            grid=at_once(GRID),
            folder=tmp_path,
            limits=LIMITS,
            clock=SystemClock(),
        )
        await anext(encode)
        await encode.aclose()

    asyncio.run(listen())

    assert list(tmp_path.iterdir()) == []


def test_a_track_that_is_not_there_is_one_clear_refusal(film: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        segments(film, "h264_aac", tmp_path, source(stream=7))

    assert caught.value.code == "encoding.undecodable"
    assert list(tmp_path.iterdir()) == []
