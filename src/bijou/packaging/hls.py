"""HLS playlists; here, and only here, a rendition is called a variant.

Source: RFC 8216 and draft-pantos-hls-rfc8216bis, sections 4.3 and 4.4.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import count

from bijou.packaging.api import Subtitles
from bijou.packaging.grid import LONGEST_SEGMENT_S
from bijou.packaging.languages import language_name
from bijou.packaging.protection import Protection
from bijou.packaging.rendition import Rendition, Segment, segment_name

_VERSION = 7
_DESCRIBES = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
_MICRO = 1_000_000
_VOD = ("#EXT-X-PLAYLIST-TYPE:VOD",)
# Without a place to start at, players join an event at its end.
_EVENT = ("#EXT-X-PLAYLIST-TYPE:EVENT", "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES")


def media_playlist(rendition: Rendition, protection: Protection | None = None) -> str:
    """Write the playlist of one rendition.

    Durations are differences of rounded moments, not rounded differences: in
    all renditions of a grid the same moments add up, however long the film.
    """
    return _playlist(rendition, _VOD, _whole_segment, protection)


def growing_playlist(rendition: Rendition, *, ended: bool) -> str:
    """Write the playlist of a rendition that is watched from its start while it is made.

    Each one has the segments of those before it, and more; only the last says
    that it has ended. Its target duration stays, as clients rely on it: only a
    frame that is shown for longer than any segment should be would change it.

    Source: RFC 8216bis, sections 4.4.3.5 (EVENT) and 6.2.1 (what may change).
    """
    return _playlist(rendition, _EVENT, _whole_segment, None, ended=ended)


def iframe_playlist(rendition: Rendition, protection: Protection | None = None) -> str:
    """Write the playlist of the frames that segments begin with, for trick play."""

    def key_frame(number: int, segment: Segment) -> list[str]:
        return [f"#EXT-X-BYTERANGE:{segment.key_bytes}@0", segment.name or segment_name(number)]

    return _playlist(rendition, [*_VOD, "#EXT-X-I-FRAMES-ONLY"], key_frame, protection)


def multivariant_playlist(
    renditions: Sequence[Rendition], subtitles: Sequence[Subtitles] = (), *, iframes: bool = True
) -> str:
    """Write the playlist that names all renditions.

    Sound forms groups: one codec's tracks share one, another codec opens the
    next, and each picture is offered with each group. Of several tracks of a
    language only the first is ever chosen by a player itself. BANDWIDTH is the
    peak of the picture plus the highest of the group.
    Without pictures, each sound track is a variant by itself.

    Args:
        iframes: Whether playlists of key frames are there to be named.
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    video = [rendition for rendition in renditions if rendition.format.kind == "video"]
    audio = [rendition for rendition in renditions if rendition.format.kind == "audio"]
    groups = _groups(audio) if video else []
    for group, members in groups:
        lines += _audio_group(group, members)
    lines += [_subtitles_media(place, one) for place, one in enumerate(subtitles)]
    for group, members in groups or [("", [])]:
        for rendition in video or audio:
            lines += [
                _variant(rendition, group, members, subtitled=bool(subtitles)),
                rendition.media_uri,
            ]
    lines += [_iframe_variant(rendition) for rendition in video if iframes]
    return "\n".join([*lines, ""])


def _playlist(
    rendition: Rendition,
    head: Sequence[str],
    media: Callable[[int, Segment], list[str]],
    protection: Protection | None,
    *,
    ended: bool = True,
) -> str:
    durations = list(_durations(rendition))
    least_s = LONGEST_SEGMENT_S if head is _EVENT else 1
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(least_s, *(_seconds(micros) for micros in durations))}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        *head,
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{rendition.init_name}"',
        *([protection.hls_key()] if protection else []),
    ]
    for number, (segment, micros) in enumerate(zip(rendition.segments, durations, strict=True), 1):
        lines += [f"#EXTINF:{micros // _MICRO}.{micros % _MICRO:06},", *media(number, segment)]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""])


def _whole_segment(number: int, segment: Segment) -> list[str]:
    return [segment.name or segment_name(number)]


def _durations(rendition: Rendition) -> Iterator[int]:
    for segment in rendition.segments:
        start = round(Fraction(segment.start * _MICRO, rendition.timescale))
        yield round(Fraction((segment.start + segment.duration) * _MICRO, rendition.timescale)) - start


def _seconds(micros: int) -> int:
    return (micros + _MICRO // 2) // _MICRO


def _groups(audio: Sequence[Rendition]) -> list[tuple[str, list[Rendition]]]:
    groups: dict[str, list[Rendition]] = {}
    for rendition in audio:
        groups.setdefault(rendition.format.family, []).append(rendition)
    return [(f"audio{number}", group) for number, group in enumerate(groups.values(), 1)]


def _audio_group(group: str, members: Sequence[Rendition]) -> Iterator[str]:
    """Name the tracks of one codec; within a group all names differ."""
    names: set[str] = set()
    languages: set[str] = set()
    for member in members:
        wanted = member.label or language_name(member.language) or member.name
        name = next(name for name in _numbered(wanted) if name not in names)
        yield _audio_media(group, member, name, first=not names, chosen=member.language not in languages)
        names.add(name)
        languages.add(member.language)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} {number}" for number in count(2))


def _audio_media(group: str, rendition: Rendition, name: str, *, first: bool, chosen: bool) -> str:
    return _attributes(
        "#EXT-X-MEDIA",
        TYPE="AUDIO",
        GROUP_ID=_quoted(group),
        NAME=_quoted(name),
        LANGUAGE=_quoted(rendition.language),
        DEFAULT="YES" if first else "NO",
        AUTOSELECT="YES" if chosen else "NO",
        CHANNELS=_quoted(str(rendition.format.channels)),
        URI=_quoted(rendition.media_uri),
    )


def _subtitles_media(place: int, subtitles: Subtitles) -> str:
    return _attributes(
        "#EXT-X-MEDIA",
        TYPE="SUBTITLES",
        GROUP_ID=_quoted("subtitles"),
        NAME=_quoted(subtitles.name),
        LANGUAGE=_quoted(subtitles.language),
        DEFAULT="NO",
        AUTOSELECT="NO" if place and not subtitles.forced else "YES",
        FORCED="YES" if subtitles.forced else "",
        CHARACTERISTICS=_quoted(_DESCRIBES if subtitles.hearing_impaired else ""),
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
        URI=_quoted(rendition.iframes_uri),
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
