import asyncio
import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import Publication
from bijou.encoding import EncodingLimits, encode_asset, inspect
from bijou.encoding.ffmpeg import failure, ffmpeg, input_options
from bijou.encoding.inspection import Film, examine
from bijou.encoding.pipeline import plan
from bijou.ports import BijouError, Conflict, EngineUnavailable, InvalidRequest, SystemClock
from bijou.runtime.children import Finished, Limits, run_child

LIMITS = EncodingLimits(threads=1, child_wall_s=60, probe_wall_s=60)
TINY = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=24:duration=2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    folder = tmp_path_factory.mktemp("clips")

    def run(name: str, *arguments: str) -> Path:
        command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(folder / name)]
        subprocess.run(command, check=True)
        return folder / name

    return run


@pytest.fixture(scope="module")
def plain(make: Make) -> Path:
    """Two shots of one second each, with sound."""
    return make(
        "plain.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1.5"),
        *("-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=24:start_scale=0.3", "-t", "3"),
        *("-f", "lavfi", "-i", "sine=440:duration=3"),
        *("-filter_complex", "[1:v]trim=end=1.5[m];[0:v][m]concat=n=2[v]", "-map", "[v]", "-map", "2:a"),
        *(*X264, "-x264-params", "scenecut=0:keyint=250", "-c:a", "aac", "-metadata", "artist=Nobody Real"),
    )


class Encoded(NamedTuple):
    """The two shots, encoded once for all tests that only look."""

    out: Path
    publication: Publication
    said: list[tuple[str, float]]


@pytest.fixture(scope="module")
def encoded(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    out = tmp_path_factory.mktemp("encoded")
    said: list[tuple[str, float]] = []
    publication = encode(plain, out, lambda step, progress, _: said.append((step, progress)))
    return Encoded(out, publication, said)


def encode(source: Path, out: Path, report: Callable[..., None] = lambda *_: None) -> Publication:
    return asyncio.run(
        encode_asset(source, out, asset="ast_1", limits=LIMITS, clock=SystemClock(), report=report)
    )


def look(source: Path) -> Film:
    return asyncio.run(examine(source, limits=LIMITS, clock=SystemClock()))


def joined(out: Path, rendition: str) -> Path:
    """One file of a rendition's init segment and segments."""
    folder = out / "media" / "ast_1" / rendition
    whole = out / f"{rendition}.mp4"
    pieces = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    whole.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return whole


def frames(film: Path) -> list[av.VideoFrame]:
    with av.open(str(film)) as opened:
        return list(opened.decode(opened.streams.video[0]))


def times(film: Path) -> list[Fraction]:
    return [
        frame.pts * frame.time_base for frame in frames(film) if frame.pts is not None and frame.time_base
    ]


def sound(film: Path) -> np.ndarray:
    with av.open(str(film)) as opened:
        return np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(opened.streams.audio[0])])


def test_every_rendition_has_every_frame_at_its_exact_time(encoded: Encoded) -> None:
    pictures = [rendition.name for rendition in encoded.publication.renditions if rendition.kind == "video"]

    assert pictures == ["v180", "v120"]
    for name in pictures:
        assert times(joined(encoded.out, name)) == [Fraction(n, 24) for n in range(72)]


def test_segments_begin_on_the_cut(encoded: Encoded) -> None:
    assert encoded.publication.media.cuts_s == [1.5]
    for name in ("v180", "v120"):
        film = frames(joined(encoded.out, name))
        assert [frame.time for frame in film if frame.key_frame] == [0, 1.5]


def test_the_publication_names_files_that_are_there(encoded: Encoded) -> None:
    out, publication, _ = encoded

    for key in (publication.hls, publication.dash, publication.poster, publication.sprite):
        assert (out / key).stat().st_size > 100
    assert publication.base == "media/ast_1"
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["media"]


def test_every_tile_of_the_index_lies_in_the_sprite(encoded: Encoded) -> None:
    index = (encoded.out / encoded.publication.base / "sprite.vtt").read_text()
    sprite = frames(encoded.out / encoded.publication.sprite)[0]

    tiles = re.findall(r"sprite.jpg#xywh=(\d+),(\d+),(\d+),(\d+)", index)

    assert len(tiles) == 2
    for x, y, width, height in (tuple(map(int, tile)) for tile in tiles):
        assert x + width <= sprite.width
        assert y + height <= sprite.height


def test_progress_rises_through_all_steps_to_the_end(encoded: Encoded) -> None:
    said = encoded.said

    assert list(dict.fromkeys(step for step, _ in said)) == ["inspect", "encode", "package"]
    assert all(before <= after for (_, before), (_, after) in pairwise(said))
    assert said[-1][1] == 1.0


