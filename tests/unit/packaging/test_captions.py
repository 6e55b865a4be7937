"""Captions of strangers: read, or refused in a sentence; written on the film's grid."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.packaging import (
    Captions,
    Cue,
    caption_segments,
    captions_playlist,
    language_name,
    language_tag,
    read_captions,
    write_webvtt,
)
from bijou.ports import InvalidRequest

SRT = """\
1
00:00:01,000 --> 00:00:03,500
Good <i>morning</i>

2
00:00:03,500 --> 00:00:05,000 X1:40 X2:600 Y1:20 Y2:50
{\\an8}<font color="#FFFF00">Sign: "A & B < C"</font>
"""
VTT = """\
WEBVTT - made by hand
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

STYLE
::cue(.loud) { color: red }

REGION
id:top
width:50%

NOTE a comment
of two lines

greeting
00:01.000 --> 00:03.500 line:0 align:start bogus:1 position:400
<c.loud>Good</c> morning
"""
ONE = "1\n00:00:01,000 --> 00:00:02,000\n"


def cues(text: str) -> list[tuple[int, int, str, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text, cue.settings) for cue in read_captions(text.encode()).cues]


def refusal(content: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read_captions(content)
    return caught.value


def test_subrip_keeps_its_styles_and_places_in_webvtts_words() -> None:
    assert cues(SRT) == [
        (1000, 3500, "Good <i>morning</i>", ""),
        (3500, 5000, '<c.yellow>Sign: "A &amp; B &lt; C"</c>', "line:0"),
    ]


def test_webvtt_keeps_styles_regions_names_and_known_settings() -> None:
    captions = read_captions(VTT.encode())

    assert captions.styles == ("::cue(.loud) { color: red }",)
    assert captions.regions == ("id:top\nwidth:50%",)
    assert captions.cues == (Cue(1000, 3500, "<c.loud>Good</c> morning", "greeting", "line:0 align:start"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_reads_alike(encoding: str, ends: str) -> None:
    text = SRT.replace("morning", "Größe Ω 世界")

    assert read_captions(text.replace("\n", ends).encode(encoding)) == read_captions(text.encode())


def test_utf_16_of_either_order_is_read_by_its_mark() -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert read_captions(mark + VTT.encode(encoding)) == read_captions(VTT.encode())


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ((ONE + "Café").encode("cp1252"), "byte 0xE9 at line 3 .* Windows-1252"),
        ((ONE + "こんにちは").encode("shift_jis"), "at line 3 .* Shift_JIS"),
        ((ONE + "x").encode("utf-32"), "UTF-32"),
        ((ONE + "x").encode("utf-16-le"), "UTF-16 without its mark"),
        (b"\xff\xfea\x00\x00", "not UTF-16-LE, as their mark says"),
    ],
)
def test_any_other_encoding_is_named_and_refused(content: bytes, named: str) -> None:
    error = refusal(content)

    assert error.code == "packaging.captions_encoding"
    assert re.search(named, error.detail), error.detail


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "without a single cue"),
        ("Dear Sir,\n", 1, "neither SubRip nor WebVTT"),
        ("[Script Info]\nTitle: x\n", 1, "neither SubRip nor WebVTT"),
        ("1\n00:00:01,000 --> 00:00:99,000\nx\n", 2, "more than 59"),
        ("1\n00:00:02,000 --> 00:00:01,000\nx\n", 2, "ends before it begins"),
        ("1\n00:00:01,000 --> soon\nx\n", 2, "no time such as"),
        ("1\n9999:00:01,000 --> 9999:00:02,000\nx\n", 2, "behind the end of any film"),
        (ONE + "a\0b\n", 3, "control character"),
        ("WEBVTT\n\nSTYLE\n::cue { background: url(//spy) }\n\n" + ONE, 4, "must not"),
        ("WEBVTT\n\nSTYLE\n@import 'x';\n\n" + ONE, 4, "must not"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n\nSTYLE\n::cue{}\n", 6, "come first"),
        ("WEBVTT\n\nlost words\n\n00:01.000 --> 00:02.000\nx\n", 3, "neither a cue nor a comment"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\na --> b\n", 4, "no time such as"),
        ("WEBVTT\n00:01.000 --> 00:02.000\nx\n", 2, "empty line"),
        ("WEBVTT\n\nNOTE nothing else\n", 4, "without a single cue"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(text: str, line: int, what: str) -> None:
    error = refusal(text.encode())

    assert error.code == "packaging.bad_captions"
    assert f"at line {line}: " in error.detail
    assert what in error.detail
    assert "\n" not in error.detail
    assert len(error.detail) < 250


def test_wild_subrip_is_read_as_players_read_it() -> None:
    wild = (
        "\n7\n0:00:05.5 --> 0:00:06,5\n<b>bold <u>both</b> plain <blink>\n\nafter an --> empty line\n1984\n\n"
        "3\n00:00:01,000 --> 00:00:02,000\n<font color=teal>first</font></i>\n\n\n"
        "00:00:03,000 --> 00:00:03,000\nnever shown\n\n9\n00:00:08,000 --> 00:00:09,000\n2001\n"
    )

    assert cues(wild) == [
        (1000, 2000, "first", ""),
        (5500, 6500, "<b>bold <u>both</u></b> plain &lt;blink&gt;\nafter an --&gt; empty line\n1984", ""),
        (8000, 9000, "2001", ""),
    ]


@pytest.mark.parametrize(
    ("place", "settings_"), [(1, "position:0% align:start"), (2, ""), (9, "line:0 position:100% align:end")]
)
def test_keypad_places_become_settings(place: int, settings_: str) -> None:
    assert cues(ONE + f"{{\\an{place}}}here\n")[0][3] == settings_


def test_too_many_bytes_and_too_many_cues_are_refused() -> None:
    assert refusal(b" " * (4 * 1024**2 + 1)).code == "packaging.captions_too_large"
    assert refusal((ONE + "x\n\n").encode() * 50_001).code == "packaging.captions_too_large"


@settings(deadline=None, max_examples=200)
@given(
    st.text(alphabet=st.sampled_from("1230:,.-> <>/ibu{\\an8}&;\nWEBVTSYLNO"), max_size=120),
    st.sampled_from(["WEBVTT\n\n", ONE]),
)
def test_whatever_comes_is_read_or_refused_and_what_is_written_reads_back(text: str, head: str) -> None:
    try:
        captions = read_captions((head + text).encode())
    except InvalidRequest:
        return

    assert read_captions(write_webvtt(captions).encode()) == captions


_CUES = st.lists(
    st.builds(
        lambda start, length: Cue(start, start + length, f"{start} {length}"),
        st.integers(0, 20_000),
        st.integers(1, 9_000),
    ),
    min_size=1,
    max_size=20,
    unique=True,
)


@settings(deadline=None)
@given(_CUES, st.lists(st.integers(1, 4000), min_size=1, max_size=8))
def test_each_moment_of_each_cue_is_in_the_segment_that_shows_it(made: list[Cue], lengths: list[int]) -> None:
    captions = Captions(tuple(sorted(made, key=lambda cue: (cue.start_ms, cue.end_ms))))
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)

    segments = list(
        caption_segments(captions, [Fraction(edge, 1000) for edge in edges[:-1]], Fraction(edges[-1], 1000))
    )

    assert len(segments) == len(lengths)
    for text, start, stop in zip(segments, edges, edges[1:], strict=False):
        lines = text.splitlines()
        assert lines[:2] == ["WEBVTT", "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"]
        shown = [cue for cue in captions.cues if cue.start_ms < stop and cue.end_ms > start]
        assert (read_captions(text.encode()).cues if shown else ()) == tuple(shown)


def test_styles_stand_in_every_segment() -> None:
    segments = list(caption_segments(read_captions(VTT.encode()), [0, 2, 4], 6))

    assert all("STYLE\n::cue(.loud) { color: red }\n\nREGION\nid:top" in text for text in segments)
    assert [text.count(" --> ") for text in segments] == [1, 1, 0]


def test_captions_that_would_fill_a_disk_are_refused() -> None:
    captions = Captions(tuple(Cue(0, 3_600_000, "x" * 1000) for _ in range(2000)))

    with pytest.raises(InvalidRequest) as caught:
        for _ in caption_segments(captions, range(3600), 3600):
            pass

    assert caught.value.code == "packaging.captions_too_large"


def test_the_playlist_has_the_grids_durations() -> None:
    grid = [Fraction(0), Fraction(3, 2), Fraction(13, 4)]

    assert captions_playlist(grid, 8.0).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:5",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXTINF:1.500000,",
        "00001.vtt",
        "#EXTINF:1.750000,",
        "00002.vtt",
        "#EXTINF:4.750000,",
        "00003.vtt",
        "#EXT-X-ENDLIST",
    ]
    growing = captions_playlist(grid, 8.0, ended=False)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in growing
    assert "ENDLIST" not in growing


def test_captions_move_with_the_films_first_frame() -> None:
    moved = read_captions(SRT.encode()).moved(-3600)

    assert [(cue.start_ms, cue.end_ms) for cue in moved.cues] == [(0, 1400)]


def test_languages_have_one_tag_whatever_a_file_calls_them() -> None:
    assert {language_tag(said) for said in ("ger", "deu", "de", "DE")} == {"de"}
    assert language_name(language_tag("fre")) == "Français"
    assert language_tag('en" onload="') == ""
