"""One film, encoded once for all who look at it."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from msgspec import Struct

from bijou.app.film_wish import Wish
from bijou.app.standalone import Watcher, encode_film
from tests.contract.acceptance.roads import BUNDLED, Files, Rows, frames, pictures_and_sounds, served

CLIP = Path(__file__).resolve().parents[4] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"
FRAMES = 720


class Encoded(Struct, frozen=True):
    """What came out, and where it is served.

    Args:
        direct: By playlist, what its files decode to when they are joined; of
            sound, its packets.
    """

    folder: Path
    hls: str
    dash: str
    address: str
    pictures: list[Files]
    sounds: list[Files]
    direct: dict[str, Rows]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds, 854x480, 24 frames a second: the real clip, or one of the same shape."""
    if CLIP.is_file():
        return CLIP
    path = tmp_path_factory.mktemp("film") / "substitute.mp4"
    picture = "testsrc2=size=854x480:rate=24:duration=30,noise=alls=12:allf=t"
    sound = "anoisesrc=colour=pink:sample_rate=48000:duration=30:seed=7,lowpass=f=3000"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    subprocess.run([BUNDLED, "-v", "error", *inputs, *encode, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def encoded(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encoded]:
    """By two recipes, H.264 and AAC first, in a folder as `bijou encode` makes it."""
    folder = tmp_path_factory.mktemp("encoded")
    wish = Wish(clip, folder / "out", ("h264_aac", "av1_opus"), analyse=False, score=False)
    asyncio.run(encode_film(wish, Watcher(), asyncio.Event(), Random(7)))
    pictures, sounds = pictures_and_sounds(wish.out, "master.m3u8")
    direct = {one.playlist: _direct(one, folder, "v") for one in pictures}
    direct |= {one.playlist: _direct(one, folder, "a", "-c", "copy") for one in sounds}
    with served(wish.out) as address:
        yield Encoded(wish.out, "master.m3u8", "manifest.mpd", address, pictures, sounds, direct)


def _direct(rendition: Files, folder: Path, stream: str, *output: str) -> Rows:
    whole = rendition.joined(folder / "whole.mp4")
    try:
        [rows] = frames(BUNDLED, str(whole), stream, *output)
    finally:
        whole.unlink()
    return rows
