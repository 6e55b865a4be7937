"""Captions that came inside a film: taken out of it, named, and written."""

import asyncio
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.encoding import EncodingLimits
from bijou.encoding.captions import (
    CaptionSource,
    captions_argv,
    extract_captions,
    name_captions,
    write_captions,
)
from bijou.encoding.probe_child import CaptionFacts
from bijou.packaging import Captions, Cue
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
