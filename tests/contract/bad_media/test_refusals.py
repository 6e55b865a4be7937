import asyncio
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from bijou.encoding import EncodingLimits, JobState, Standing, TitleWork, inspect
from bijou.ports import InvalidRequest, SystemClock
from tests.contract.bad_media import spoil
from tests.contract.bad_media.conftest import Make
from tests.contract.titles.studio import Studio

LIMITS = EncodingLimits(probe_wall_s=30, child_wall_s=30, threads=1)

HLS = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
BARE_CONCAT = b"# a list\nfile '/etc/passwd'\n"
DASH = b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1/</BaseURL></MPD>'
SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 5004 RTP/AVP 96\r\n"


def noise(size_bytes: int) -> bytes:
    return Random(5).randbytes(size_bytes)


def zip_bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.mp4", bytes(5_000_000))
    return content.getvalue()


BYTES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "encoding.empty"),
    "text": ("Es war einmal ein Film, der war nur Wörter.\n".encode() * 200, "encoding.text"),
    "a page": (b"<!doctype html><title>404</title>", "encoding.text"),
    "an HLS playlist": (HLS, "encoding.playlist"),
    "an HLS playlist behind a byte order mark": (b"\xef\xbb\xbf\r\n" + HLS, "encoding.playlist"),
    "a concat script": (CONCAT, "encoding.concat_script"),
    "a bare concat list": (BARE_CONCAT, "encoding.concat_script"),
    "a DASH manifest": (DASH, "encoding.manifest"),
    "a session description": (SDP, "encoding.session_description"),
    "a zip bomb": (zip_bomb(), "encoding.archive"),
    "a gzip bomb": (gzip.compress(bytes(5_000_000)), "encoding.archive"),
    "noise": (b"\xd0\x01" + noise(40_000), "encoding.unknown_format"),
    "a document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + noise(2000), "encoding.not_media"),
    "one byte": (b"\x00", "encoding.unknown_format"),
}

SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "an MP4 without its index": (spoil.without_index, "encoding.no_index"),
    "an MP4 cut in its media": (spoil.cut_in_media, "encoding.truncated"),
    "an MP4 cut in its index": (lambda film: film[:-300], "encoding.truncated"),
    "an MP4 that claims ten terabytes": (spoil.claims_ten_terabytes, "encoding.truncated"),
    "an MP4 with a sample table bomb": (spoil.sample_bomb, "encoding.false_claims"),
    "an MP4 whose box outgrows its parent": (spoil.child_outgrows_parent, "encoding.false_claims"),
    "an MP4 of zeros": (spoil.zeroed_media, "encoding.undecodable"),
    "an MP4 of noise": (lambda film: spoil.noise_behind_the_brand(film, noise(9000)), "encoding.no_index"),
    "an MP4 that lies in another file": (
        lambda film: spoil.reads_another_file(film, b"/etc/passwd"),
        "encoding.no_picture",
    ),
}

TINY = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=12:duration=1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast")
KEY = "00112233445566778899aabbccddeeff"

MADE: dict[str, tuple[str, tuple[str, ...], str]] = {
    "a JPEG": ("x.jpg", (*TINY, "-frames:v", "1"), "encoding.image"),
    "a PNG": ("x.png", (*TINY, "-frames:v", "1"), "encoding.image"),
    "a GIF": ("x.gif", TINY, "encoding.image"),
    "a WAV": ("x.wav", ("-f", "lavfi", "-i", "sine=440:duration=1"), "encoding.audio_only"),
    "an MP4 of sound": ("sound.mp4", ("-f", "lavfi", "-i", "sine=440:duration=1"), "encoding.audio_only"),
    "a picture of 3x3": (
        "3x3.mkv",
        ("-f", "lavfi", "-i", "testsrc2=size=3x3:rate=12:duration=1", "-c:v", "ffv1"),
        "encoding.dimensions",
    ),
    "a film of 27 hours in two frames": (
        "long.mp4",
        (*TINY, "-vf", "setpts=N*9000/TB", "-fps_mode", "passthrough", *X264),
        "encoding.duration",
    ),
    "a thousand frames a second": (
        "fast.mp4",
        ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=1000:duration=0.2", *X264),
        "encoding.frame_rate",
    ),
    "an unknown codec": ("x.avi", (*TINY, "-c:v", "huffyuv"), "encoding.unsupported_codec"),
    "an encrypted MP4": (
        "locked.mp4",
        (*TINY, *X264, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY),
        "encoding.encrypted",
    ),
}


