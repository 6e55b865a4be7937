"""Captions in several languages and two sounds of one, in a whole title."""

import asyncio
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import Publication
from bijou.encoding import TitleWork
from bijou.packaging import Cue, read_captions
from tests.contract.titles.studio import Studio

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:duration=3")
HUM = ("-f", "lavfi", "-i", "sine=440:duration=3")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10")
SRT = """\
1
00:00:00,500 --> 00:00:01,500
{\\an8}Good <i>morning</i>

2
00:00:01,600 --> 00:00:02,900
Arrow --> here
"""
VTT = "WEBVTT\n\n00:00.500 --> 00:02.500 line:10% align:start\nGuten Morgen\n"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, Italic, Alignment
Style: Default,Arial,16,&Hffffff,&H0,&H0,0,0,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\an8}Bonjour, {\\i1}monde{\\i0}
"""


class Captioned:
    """Where the title lies, and how it was published."""

    def __init__(self, folder: Path, publication: Publication) -> None:
        self.blobs = folder / "blobs"
        self.folder = self.blobs / publication.base / "v1"
        self.publication = publication


def film(folder: Path) -> Path:
    """Two sounds, and captions in three languages and as many formats."""
    for name, text in (("en.srt", SRT), ("de.vtt", VTT), ("fr.ass", ASS)):
        (folder / name).write_text(text, encoding="utf-8")
    inputs = ("-i", "en.srt", "-i", "de.vtt", "-i", "fr.ass")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map", "3:s", "-map", "4:s")
    said = (
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=eng"),
        *("-metadata:s:a:1", 'title=The "maker" talks', "-metadata:s:s:0", "language=eng"),
        *("-metadata:s:s:1", "language=ger", "-metadata:s:s:2", "language=fre", "-disposition:s:2", "forced"),
    )
    made = (*PICTURE, *HUM, *inputs, *maps, *X264, "-c:a", "aac", "-c:s", "copy", *said, "film.mkv")
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *made], check=True, cwd=folder)
    return folder / "film.mkv"


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Captioned:
    folder = tmp_path_factory.mktemp("captioned")

    async def made() -> Publication:
        studio = Studio(folder / "studio", lease_s=20)
        await studio.bring(film(folder), "sources/named")
        standing = await studio.encode(TitleWork("ast_named", "sources/named", analyse=False))
        await studio.close()
        assert standing.publication is not None, standing
        return standing.publication

    return Captioned(folder / "studio", asyncio.run(made()))


def media(folder: Path, kind: str) -> list[dict[str, str]]:
    lines = (folder / "master.m3u8").read_text().splitlines()
    return [dict(re.findall(r'([A-Z-]+)="?([^",]*)', line)) for line in lines if f"TYPE={kind}" in line]


def test_every_language_is_named_and_its_segments_lie_on_the_films_grid(encoded: Captioned) -> None:
    named = media(encoded.folder, "SUBTITLES")

    assert [(one["NAME"], one["LANGUAGE"], one.get("FORCED")) for one in named] == [
        ("English", "en", None),
        ("Deutsch", "de", None),
        ("Français (forced)", "fr", "YES"),
    ]
    picture = (encoded.folder / "v90.m3u8").read_text()
    for one in named:
        playlist = (encoded.folder / one["URI"]).read_text()
        assert re.findall("#EXTINF:.*", playlist) == re.findall("#EXTINF:.*", picture)
        for name in re.findall(r"^\d+\.vtt$", playlist, re.MULTILINE):
            assert (
                (encoded.folder / one["URI"])
                .with_name(name)
                .read_text()
                .startswith("WEBVTT\nX-TIMESTAMP-MAP=")
            )


@pytest.mark.parametrize(
    ("language", "cues"),
    [
        (
            "en",
            (Cue(500, 1500, "Good <i>morning</i>", settings="line:0"), Cue(1600, 2900, "Arrow --&gt; here")),
        ),
        ("de", (Cue(500, 2500, "Guten Morgen", settings="line:10% align:start"),)),
        ("fr", (Cue(1000, 2000, "Bonjour, <i>monde</i>", settings="line:0"),)),
    ],
)
def test_words_times_styles_and_places_are_kept(
    language: str, cues: tuple[Cue, ...], encoded: Captioned
) -> None:
    (whole,) = (encoded.folder.parent / f"t-{language}").rglob("captions.vtt")

    assert read_captions(whole.read_bytes()).cues == cues


def test_dash_players_are_told_too_and_still_read_the_rest(encoded: Captioned) -> None:
    root = ET.fromstring((encoded.folder / "manifest.mpd").read_text())
    sets = [one for one in root.findall(".//{*}AdaptationSet") if one.get("contentType") == "text"]

    whole = [one.findtext("{*}Representation/{*}BaseURL") or "" for one in sets]
    assert [Path(address).parts[1] for address in whole] == ["t-en", "t-de", "t-fr"]
    assert all((encoded.folder / address).is_file() for address in whole)
    for address in ("manifest.mpd", "master.m3u8"):
        command = [get_ffmpeg_exe(), "-v", "fatal", "-allowed_extensions", "ALL"]
        command += ["-i", str(encoded.folder / address), "-map", "0:v:0", "-f", "framemd5", "-"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        assert len([line for line in listing.splitlines() if not line.startswith("#")]) == 30


def test_two_sounds_of_a_language_share_a_group_and_have_their_makers_names(encoded: Captioned) -> None:
    assert [(one["GROUP-ID"], one["NAME"], one["LANGUAGE"]) for one in media(encoded.folder, "AUDIO")] == [
        ("audio1", "English", "en"),
        ("audio1", "English: The maker talks", "en"),
    ]
    sounds = [one for one in encoded.publication.renditions if one.kind == "audio"]
    assert [(one.name, one.language) for one in sounds] == [("a128", "en"), ("a128-2", "en")]
    assert all(one.gain_db != 0 for one in sounds)


def test_posters_are_there_and_the_first_is_the_titles(encoded: Captioned) -> None:
    publication = encoded.publication

    assert publication.poster == publication.posters[0]
    for key in publication.posters:
        assert (encoded.blobs / key).read_bytes()[:2] == b"\xff\xd8"
