"""HLS playlists; here, and only here, a rendition is called a variant.

Source: RFC 8216 and draft-pantos-hls-rfc8216bis, sections 4.3 and 4.4.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from bijou.packaging.api import Subtitles
from bijou.packaging.rendition import (
    IFRAME_PLAYLIST,
    INIT_SEGMENT,
    MEDIA_PLAYLIST,
    Rendition,
    Segment,
    segment_name,
)

_VERSION = 7
_MICRO = 1_000_000


def media_playlist(rendition: Rendition) -> str:
    """Write the playlist of one rendition.

    Durations are differences of rounded moments, not rounded differences: in
    all renditions of a grid the same moments add up, however long the film.
    """
    return _playlist(rendition, [], lambda number, _: [segment_name(number)])


def iframe_playlist(rendition: Rendition) -> str:
    """Write the playlist of the frames that segments begin with, for trick play."""

    def key_frame(number: int, segment: Segment) -> list[str]:
        return [f"#EXT-X-BYTERANGE:{segment.key_bytes}@0", segment_name(number)]

    return _playlist(rendition, ["#EXT-X-I-FRAMES-ONLY"], key_frame)


def multivariant_playlist(renditions: Sequence[Rendition], subtitles: Sequence[Subtitles] = ()) -> str:
    """Write the playlist that names all renditions.

    Sound forms groups: one codec's languages share one, another codec or a
    second track of a language opens the next, and each picture is offered
    with each group. BANDWIDTH is the peak of the picture plus the highest of the group.
    Without pictures, each sound track is a variant by itself.
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    video = [rendition for rendition in renditions if rendition.format.kind == "video"]
    audio = [rendition for rendition in renditions if rendition.format.kind == "audio"]
    groups = _groups(audio) if video else []
    for group, members in groups:
        lines += [_audio_media(group, place, member) for place, member in enumerate(members)]
    lines += [_subtitles_media(place, one) for place, one in enumerate(subtitles)]
    for group, members in groups or [("", [])]:
        for rendition in video or audio:
            lines += [
                _variant(rendition, group, members, subtitled=bool(subtitles)),
                f"{rendition.name}/{MEDIA_PLAYLIST}",
            ]
    lines += [_iframe_variant(rendition) for rendition in video]
    return "\n".join([*lines, ""])


def _playlist(rendition: Rendition, head: list[str], media: Callable[[int, Segment], list[str]]) -> str:
    durations = list(_durations(rendition))
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, *(_seconds(micros) for micros in durations))}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        *head,
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{INIT_SEGMENT}"',
    ]
    for number, (segment, micros) in enumerate(zip(rendition.segments, durations, strict=True), 1):
        lines += [f"#EXTINF:{micros // _MICRO}.{micros % _MICRO:06},", *media(number, segment)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _durations(rendition: Rendition) -> Iterator[int]:
    for segment in rendition.segments:
        start = round(Fraction(segment.start * _MICRO, rendition.timescale))
        yield round(Fraction((segment.start + segment.duration) * _MICRO, rendition.timescale)) - start


def _seconds(micros: int) -> int:
    return (micros + _MICRO // 2) // _MICRO


def _groups(audio: Sequence[Rendition]) -> list[tuple[str, list[Rendition]]]:
    groups: list[list[Rendition]] = []
    for rendition in audio:
        group = next((group for group in groups if _joins(rendition, group)), None)
        if group is None:
            groups.append([rendition])
        else:
            group.append(rendition)
    return [(f"audio{number}", group) for number, group in enumerate(groups, 1)]


def _joins(rendition: Rendition, group: Sequence[Rendition]) -> bool:
    same_codec = rendition.format.family == group[0].format.family
    return same_codec and rendition.language not in {member.language for member in group}


def _audio_media(group: str, place: int, rendition: Rendition) -> str:
    return _attributes(
        "#EXT-X-MEDIA",
        TYPE="AUDIO",
        GROUP_ID=_quoted(group),
        NAME=_quoted(rendition.language or rendition.name),
        LANGUAGE=_quoted(rendition.language),
        DEFAULT="NO" if place else "YES",
        AUTOSELECT="YES",
        CHANNELS=_quoted(str(rendition.format.channels)),
        URI=_quoted(f"{rendition.name}/{MEDIA_PLAYLIST}"),
    )


def _subtitles_media(place: int, subtitles: Subtitles) -> str:
    return _attributes(
        "#EXT-X-MEDIA",
        TYPE="SUBTITLES",
        GROUP_ID=_quoted("subtitles"),
        NAME=_quoted(subtitles.name),
        LANGUAGE=_quoted(subtitles.language),
        DEFAULT="NO",
        AUTOSELECT="NO" if place else "YES",
        URI=_quoted(subtitles.playlist),
    )


def _variant(rendition: Rendition, group: str, sound: Sequence[Rendition], *, subtitled: bool) -> str:
    codecs = dict.fromkeys([rendition.format.codecs, *(member.format.codecs for member in sound)])
    return _attributes(
        "#EXT-X-STREAM-INF",
        BANDWIDTH=str(rendition.bandwidth_bps + max((member.bandwidth_bps for member in sound), default=0)),
        AVERAGE_BANDWIDTH=str(
            rendition.average_bps + max((member.average_bps for member in sound), default=0)
        ),
        CODECS=_quoted(",".join(codecs)),
        RESOLUTION=_resolution(rendition),
        FRAME_RATE=f"{float(rendition.frame_rate):.3f}" if rendition.format.kind == "video" else "",
        AUDIO=_quoted(group),
        SUBTITLES=_quoted("subtitles") if subtitled else "",
        CLOSED_CAPTIONS="NONE",
    )


def _iframe_variant(rendition: Rendition) -> str:
    return _attributes(
        "#EXT-X-I-FRAME-STREAM-INF",
        BANDWIDTH=str(rendition.keys_bps),
        CODECS=_quoted(rendition.format.codecs),
        RESOLUTION=_resolution(rendition),
        URI=_quoted(f"{rendition.name}/{IFRAME_PLAYLIST}"),
    )


def _resolution(rendition: Rendition) -> str:
    return f"{rendition.format.width}x{rendition.format.height}" if rendition.format.kind == "video" else ""


def _attributes(tag: str, **attributes: str) -> str:
    """Write a tag; empty attributes are left out."""
    return f"{tag}:" + ",".join(
        f"{name.replace('_', '-')}={value}" for name, value in attributes.items() if value
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""
