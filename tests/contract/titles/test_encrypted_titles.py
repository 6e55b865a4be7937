"""An encrypted title is the clear one to whoever has the key, and nothing of it lies about in the clear."""

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bijou.encoding import TitleWork
from bijou.encoding.encryption import ContentKey
from tests.contract.titles.studio import Studio
from tests.contract.titles.test_odd_titles import CODED, TONE, make, shot
from tests.unit.packaging.films import BUNDLED

pytestmark = pytest.mark.anyio

CLEAR = TitleWork("clear", "sources/film")
SECRET = TitleWork("secret", "sources/film", encrypt=True)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    studio = Studio(tmp_path / "studio", lease_s=20)
    await studio.bring(make(tmp_path / "film.mp4", *shot(5), *TONE, *CODED, "-c:a", "aac"))
    yield studio
    await studio.close()


def decoded(blobs: Path, asset: str, name: str, stream: str, *options: str) -> list[str]:
    """Each frame's time and hash, from the init segment and the segments that a playlist names."""
    playlist = blobs / "media" / asset / "v1" / f"{name}.m3u8"
    keys = re.findall(r"\.\./(\S+?\.m(?:4s|p4))", playlist.read_text(encoding="utf-8"))
    whole = blobs.parent / "whole.mp4"
    whole.write_bytes(b"".join((blobs / "media" / asset / key).read_bytes() for key in keys))
    argv = [BUNDLED, "-v", "quiet", *options, "-copyts", "-i", str(whole), "-map", f"0:{stream}"]
    done = subprocess.run([*argv, "-f", "framemd5", "-"], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


async def test_who_has_the_key_sees_the_clear_title_and_who_has_not_does_not(studio: Studio) -> None:
    await studio.add(CLEAR)
    await studio.add(SECRET)
    async with studio.worker():
        plain, secret = await studio.ended(CLEAR), await studio.ended(SECRET)

    assert plain.publication is not None, plain
    assert secret.publication is not None, secret
    assert secret.watchable is None
    blobs = studio.folder / "blobs"
    key = msgspec.json.decode((blobs / "keys" / "secret.json").read_bytes(), type=ContentKey)
    for name, stream in (("v120", "v"), ("a128", "a")):
        direct = decoded(blobs, "clear", name, stream)
        assert len(direct) >= 50
        assert decoded(blobs, "secret", name, stream, "-decryption_key", key.key) == direct
        assert decoded(blobs, "secret", name, stream) != direct
    assert [one.segments for one in secret.publication.renditions] == [
        one.segments for one in plain.publication.renditions
    ]
    assert not list(blobs.glob("clear/**/*.m4s"))
    lists = (blobs / "media" / "secret" / "v1" / "v120.m3u8").read_text(encoding="utf-8")
    assert 'METHOD=SAMPLE-AES,URI="/keys/secret"' in lists


async def test_an_encrypted_title_that_is_encoded_again_is_the_same(studio: Studio) -> None:
    first = await studio.encode(SECRET)
    before = studio.catalogue()
    again = Studio(studio.folder / "again", lease_s=20)
    again.blobs = studio.blobs

    second = await again.encode(SECRET)
    await again.close()

    assert second.publication == first.publication is not None
    assert studio.catalogue() == before