async def refusal(path: Path, limits: EncodingLimits = LIMITS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await inspect(path, limits=limits, clock=SystemClock())
    return caught.value


def assert_clear(error: InvalidRequest, code: str) -> None:
    assert error.code == code, error.detail
    assert 20 < len(error.detail) < 400
    assert "\n" not in error.detail
    assert "/" not in error.detail, "a sentence names no file of ours"


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_that_are_no_film_are_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    content, code = BYTES[kind]
    path = tmp_path / "film.mp4"
    path.write_bytes(content)

    assert_clear(asyncio.run(refusal(path)), code)


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_film_is_refused_in_one_sentence(kind: str, good: Path, tmp_path: Path) -> None:
    spoiler, code = SPOILT[kind]
    path = tmp_path / "film.mp4"
    path.write_bytes(spoiler(good.read_bytes()))

    assert_clear(asyncio.run(refusal(path)), code)


@pytest.mark.parametrize("kind", MADE)
def test_a_file_of_the_wrong_kind_is_refused_in_one_sentence(kind: str, make: Make) -> None:
    name, arguments, code = MADE[kind]

    assert_clear(asyncio.run(refusal(make(name, *arguments))), code)


def test_absurd_dimensions_are_refused_before_memory_is_taken(make: Make) -> None:
    path = make("absurd.mkv", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=12:duration=1", "-c:v", "ffv1")
    film = path.read_bytes()
    path.write_bytes(film.replace(b"\xb0\x82\x01\x40\xba\x81\xb4", b"\xb0\x82\xea\x60\xba\x81\xff"))

    error = asyncio.run(
        refusal(path, EncodingLimits(max_pixels=4000 * 2000, probe_memory_bytes=512 * 1024**2))
    )

    assert path.read_bytes() != film
    assert_clear(error, "encoding.dimensions")


def test_a_matroska_file_that_was_cut_is_refused(make: Make, tmp_path: Path) -> None:
    whole = make("whole.mkv", *TINY, *X264).read_bytes()
    path = tmp_path / "film.mkv"
    path.write_bytes(whole[: len(whole) * 2 // 3])

    assert_clear(asyncio.run(refusal(path)), "encoding.truncated")


def test_reading_that_takes_too_long_is_stopped(good: Path) -> None:
    error = asyncio.run(refusal(good, EncodingLimits(probe_wall_s=0.001)))

    assert_clear(error, "encoding.inspection_timed_out")


def test_reading_that_takes_too_much_memory_is_a_refusal(good: Path) -> None:
    error = asyncio.run(refusal(good, EncodingLimits(probe_memory_bytes=32 * 1024**2)))

    assert_clear(error, "encoding.inspection_crashed")


def test_what_the_header_claims_of_time_is_not_believed(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    at = content.index(b"mvhd") + 20
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(content[:at] + (2**31).to_bytes(4) + content[at + 4 :])

    honest, found = (asyncio.run(inspect(film, limits=LIMITS, clock=SystemClock())) for film in (good, lying))

    assert found.duration_s == honest.duration_s
    assert found.video == honest.video


def test_a_film_cannot_make_the_children_read_another_one(good: Path, tmp_path: Path) -> None:
    """Were the reference followed, the film would be found good."""
    away = tmp_path / "away.mp4"
    away.write_bytes(spoil.reads_another_file(good.read_bytes(), str(good).encode()))

    with pytest.raises(InvalidRequest) as caught:
        asyncio.run(inspect(away, limits=LIMITS, clock=SystemClock()))

    assert caught.value.code == "encoding.no_picture"


def test_a_refused_film_leaves_nothing_behind_and_the_next_good_one_works(good: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(spoil.zeroed_media(good.read_bytes()))

    async def encoded() -> tuple[Standing, list[str], Standing]:
        studio = Studio(tmp_path / "studio")
        await studio.bring(bad, "sources/bad")
        refused = await studio.encode(TitleWork("bad", "sources/bad"))
        left = [key async for key in studio.blobs.keys("media/")]
        await studio.bring(good, "sources/good")
        made = await studio.encode(TitleWork("good", "sources/good"))
        await studio.close()
        return refused, left, made

    refused, left, made = asyncio.run(encoded())
    assert (refused.state, left) == (JobState.REFUSED, [])
    assert made.publication is not None
