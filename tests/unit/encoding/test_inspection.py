import asyncio
import subprocess
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import CaptionTrack, Chapter, ContentLight, Loudness, MediaInfo
from bijou.encoding import EncodingLimits, inspect
from bijou.encoding.colour import light_of, mastering_of
from bijou.encoding.frame_index import FrameIndex
from bijou.encoding.inspection import Film, Look, examine, look_into
from bijou.encoding.prober import Prober
from bijou.ports import InvalidRequest, SystemClock

LIMITS = EncodingLimits(threads=1, child_wall_s=60, probe_wall_s=60)
CLOCK = SystemClock()
TINY = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=24:duration=2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "12")

Make = Callable[..., Path]

SRT = "1\n00:00:00,200 --> 00:00:01,000\nWo ist das Schiff?\n"
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=800
title=Morning
[CHAPTER]
TIMEBASE=1/1000
START=800
END=99000
title=Evening
"""


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    folder = tmp_path_factory.mktemp("clips")

    def run(name: str, *arguments: str) -> Path:
        command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(folder / name)]
        subprocess.run(command, check=True)
        return folder / name

    return run


def media(path: Path, *, loudness: bool = False) -> MediaInfo:
    return asyncio.run(inspect(path, limits=LIMITS, clock=CLOCK, loudness=loudness))


def film(path: Path) -> Film:
    return asyncio.run(examine(path, limits=LIMITS, clock=CLOCK))


def look(path: Path, *, frames: bool = True) -> Look:
    return asyncio.run(look_into(path, limits=LIMITS, clock=CLOCK, frames=frames))


def decoded(path: Path) -> Iterator[tuple[int, bool]]:
    """Every frame's time and whether it is a key frame, by the slow and obvious way."""
    with av.open(str(path)) as opened:
        for frame in opened.decode(video=0):
            assert frame.pts is not None
            yield frame.pts, frame.key_frame


INDEXED: dict[str, tuple[str, tuple[str, ...]]] = {
    "B-frames in MP4": ("b.mp4", (*TINY, *B_FRAMES)),
    "an MP4 that does not begin at 0": ("late.mp4", (*TINY, *B_FRAMES, "-output_ts_offset", "5")),
    "open groups in Matroska": ("open.mkv", (*TINY, *B_FRAMES, "-x264-params", "open-gop=1")),
    "a transport stream": ("b.ts", (*TINY, *B_FRAMES)),
    "VP9": ("b.webm", (*TINY, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "10")),
    "one frame": ("one.mp4", (*TINY, *X264, "-frames:v", "1")),
    "uneven frames": (
        "vfr.mp4",
        (*TINY, "-vf", "select='mod(n\\,5)'", "-fps_mode", "passthrough", *B_FRAMES),
    ),
}


@pytest.mark.parametrize("kind", INDEXED)
def test_the_packets_alone_tell_every_frame_that_a_decoder_gives(kind: str, make: Make) -> None:
    name, arguments = INDEXED[kind]
    path = make(name, *arguments)
    frames = list(decoded(path))

    index = look(path).index

    assert list(index.ticks) == [moment for moment, _ in frames]
    assert list(index.keys) == [number for number, (_, key) in enumerate(frames) if key]
    assert index.exact
    assert film(path).index == index


def test_an_avi_which_knows_no_time_of_presentation_has_even_frames(make: Make) -> None:
    found = film(make("b.avi", *TINY, *B_FRAMES))

    assert found.media.video[0].frame_rate == "24"
    assert len(found.index.ticks) == 48
    assert list(found.index.keys)[:2] == [0, 12]


def test_headers_alone_tell_what_needs_no_packets(make: Make) -> None:
    path = make("b.mp4", *TINY, *B_FRAMES)

    whole, head = media(path), look(path, frames=False).media()

    assert (head.container, head.size_bytes, head.duration_s) == ("mov", whole.size_bytes, 2.0)
    assert (head.video[0].codec, head.video[0].width, head.video[0].bit_depth) == ("h264", 160, 8)


