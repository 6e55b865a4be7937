"""Twelve kinds of bad upload through the real door: each one clear refusal, and the next good one works."""

import gzip
import os
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.topology.installation import Installation, eventually

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def ffmpeg(path: Path, *arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(path)], check=True)


def small_film(path: Path) -> None:
    ffmpeg(
        path,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=24:duration=2",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
    )


def truncated(path: Path) -> None:
    small_film(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def png(path: Path) -> None:
    ffmpeg(
        path,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=1:duration=1",
        "-frames:v",
        "1",
        "-f",
        "image2",
        "-c:v",
        "png",
    )


def absurd_dimensions(path: Path) -> None:
    """A film that is twelve thousand dots wide and sixteen high."""
    picture = "testsrc2=size=12000x16:rate=24:duration=0.2"
    ffmpeg(
        path, "-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"
    )


def sound_only(path: Path) -> None:
    ffmpeg(path, "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")


BAD: dict[str, Callable[[Path], object]] = {
    "empty.mp4": lambda path: path.write_bytes(b""),
    "text.mp4": lambda path: path.write_text("Dear operator, this is a letter.\n" * 50),
    "truncated.mp4": truncated,
    "picture.png": png,
    "playlist.mp4": lambda path: path.write_text(PLAYLIST),
    "concat.mp4": lambda path: path.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"),
    "manifest.mp4": lambda path: path.write_text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>'
    ),
    "session.mp4": lambda path: path.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
    ),
    "noise.mp4": lambda path: path.write_bytes(os.urandom(200_000)),
    "bomb.mp4": lambda path: path.write_bytes(gzip.compress(bytes(1 << 22))),
    "squeezed.mov": lambda path: path.write_bytes(
        b"\0\0\0\x18ftypqt  \0\0\0\0qt  qt  " + zlib.compress(bytes(1 << 20))
    ),
    "sound.mp4": sound_only,
    "absurd.mp4": absurd_dimensions,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_refused_in_one_sentence(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    BAD[name](tmp_path / name)

    refused = installation.upload(tmp_path / name)

    assert refused.returncode == 1, refused.stdout + refused.stderr
    (sentence,) = [line for line in refused.stderr.strip().splitlines() if line.startswith("bijou:")]
    assert "passwd" not in sentence
    assert not refused.stdout
    print(sentence)


def test_a_claimed_ten_terabytes_is_refused_before_a_byte_is_sent(
    installation: Installation, tmp_path: Path
) -> None:
    with (tmp_path / "huge.mp4").open("wb") as hole:
        hole.truncate(10 * 1000**4)

    refused = installation.upload(tmp_path / "huge.mp4")

    assert refused.returncode == 1
    assert "ingest.too_large" in refused.stderr


def test_nothing_half_made_stays_and_the_next_good_upload_works(
    installation: Installation, tmp_path: Path
) -> None:
    small_film(tmp_path / "good.mp4")

    sent = installation.upload(tmp_path / "good.mp4")

    assert sent.returncode == 0, sent.stderr
    assert sent.stdout.strip() == f"{installation.site}/t/good"
    eventually(lambda: not leftovers(installation), 20, "the encoder has let go of the file")


def leftovers(installation: Installation) -> list[str]:
    return [
        str(path.relative_to(installation.folder))
        for folder in ("incoming", "scratch")
        for path in (installation.folder / folder).rglob("*")
        if path.is_file()
    ]