def test_the_same_film_gives_the_same_bytes(encoded: Encoded, plain: Path, tmp_path: Path) -> None:
    encode(plain, tmp_path)

    one, two = (
        sorted(path for path in (root / "media").rglob("*") if path.is_file())
        for root in (encoded.out, tmp_path)
    )
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_nothing_says_who_made_it_or_with_what(encoded: Encoded) -> None:
    files = [path for path in (encoded.out / "media").rglob("*") if path.is_file()]

    marked = [path.name for path in files if re.search(rb"Nobody|x264 - core|Lavf|Lavc", path.read_bytes())]

    assert not marked


def test_frames_of_uneven_length_keep_their_times(make: Make, tmp_path: Path) -> None:
    source = make("uneven.mp4", *TINY, "-vf", "select=not(mod(n\\,5))+gt(n\\,24)", "-fps_mode", "vfr", *X264)

    publication = encode(source, tmp_path)

    assert publication.media.video[0].variable_frame_rate
    expected = [Fraction(n, 24) for n in range(48) if n % 5 == 0 or n > 24]
    assert times(joined(tmp_path, "v90")) == expected


def test_a_turned_film_is_published_upright(make: Make, tmp_path: Path) -> None:
    lit = "color=black:size=160x90:rate=10:duration=0.5,drawbox=x=0:y=0:w=40:h=40:color=white:t=fill"
    flat = make("flat.mp4", "-f", "lavfi", "-i", lit, *X264)
    turned = make("turned.mp4", "-display_rotation:v:0", "-90", "-i", str(flat), "-c", "copy")

    publication = encode(turned, tmp_path)

    assert publication.media.video[0].rotation_degrees == 90
    assert (publication.renditions[0].width, publication.renditions[0].height) == (90, 160)
    picture = frames(joined(tmp_path, "v90"))[0].to_ndarray(format="gray")
    assert picture[:30, 60:].mean() > 200, "the light of the upper left corner is now in the upper right"
    assert picture[60:, :].mean() < 40


def test_oblong_pixels_become_square_ones(make: Make, tmp_path: Path) -> None:
    source = make("oblong.mp4", *TINY, "-vf", "setsar=4/3", *X264)

    publication = encode(source, tmp_path)

    assert publication.renditions[0].width / publication.renditions[0].height == pytest.approx(
        160 / 90 * 4 / 3, rel=0.02
    )


def test_odd_sizes_of_a_lossless_matroska_work(make: Make, tmp_path: Path) -> None:
    odd = "mandelbrot=size=161x91:rate=30000/1001"
    source = make("odd.mkv", "-f", "lavfi", "-i", odd, "-t", "1", "-pix_fmt", "yuv444p", "-c:v", "ffv1")

    publication = encode(source, tmp_path)

    assert publication.media.video[0].frame_rate == "30000/1001"
    assert [(r.width, r.height) for r in publication.renditions] == [(160, 90)]
    assert times(joined(tmp_path, "v91"))[1] == Fraction(1001, 30000)


def test_a_film_without_sound_has_no_sound_rendition(make: Make, tmp_path: Path) -> None:
    publication = encode(make("silent.mp4", *TINY, *X264), tmp_path)

    assert [rendition.kind for rendition in publication.renditions] == ["video"]
    assert publication.media.audio == []


def test_a_film_of_one_frame_works(make: Make, tmp_path: Path) -> None:
    publication = encode(make("still.mp4", *TINY, "-frames:v", "1", *X264), tmp_path)

    assert publication.renditions[0].segments == 1
    assert len(frames(joined(tmp_path, "v90"))) == 1