def test_hdr_is_told_with_its_screen_and_its_light(make: Make) -> None:
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    said = "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:max-cll=1000,400"
    x265 = ("-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast")
    params = f"log-level=0:{said}:master-display={screen}"
    path = make("hdr10.mkv", *TINY, "-frames:v", "3", *x265, "-x265-params", params)

    video = media(path).video[0]

    assert (video.hdr, video.hdr_format, video.bit_depth) == (True, "HDR10", 10)
    assert video.colour
    names = (video.colour.primaries, video.colour.transfer, video.colour.matrix, video.colour.levels)
    assert names == ("bt2020", "smpte2084", "bt2020nc", "limited")
    assert video.colour.light == ContentLight(1000, 400)
    assert video.colour.mastering
    assert video.colour.mastering.red == [0.68, 0.32]
    assert video.colour.mastering.white == [0.3127, 0.329]
    assert (video.colour.mastering.min_nits, video.colour.mastering.max_nits) == (0.005, 1000)


def test_hybrid_log_gamma_and_full_levels_are_told(make: Make) -> None:
    params = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:fullrange=on"
    path = make("hlg.mp4", *TINY, "-frames:v", "3", *X264[:4], "-x264-params", params)

    video = media(path).video[0]

    assert (video.hdr, video.hdr_format) == (True, "HLG")
    assert video.colour
    assert (video.colour.levels, video.colour.mastering, video.colour.light) == ("full", None, None)


@given(st.binary(max_size=120))
def test_metadata_of_a_screen_is_read_or_left_out(content: bytes) -> None:
    found, light = mastering_of(content), light_of(content)

    assert found is None or 0 <= found.min_nits <= found.max_nits <= 1_000_000
    assert light is None or light.max_nits <= 1_000_000


def test_captions_and_chapters_inside_a_file_are_told(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(SRT)
    (tmp_path / "chapters").write_text(CHAPTERS)
    path = make(
        "told.mkv", *TINY, "-i", str(tmp_path / "a.srt"), "-i", str(tmp_path / "a.srt"),
        "-i", str(tmp_path / "chapters"), "-map", "0", "-map", "1", "-map", "2", "-map_chapters", "3", *X264,
        "-c:s:0", "srt", "-c:s:1", "webvtt", "-metadata:s:s:0", "language=ger",
        "-metadata:s:s:1", "title=For \u202eall",
        "-disposition:s:0", "forced", "-disposition:s:1", "hearing_impaired",
    )  # fmt: skip

    found = media(path)

    assert found.captions == [
        CaptionTrack("subrip", "ger", forced=True),
        CaptionTrack("webvtt", "und", "For all", hearing_impaired=True),
    ]
    assert found.chapters == [Chapter(0.0, 0.8, "Morning"), Chapter(0.8, found.duration_s, "Evening")]


def test_sound_is_told_and_measured_where_that_is_asked_for(make: Make) -> None:
    """Case 1 of EBU Tech 3341: a stereo sine of 1 kHz at -23 dBFS measures -23.0 LUFS."""
    sine = "aevalsrc=exprs=0.0708*sin(2*PI*1000*t)|0.0708*sin(2*PI*1000*t):s=48000:d=5:c=stereo"
    path = make(
        "loud.mkv", *TINY, "-f", "lavfi", "-i", sine, "-f", "lavfi", "-i", "anullsrc=r=44100:cl=mono:d=5",
        "-map", "0", "-map", "1", "-map", "2", *X264, "-c:a", "flac",
        "-metadata:s:a:0", "language=fra", "-metadata:s:a:0", "title=Original",
    )  # fmt: skip

    quick, measured = media(path), media(path, loudness=True)

    first, silent = measured.audio
    assert (first.codec, first.channels, first.language) == ("flac", 2, "fra")
    assert (first.title, quick.audio[0].loudness) == ("Original", None)
    assert first.loudness
    assert first.loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert first.loudness.true_peak_dbtp == pytest.approx(-23.0, abs=0.2)
    assert silent.loudness == Loudness(-70.0, 0.0, -120.0)


def test_a_file_without_sound_is_measured_for_nothing(make: Make) -> None:
    assert media(make("b.mp4", *TINY, *B_FRAMES), loudness=True).audio == []


def test_a_turned_picture_and_fields_are_told(make: Make) -> None:
    upright = make("upright.mp4", *TINY, *X264)
    turned = make("turned.mp4", "-display_rotation", "-90", "-i", str(upright), "-c", "copy")
    fields = make("fields.mp4", *TINY, "-vf", "scale=160:96,setfield=tff", "-flags", "+ildct+ilme", *X264)

    assert media(turned).video[0].rotation_degrees == 90
    assert media(fields).video[0].interlaced
    assert not media(upright).video[0].interlaced


def test_a_picture_that_gets_sharper_on_the_way_is_one_film(make: Make, tmp_path: Path) -> None:
    path = _joined(make, tmp_path, "320x180")

    found = media(path)

    assert (found.video[0].width, found.video[0].resized, found.video[0].frames) == (160, True, 48)


def test_a_picture_that_changes_its_shape_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="160x90 at first and 160x120 later") as caught:
        media(_joined(make, tmp_path, "160x120"))

    assert caught.value.code == "encoding.shape_changes"


