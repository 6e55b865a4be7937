"""The texts that players begin with, from renditions made up for the purpose."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.packaging import (
    Format,
    Protection,
    Rendition,
    Segment,
    Subtitles,
    iframe_playlist,
    manifest,
    media_playlist,
    multivariant_playlist,
)

DASH = "{urn:mpeg:dash:schema:mpd:2011}"

# The order in which ISO/IEC 23009-1 wants children, and the attributes it knows, as far as they are used.
CHILDREN = {
    "MPD": ["Period"],
    "Period": ["AdaptationSet"],
    "AdaptationSet": [
        "AudioChannelConfiguration",
        "ContentProtection",
        "Label",
        "Role",
        "SegmentTemplate",
        "Representation",
    ],
    "Representation": ["AudioChannelConfiguration", "BaseURL", "SegmentTemplate"],
    "SegmentTemplate": ["SegmentTimeline"],
    "SegmentTimeline": ["S"],
    "S": [],
    "Role": [],
    "Label": [],
    "BaseURL": [],
    "ContentProtection": ["Laurl"],
    "Laurl": [],
    "AudioChannelConfiguration": [],
}
ATTRIBUTES = {
    "MPD": "profiles type mediaPresentationDuration maxSegmentDuration minBufferTime",
    "Period": "id start duration",
    "AdaptationSet": "id contentType mimeType lang segmentAlignment startWithSAP "
    "maxWidth maxHeight maxFrameRate",
    "Representation": "id codecs bandwidth width height frameRate sar audioSamplingRate",
    "SegmentTemplate": "timescale presentationTimeOffset initialization media startNumber",
    "SegmentTimeline": "",
    "S": "t d r",
    "Role": "schemeIdUri value",
    "Label": "",
    "BaseURL": "",
    "ContentProtection": "schemeIdUri value default_KID",
    "Laurl": "",
    "AudioChannelConfiguration": "schemeIdUri value",
}


def made(
    name: str, codecs: str, durations: list[int], *, timescale: int = 24, language: str = "", size: int = 3000
) -> Rendition:
    sound = Format("audio", codecs, channels=2, sample_rate=48000)
    starts = accumulate(durations, initial=0)
    return Rendition(
        name=name,
        language=language,
        format=Format("video", codecs, 640, 360) if codecs[0] in "ah" else sound,
        timescale=timescale,
        frame_rate=Fraction(24000, 1001),
        init_bytes=700,
        segments=tuple(
            Segment(start, length, size, size // 3) for start, length in zip(starts, durations, strict=False)
        ),
    )


V360 = made("v360", "avc1.64001e", [48, 48, 24])
V720 = made("v720", "avc1.64001f", [48, 48, 24], size=9000)
EN = made("a-en", "mp4a.40.2", [48, 48, 24], language="en", size=600)
DE = made("a-de", "mp4a.40.2", [48, 48, 24], language="de", size=1200)


SUBTITLES = Subtitles("English", "en", "t-en/p.m3u8", "t-en/c.vtt")


def tags(playlist: str, tag: str) -> list[str]:
    return [line.removeprefix(f"{tag}:") for line in playlist.splitlines() if line.startswith(f"{tag}:")]


def extinf_micros(playlist: str) -> list[int]:
    return [int(text.rstrip(",").replace(".", "")) for text in tags(playlist, "#EXTINF")]


def test_a_media_playlist_says_what_it_must() -> None:
    assert media_playlist(V360).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="init.mp4"',
        "#EXTINF:2.000000,",
        "00001.m4s",
        "#EXTINF:2.000000,",
        "00002.m4s",
        "#EXTINF:1.000000,",
        "00003.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_an_iframe_playlist_points_into_the_same_segments() -> None:
    lines = iframe_playlist(V360).splitlines()

    assert "#EXT-X-I-FRAMES-ONLY" in lines
    assert lines.count("#EXT-X-BYTERANGE:1000@0") == 3
    assert extinf_micros("\n".join(lines)) == [2_000_000, 2_000_000, 1_000_000]


@settings(deadline=None)
@given(st.integers(1, 90_000), st.lists(st.integers(1, 400_000), min_size=1, max_size=200))
def test_rounding_never_adds_up(timescale: int, durations: list[int]) -> None:
    rendition = made("v", "avc1.64001e", durations, timescale=timescale)

    micros = extinf_micros(media_playlist(rendition))

    ends = [round(Fraction(end * 1_000_000, timescale)) for end in accumulate(durations)]
    assert list(accumulate(micros)) == ends
    target = int(tags(media_playlist(rendition), "#EXT-X-TARGETDURATION")[0])
    assert all((length + 500_000) // 1_000_000 <= target for length in micros)


def test_bandwidth_is_the_peak_of_the_picture_plus_the_highest_sound() -> None:
    playlist = multivariant_playlist([V360, V720, EN, DE])

    variants = tags(playlist, "#EXT-X-STREAM-INF")

    # 3000 bytes and 1200 bytes in the last second; 9000 and 3600 bytes in all five.
    assert variants[0].startswith(
        f"BANDWIDTH={(3000 + 1200) * 8},AVERAGE-BANDWIDTH={(9000 + 3600) * 8 // 5},"
    )
    assert 'CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=23.976,AUDIO="audio1"' in variants[0]
    assert "SUBTITLES" not in playlist
    assert [line for line in playlist.splitlines() if not line.startswith("#")] == [
        "v360/playlist.m3u8",
        "v720/playlist.m3u8",
    ]


def test_languages_share_a_group_and_codecs_do_not() -> None:
    opus = made("o-en", "opus", [48, 48, 24], language="en")

    playlist = multivariant_playlist([V360, EN, DE, opus])

    media = [dict(re.findall(r'([A-Z-]+)="?([^",]*)', line)) for line in tags(playlist, "#EXT-X-MEDIA")]
    assert [(one["GROUP-ID"], one["LANGUAGE"], one["DEFAULT"], one["URI"]) for one in media] == [
        ("audio1", "en", "YES", "a-en/playlist.m3u8"),
        ("audio1", "de", "NO", "a-de/playlist.m3u8"),
        ("audio2", "en", "YES", "o-en/playlist.m3u8"),
    ]
    assert [re.findall(r'CODECS="([^"]*)"', line) for line in tags(playlist, "#EXT-X-STREAM-INF")] == [
        ["avc1.64001e,mp4a.40.2"],
        ["avc1.64001e,opus"],
    ]


def test_subtitles_are_named_when_they_are_given() -> None:
    playlist = multivariant_playlist([V360], [Subtitles("English", "en", "subtitles/en.m3u8")])

    [media] = tags(playlist, "#EXT-X-MEDIA")
    assert media.startswith('TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=NO,')
    assert media.endswith('URI="subtitles/en.m3u8"')
    assert 'SUBTITLES="subtitles"' in tags(playlist, "#EXT-X-STREAM-INF")[0]


def test_several_tracks_of_a_language_have_names_and_only_the_first_chooses_itself() -> None:
    talk = replace(EN, name="a-talk", label="English: Talk")
    again = replace(EN, name="a-again")

    playlist = multivariant_playlist([V360, EN, DE, talk, again])

    media = [dict(re.findall(r'([A-Z-]+)="?([^",]*)', line)) for line in tags(playlist, "#EXT-X-MEDIA")]
    assert [(one["GROUP-ID"], one["NAME"], one["DEFAULT"], one["AUTOSELECT"]) for one in media] == [
        ("audio1", "English", "YES", "YES"),
        ("audio1", "Deutsch", "NO", "YES"),
        ("audio1", "English: Talk", "NO", "NO"),
        ("audio1", "English 2", "NO", "NO"),
    ]
    assert len(tags(playlist, "#EXT-X-STREAM-INF")) == 1


def test_subtitles_say_whom_they_are_for() -> None:
    heard = Subtitles("English (described)", "en", "t-en-2/p.m3u8", hearing_impaired=True)
    signs = Subtitles("English (forced)", "en", "t-en-3/p.m3u8", forced=True)

    lines = tags(multivariant_playlist([V360, EN], [SUBTITLES, heard, signs]), "#EXT-X-MEDIA")[1:]

    assert ["FORCED=YES" in line for line in lines] == [False, False, True]
    assert ["describes-music-and-sound" in line for line in lines] == [False, True, False]
    assert ["AUTOSELECT=YES" in line for line in lines] == [True, False, True]


def test_a_playlist_of_encrypted_media_names_the_key_before_the_first_segment() -> None:
    key = Protection("0f" * 16, "01" * 16, "/keys/1")

    for text in (media_playlist(V360, key), iframe_playlist(V360, key)):
        lines = text.splitlines()
        [at] = [at for at, line in enumerate(lines) if line.startswith("#EXT-X-KEY:")]
        assert lines[at] == (
            f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="/keys/1",IV=0x{"01" * 16},'
            'KEYFORMAT="identity",KEYFORMATVERSIONS="1"'
        )
        assert at < lines.index("#EXTINF:2.000000,")


def test_sound_alone_is_a_variant_by_itself() -> None:
    playlist = multivariant_playlist([EN])

    assert tags(playlist, "#EXT-X-MEDIA") == []
    assert tags(playlist, "#EXT-X-STREAM-INF") == [
        'BANDWIDTH=4800,AVERAGE-BANDWIDTH=2880,CODECS="mp4a.40.2",CLOSED-CAPTIONS=NONE'
    ]


@pytest.mark.parametrize("protection", [None, Protection("0f" * 16, "01" * 16, "/key", "/licence")])
def test_the_manifest_keeps_the_schemas_order_and_vocabulary(protection: Protection | None) -> None:
    talk = replace(EN, name="a-talk", label="English: Talk")

    root = ET.fromstring(manifest([V360, V720, EN, DE, talk], [SUBTITLES], protection))

    for element in root.iter():
        name = plain(element.tag)
        places = [CHILDREN[name].index(plain(child.tag)) for child in element]
        assert all(before <= after for before, after in pairwise(places)), name
        assert {plain(attribute) for attribute in element.attrib} <= set(ATTRIBUTES[name].split()), name


def plain(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def test_subtitles_are_a_file_beside_the_media_in_dash() -> None:
    signs = Subtitles("Deutsch (forced)", "de", "t-de/p.m3u8", "t-de/c.vtt", forced=True)

    root = ET.fromstring(manifest([V360, EN], [SUBTITLES, signs, Subtitles("HLS only", "fr", "t-fr/p.m3u8")]))

    sets = [one for one in root.iter(f"{DASH}AdaptationSet") if one.get("contentType") == "text"]
    assert [(one.get("id"), one.get("mimeType"), one.get("lang")) for one in sets] == [
        ("3", "text/vtt", "en"),
        ("4", "text/vtt", "de"),
    ]
    assert [one.findtext(f"{DASH}Label") for one in sets] == ["English", "Deutsch (forced)"]
    assert [one.findtext(f"{DASH}Representation/{DASH}BaseURL") for one in sets] == [
        "t-en/c.vtt",
        "t-de/c.vtt",
    ]
    assert [one.find(f"{DASH}Role").get("value") for one in sets] == ["subtitle", "forced-subtitle"]  # type: ignore[union-attr]


def test_adaptation_sets_hold_what_a_player_may_switch_between() -> None:
    hevc = made("h720", "hvc1.1.6.L93.B0", [48, 48, 24])

    root = ET.fromstring(manifest([V360, V720, hevc, EN, DE]))

    sets = root.findall(f"{DASH}Period/{DASH}AdaptationSet")
    assert [[one.get("id") for one in members.findall(f"{DASH}Representation")] for members in sets] == [
        ["v360", "v720"],
        ["h720"],
        ["a-en"],
        ["a-de"],
    ]
    assert [role.get("value") for role in root.iter(f"{DASH}Role")] == ["main", "main", "main", "alternate"]
    assert root.get("mediaPresentationDuration") == "PT5S"
    assert root.get("minBufferTime") == "PT2S"


@settings(deadline=None)
@given(st.integers(1, 90_000), st.lists(st.integers(1, 3), min_size=1, max_size=50))
def test_the_timeline_is_the_segments(timescale: int, durations: list[int]) -> None:
    rendition = made("v", "avc1.64001e", durations, timescale=timescale)

    root = ET.fromstring(manifest([rendition]))

    template = next(root.iter(f"{DASH}SegmentTemplate"))
    spread = [int(s.get("d", "")) for s in root.iter(f"{DASH}S") for _ in range(int(s.get("r", "0")) + 1)]
    assert spread == durations
    assert template.get("timescale") == str(timescale)
    assert next(root.iter(f"{DASH}S")).get("t") == "0"