def test_interlaced_and_high_dynamic_range_films_keep_their_frames(make: Make, tmp_path: Path) -> None:
    woven = make("woven.ts", *TINY, "-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video")
    bright = make(
        "bright.mp4", *TINY, "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast",
        "-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    )  # fmt: skip

    for source, name in ((woven, "woven"), (bright, "bright")):
        video = encode(source, tmp_path / name).media.video[0]
        assert (video.interlaced, video.hdr) == (name == "woven", name == "bright")
        assert len(frames(joined(tmp_path / name, "v90"))) == video.frames


@pytest.mark.parametrize("late_s", [0.5, -0.5])
def test_sound_keeps_its_distance_from_the_picture(make: Make, tmp_path: Path, late_s: float) -> None:
    """A click one second into the sound, which begins before or after the picture."""
    click = "aevalsrc=if(between(t\\,1\\,1.02)\\,0.8\\,0):s=48000:d=2"
    picture, noise = (("-itsoffset", "0.5"), ()) if late_s < 0 else ((), ("-itsoffset", "0.5"))
    source = make(
        f"late{late_s}.mkv", *picture, *TINY, *noise, "-f", "lavfi", "-i", click, *X264, "-c:a", "pcm_s16le"
    )  # fmt: skip

    encode(source, tmp_path)

    loud = np.flatnonzero(np.abs(sound(joined(tmp_path, "a128"))) > 0.2)
    assert loud[0] / 48_000 == pytest.approx(1 + late_s, abs=0.003)


def test_what_the_header_claims_of_time_is_not_believed(plain: Path, tmp_path: Path) -> None:
    content = plain.read_bytes()
    at = content.index(b"mvhd") + 20
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(content[:at] + (2**31).to_bytes(4) + content[at + 4 :])

    media = asyncio.run(inspect(lying, limits=LIMITS, clock=SystemClock()))

    assert media.duration_s == 3.0
    assert media.video[0].frames == 72


def test_a_film_cannot_make_the_children_read_another_one(plain: Path, tmp_path: Path) -> None:
    """Were the reference followed, the film would be found good."""
    from tests.contract.bad_media import spoil  # noqa: PLC0415 - one recipe for both

    away = tmp_path / "away.mp4"
    away.write_bytes(spoil.reads_another_file(plain.read_bytes(), str(plain).encode()))

    with pytest.raises(InvalidRequest) as caught:
        asyncio.run(inspect(away, limits=LIMITS, clock=SystemClock()))

    assert caught.value.code == "encoding.no_picture"


def test_ffmpeg_opens_a_strangers_file_with_one_demuxer_and_no_way_out(tmp_path: Path) -> None:
    options = input_options(tmp_path / "-i.mp4", "mov", 1)

    said = dict(zip(options[::2], options[1::2], strict=False))
    assert said["-f"] == "mov"
    assert said["-protocol_whitelist"] == "file"
    assert (said["-enable_drefs"], said["-use_absolute_path"]) == ("0", "0")
    assert not {"hls", "concat", "dash", "sdp", "image2"} & set(said["-format_whitelist"].split(","))
    assert options[-1].startswith("file:/")


def test_an_asset_is_encoded_once(encoded: Encoded, plain: Path) -> None:
    with pytest.raises(Conflict):
        encode(plain, encoded.out)


def test_a_cancelled_encode_leaves_nothing(plain: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        def report(step: str, _progress: float, _speed: float) -> None:
            if step == "encode":
                begun.set()

        making = asyncio.create_task(
            encode_asset(plain, tmp_path, asset="ast_1", limits=LIMITS, clock=SystemClock(), report=report)
        )
        await begun.wait()
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(scenario())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_key_frames_are_asked_for_half_a_frame_early(plain: Path, tmp_path: Path) -> None:
    recipe = plan(look(plain), tmp_path, LIMITS)

    assert recipe.boundaries_s == [0.0, 1.5]
    assert recipe.key_times() == "0.000000,1.479167"


def test_a_full_disk_is_worth_another_try(make: Make) -> None:
    async def write_to_a_full_disk() -> Finished:
        argv = [
            *ffmpeg(),
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x90:duration=1",
            "-f",
            "rawvideo",
            "/dev/full",
        ]
        return await run_child(argv, limits=Limits(wall_s=30), clock=SystemClock())

    error = failure(asyncio.run(write_to_a_full_disk()), "encoding")

    assert isinstance(error, EngineUnavailable)
    assert error.code == "encoding.disk_full"


@pytest.mark.parametrize(
    ("code", "signal", "words", "timed_out", "kind", "expected"),
    [
        (1, 0, "Invalid data found when processing input", False, InvalidRequest, "encoding.undecodable"),
        (1, 0, "x: Cannot allocate memory", False, EngineUnavailable, "encoding.out_of_memory"),
        (-1, 9, "", True, InvalidRequest, "encoding.timed_out"),
        (-1, 24, "", False, InvalidRequest, "encoding.timed_out"),
        (-1, 25, "", False, InvalidRequest, "encoding.output_too_large"),
        (-1, 11, "", False, EngineUnavailable, "encoding.crashed"),
        (-1, 9, "", False, EngineUnavailable, "encoding.crashed"),
    ],
)
def test_the_end_of_a_child_says_who_must_act(
    code: int, signal: int, words: str, *, timed_out: bool, kind: type[BijouError], expected: str
) -> None:
    error = failure(Finished(code, signal, words, 1.0, 1.0, timed_out), "encoding")

    assert isinstance(error, kind)
    assert error.code == expected