def test_a_broken_tail_is_left_out_or_decoded_around(make: Make, tmp_path: Path) -> None:
    whole = make("b.ts", *TINY, *B_FRAMES).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(whole[: len(whole) * 3 // 4 // 188 * 188 + 100])

    video = media(path).video[0]

    assert 24 < video.frames < 48


def test_a_prober_reads_many_films_and_the_bad_ones_spoil_nothing(make: Make, tmp_path: Path) -> None:
    good = make("b.mp4", *TINY, *B_FRAMES)
    noise = tmp_path / "noise.ts"
    noise.write_bytes((b"\x47" + bytes(range(187))) * 200)

    async def scene() -> tuple[MediaInfo, MediaInfo, int]:
        async with Prober(limits=LIMITS, clock=CLOCK) as prober:
            first = await inspect(good, limits=LIMITS, clock=CLOCK, prober=prober)
            with pytest.raises(InvalidRequest):
                await inspect(noise, limits=LIMITS, clock=CLOCK, prober=prober)
            return first, await inspect(good, limits=LIMITS, clock=CLOCK, prober=prober), prober.started

    first, second, started = asyncio.run(scene())

    assert first == second
    assert started == 1


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.booleans()), max_size=60))
def test_an_index_is_what_sorting_says_and_survives_packing(packets: list[tuple[int, bool]]) -> None:
    moments = sorted({moment for moment, _ in packets})

    index = FrameIndex.of((2 * moment + key for moment, key in packets), Fraction(1, 90_000))

    assert list(index.ticks) == moments
    assert [index.ticks[key] for key in index.keys] == sorted({moment for moment, key in packets if key})
    assert index.exact == (len(moments) == len(packets))
    assert FrameIndex.unpacked(index.packed()) == index
    for number in range(len(moments)):
        assert index.key_before(number) == max((key for key in index.keys if key <= number), default=0)


def test_an_hour_of_even_frames_packs_into_a_kilobyte_or_two() -> None:
    index = FrameIndex(
        Fraction(1, 24_000), array("q", range(0, 1001 * 86_400, 1001)), array("q", range(0, 86_400, 48))
    )

    assert len(index.packed()) < 2500


@given(st.binary(max_size=200))
def test_bytes_that_are_no_index_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no frame index|a frame index of"):
        FrameIndex.unpacked(content)


def _joined(make: Make, folder: Path, size: str) -> Path:
    """A transport stream of two seconds whose picture changes after the first."""
    parts = [
        make(
            f"part{number}.ts", "-f", "lavfi", "-i", f"testsrc2=size={one}:rate=24:duration=1", *X264,
            "-output_ts_offset", str(number),
        )
        for number, one in enumerate(("160x90", size))
    ]  # fmt: skip
    path = folder / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path
