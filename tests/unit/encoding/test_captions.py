"""Captions and several sounds that came inside a film: found again in what players are given."""

import asyncio
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import Publication
from bijou.encoding import EncodingLimits, encode_asset
from bijou.encoding.captions import (
    CaptionSource,
    captions_argv,
    extract_captions,
    name_captions,
    write_captions,
)
from bijou.encoding.probe_child import CaptionFacts
from bijou.packaging import Captions, Cue, read_captions
from bijou.ports import SystemClock

LIMITS = EncodingLimits(threads=1, child_wall_s=60, probe_wall_s=60)
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

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    folder = tmp_path_factory.mktemp("clips")
    for name, text in (
        ("en.srt", SRT),
        ("de.vtt", VTT),
        ("fr.ass", ASS),
        ("bad.srt", SRT + "\n5 --> soon\n"),
    ):
        (folder / name).write_text(text, encoding="utf-8")

    def run(name: str, *arguments: str) -> Path:
        command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, name]
        subprocess.run(command, check=True, cwd=folder)
        return folder / name

    return run


class Encoded(NamedTuple):
    folder: Path
    publication: Publication


@pytest.fixture(scope="module")
def encoded(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Two sounds, and captions in three languages and as many formats."""
    inputs = ("-i", "en.srt", "-i", "de.vtt", "-i", "fr.ass")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map", "3:s", "-map", "4:s")
    said = (
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=eng"),
        *("-metadata:s:a:1", 'title=The "maker" talks', "-metadata:s:s:0", "language=eng"),
        *("-metadata:s:s:1", "language=ger", "-metadata:s:s:2", "language=fre", "-disposition:s:2", "forced"),
    )
    source = make("film.mkv", *PICTURE, *HUM, *inputs, *maps, *X264, "-c:a", "aac", "-c:s", "copy", *said)
    out = tmp_path_factory.mktemp("encoded")
    work = encode_asset(
        source, out, asset="ast_1", limits=LIMITS, clock=SystemClock(), report=lambda *_: None
    )
    return Encoded(out / "media" / "ast_1", asyncio.run(work))


def media(folder: Path, kind: str) -> list[dict[str, str]]:
    lines = (folder / "master.m3u8").read_text().splitlines()
    return [dict(re.findall(r'([A-Z-]+)="?([^",]*)', line)) for line in lines if f"TYPE={kind}" in line]


def test_every_language_is_named_and_its_segments_lie_on_the_films_grid(encoded: Encoded) -> None:
    named = media(encoded.folder, "SUBTITLES")

    assert [(one["NAME"], one["LANGUAGE"], one.get("FORCED")) for one in named] == [
        ("English", "en", None),
        ("Deutsch", "de", None),
        ("Français (forced)", "fr", "YES"),
    ]
    picture = (encoded.folder / "v90" / "playlist.m3u8").read_text()
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
    language: str, cues: tuple[Cue, ...], encoded: Encoded
) -> None:
    whole = (encoded.folder / f"t-{language}" / "captions.vtt").read_bytes()

    assert read_captions(whole).cues == cues


def test_dash_players_are_told_too_and_still_read_the_rest(encoded: Encoded) -> None:
    root = ET.fromstring((encoded.folder / "manifest.mpd").read_text())
    sets = [one for one in root.findall(".//{*}AdaptationSet") if one.get("contentType") == "text"]

    assert [one.findtext("{*}Representation/{*}BaseURL") for one in sets] == [
        "t-en/captions.vtt",
        "t-de/captions.vtt",
        "t-fr/captions.vtt",
    ]
    for address in ("manifest.mpd", "master.m3u8"):
        command = [get_ffmpeg_exe(), "-v", "fatal", "-allowed_extensions", "ALL"]
        command += ["-i", str(encoded.folder / address), "-map", "0:v:0", "-f", "framemd5", "-"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        assert len([line for line in listing.splitlines() if not line.startswith("#")]) == 30


def test_two_sounds_of_a_language_share_a_group_and_have_their_makers_names(encoded: Encoded) -> None:
    assert [(one["GROUP-ID"], one["NAME"], one["LANGUAGE"]) for one in media(encoded.folder, "AUDIO")] == [
        ("audio1", "English", "en"),
        ("audio1", "English: The maker talks", "en"),
    ]
    sounds = [one for one in encoded.publication.renditions if one.kind == "audio"]
    assert [(one.name, one.language) for one in sounds] == [("a128", "en"), ("a128-2", "en")]
    assert all(one.gain_db != 0 for one in sounds)


def test_posters_are_there_and_the_first_is_the_titles(encoded: Encoded) -> None:
    publication = encoded.publication

    assert publication.poster == publication.posters[0]
    for key in publication.posters:
        assert (encoded.folder / Path(key).name).read_bytes()[:2] == b"\xff\xd8"


def taken(source: Path, streams: list[CaptionFacts], folder: Path, start_s: Fraction) -> list[CaptionSource]:
    work = extract_captions(
        source, "mov" if source.suffix == ".mp4" else "matroska", streams,
        start_s=start_s, folder=folder, limits=LIMITS, clock=SystemClock(),
    )  # fmt: skip
    return asyncio.run(work)


def test_times_count_from_the_films_first_frame(make: Make, tmp_path: Path) -> None:
    source = make("text.mp4", *PICTURE, "-i", "en.srt", "-t", "1", *X264, "-c:s", "mov_text")

    found = taken(source, [CaptionFacts(1, "mov_text", "eng")], tmp_path, Fraction(1, 4))

    assert [(cue.start_ms, cue.end_ms) for cue in found[0].captions.cues][:1] == [(250, 1250)]
    assert list(tmp_path.iterdir()) == []


def test_captions_that_make_no_sense_are_left_out_and_the_others_stay(make: Make, tmp_path: Path) -> None:
    """The bad stream holds a time that is none; pictures and unknown formats are never asked for."""
    source = make("bad.mkv", "-i", "bad.srt", "-i", "de.vtt", "-map", "0", "-map", "1", "-c:s", "copy")
    streams = [
        CaptionFacts(0, "subrip", "eng"),
        CaptionFacts(1, "webvtt", "ger"),
        CaptionFacts(2, "hdmv_pgs_subtitle", "fre", text=False),
        CaptionFacts(3, "jacosub", "spa"),
    ]

    found = taken(source, streams, tmp_path, Fraction(0))

    assert [one.said_language for one in found] == ["ger"]


def test_a_film_without_captions_starts_no_child(tmp_path: Path) -> None:
    assert taken(tmp_path / "nowhere.mkv", [], tmp_path, Fraction(0)) == []


def test_the_child_opens_one_demuxer_and_no_address(tmp_path: Path) -> None:
    argv = captions_argv(tmp_path / "-i.mkv", "matroska", [CaptionFacts(2, "ass", "eng")], tmp_path)

    said = dict(pairwise(argv))
    assert (said["-f"], said["-protocol_whitelist"]) == ("srt", "file")
    assert argv[argv.index("-i") + 1].startswith("file:/")


def test_names_and_labels_are_unique_and_cannot_break_a_playlist() -> None:
    captions = Captions((Cue(0, 1000, "Hm"),))
    odd = 'Say "cheese"\n#EXT-X-KEY'
    sources = [
        CaptionSource(captions, "eng"),
        CaptionSource(captions, "en", hearing_impaired=True),
        CaptionSource(captions, "en"),
        CaptionSource(captions, "und", odd),
    ]

    named = name_captions(sources)

    assert [(one.name, one.label) for one in named] == [
        ("t-en", "English"),
        ("t-en-2", "English (described)"),
        ("t-en-3", "English 2"),
        ("t-und", "Say cheese #EXT-X-KEY"),
    ]


def test_captions_too_large_for_their_segments_leave_nothing(tmp_path: Path) -> None:
    heavy = Captions(tuple(Cue(0, 3_600_000, "x" * 1000) for _ in range(2000)))
    named = name_captions([CaptionSource(heavy, "en"), CaptionSource(Captions((Cue(0, 9, "Hm"),)), "de")])

    written = write_captions(named, [0, 1000, 2000], 3000, tmp_path)
    crowded = write_captions(named[:1], range(100), 100, tmp_path / "crowded")

    assert [one.language for one in written] == ["en", "de"]
    assert crowded == []
    assert [path for path in (tmp_path / "crowded").rglob("*") if path.is_file()] == []
