"""An encrypted copy: other bytes, the same frames."""

import asyncio
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bijou.encoding import EncodingLimits
from bijou.encoding.encryption import ContentKey, encrypt, new_content_key, packager_path
from bijou.packaging import Rendition, TrackSource, package, read_rendition
from bijou.ports import BijouBug, Conflict, EngineUnavailable, InvalidRequest, SystemClock
from tests.unit.packaging.films import BUNDLED, encode_audio, encode_video

KEY = new_content_key(Random(7))
KEY_URI = "https://keys.example/k1"
CUTS_S = [0, 1.5, 3.25]


@pytest.fixture(scope="module", autouse=True)
def _packager() -> None:
    try:
        packager_path()
    except EngineUnavailable:
        pytest.skip("left out: the extra bijou[encryption] is not installed")


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of picture and sound, cut on an uneven grid, with a caption beside them."""
    folder = tmp_path_factory.mktemp("clear")
    picture = encode_video(
        folder / "v.mp4", height=90, fragments="frag_keyframe", keys="1.5,3.25", duration_s=4
    )
    sound = encode_audio(folder / "a.mp4", codec="aac", fragments="frag_keyframe", duration_s=4)
    package(
        [TrackSource("v", "video", picture), TrackSource("a", "audio", sound, "en")], CUTS_S, folder / "film"
    )
    (folder / "film" / "poster.jpg").write_bytes(b"picture")
    return folder / "film"


@pytest.fixture(scope="module")
def renditions(clear: Path) -> list[Rendition]:
    return [read_rendition(clear / "v"), read_rendition(clear / "a", language="en")]


def encrypted(clear: Path, out: Path, renditions: list[Rendition], key: ContentKey = KEY) -> list[Rendition]:
    work = encrypt(
        clear,
        out,
        renditions,
        key,
        key_uri=KEY_URI,
        licence_uri="/licence",
        limits=EncodingLimits(threads=1),
        clock=SystemClock(),
    )
    return asyncio.run(work)


@pytest.fixture(scope="module")
def protected(clear: Path, renditions: list[Rendition]) -> Path:
    out = clear.parent / "protected"
    encrypted(clear, out, renditions)
    return out


def frames(folder: Path, *options: str) -> list[str]:
    """Each frame's time and hash, by a decoder that is told the key or not."""
    whole = folder.parent / f"{folder.name}.whole.mp4"
    whole.write_bytes(b"".join(p.read_bytes() for p in [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]))
    command = [BUNDLED, "-v", "quiet", *options, "-copyts", "-i", str(whole), "-f", "framemd5", "-"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    whole.unlink()
    return [line for line in listing.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", ["v", "a"])
def test_decrypting_gives_the_same_frames_at_the_same_times(name: str, clear: Path, protected: Path) -> None:
    direct = frames(clear / name)

    assert len(direct) > 90
    assert frames(protected / name, "-decryption_key", KEY.key) == direct
    assert frames(protected / name, "-decryption_key", "0" * 32) != direct


def test_segments_stay_where_they_were(clear: Path, protected: Path) -> None:
    for name in ("v", "a"):
        assert sorted(p.name for p in (protected / name).glob("*.m4s")) == [
            "00001.m4s",
            "00002.m4s",
            "00003.m4s",
        ]
        lengths = [
            re.findall(r"#EXTINF:([\d.]+)", (root / name / "playlist.m3u8").read_text())
            for root in (clear, protected)
        ]
        assert lengths[0] == lengths[1]
    assert (protected / "poster.jpg").read_bytes() == b"picture"
    assert not list(protected.glob("*.scratch"))


def test_an_iframe_range_ends_with_the_first_sample(clear: Path, protected: Path) -> None:
    def first_frame(root: Path, *options: str) -> str:
        length = int(re.findall(r"#EXT-X-BYTERANGE:(\d+)@0", (root / "v" / "iframes.m3u8").read_text())[1])
        alone = root / "alone.mp4"
        alone.write_bytes((root / "v/init.mp4").read_bytes() + (root / "v/00002.m4s").read_bytes()[:length])
        command = [BUNDLED, "-v", "quiet", *options, "-i", str(alone), "-frames:v", "1", "-f", "md5", "-"]
        digest = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        alone.unlink()
        return digest

    assert first_frame(protected, "-decryption_key", KEY.key) == first_frame(clear)


def test_players_are_told_of_the_key_and_the_key_is_told_to_nobody(protected: Path) -> None:
    playlist = (protected / "v" / "playlist.m3u8").read_text()
    root = ET.fromstring((protected / "manifest.mpd").read_text())

    assert f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{KEY_URI}",IV=0x{KEY.iv},KEYFORMAT="identity"' in playlist
    sets = root.findall(".//{*}AdaptationSet")
    for one in sets:
        tags = [child.tag.partition("}")[2] for child in one]
        assert tags[:2] == ["ContentProtection", "ContentProtection"]
        said = one[0].get("{urn:mpeg:cenc:2013}default_KID", "")
        assert said.replace("-", "") == KEY.key_id
    for path in protected.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert bytes.fromhex(KEY.key) not in content
        assert KEY.key.encode() not in content


def test_the_same_key_gives_the_same_bytes(clear: Path, protected: Path, renditions: list[Rendition]) -> None:
    again = clear.parent / "again"

    encrypted(clear, again, renditions)

    init = (protected / "v" / "init.mp4").read_bytes()
    assert init[init.index(b"mvhd") + 8 :][:8] == bytes(8), "no date"
    assert b"packager" not in init
    for path in sorted(path for path in protected.rglob("*") if path.is_file()):
        assert (again / path.relative_to(protected)).read_bytes() == path.read_bytes(), path


def test_a_copy_that_was_cut_elsewhere_is_noticed_and_removed(
    clear: Path, renditions: list[Rendition], tmp_path: Path
) -> None:
    first, second, third = renditions[0].segments
    moved = replace(second, start=second.start + 24 * 512)
    wrong = replace(renditions[0], segments=(first, moved, third))

    with pytest.raises(BijouBug) as caught:
        encrypted(clear, tmp_path / "wrong", [wrong])

    assert caught.value.code == "encoding.encryption_differs"
    assert not (tmp_path / "wrong").exists()


def test_a_key_must_be_sixteen_bytes_and_stays_out_of_logs() -> None:
    with pytest.raises(InvalidRequest, match="32 hexadecimal digits"):
        ContentKey("00" * 16, "secret", "00" * 16)

    assert KEY.key not in repr(KEY)


def test_a_copy_is_made_once(clear: Path, protected: Path, renditions: list[Rendition]) -> None:
    with pytest.raises(Conflict):
        encrypted(clear, protected, renditions)
