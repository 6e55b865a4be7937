"""The DASH manifest; here, and only here, a rendition is called a representation.

Source: ISO/IEC 23009-1, 5th edition, sections 5.3 and 8.4.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil

from bijou.packaging.api import Subtitles
from bijou.packaging.protection import Protection
from bijou.packaging.rendition import INIT_SEGMENT, Rendition, Segment
from bijou.ports import Instant

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_CMAF = "urn:mpeg:dash:profile:cmaf:2019"
_BY_NUMBER = f"urn:mpeg:dash:profile:isoff-live:2011,{_CMAF}"
_BY_NAME = f"urn:mpeg:dash:profile:full:2011,{_CMAF}"
_ROLES = "urn:mpeg:dash:role:2011"
_CHANNELS = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_MICRO = 1_000_000
# More than any reader follows; players count it against nothing.
_TEXT_BPS = 256


def manifest(
    renditions: Sequence[Rendition],
    subtitles: Sequence[Subtitles] = (),
    protection: Protection | None = None,
    *,
    growing_since: Instant | None = None,
    written_at: Instant | None = None,
) -> str:
    """Write the MPD of one period with all renditions.

    Renditions that a player may switch between (same kind, codec, language
    and label) share an adaptation set. Times are of presentation, behind the
    edit list that each init segment carries, as in the HLS playlists; so
    presentationTimeOffset is 0 everywhere. Subtitles are WebVTT files beside it.

    Args:
        growing_since: When its first segments could be had, if more will
            follow: players then read it anew each second. None: it is whole.
        written_at: When this state of one that grows was first written.
    """
    end_s = max(rendition.end_s for rendition in renditions)
    longest_s = max(rendition.longest_s for rendition in renditions)
    whole = growing_since is None
    mpd = _element(
        None,
        "MPD",
        xmlns=_NAMESPACE,
        profiles=_BY_NAME if any(one.segments[0].name for one in renditions) else _BY_NUMBER,
        type="static" if whole else "dynamic",
        mediaPresentationDuration=_duration(end_s) if whole else "",
        availabilityStartTime="" if growing_since is None else growing_since.rfc3339(),
        publishTime="" if whole or written_at is None else written_at.rfc3339(),
        minimumUpdatePeriod="" if whole else "PT1S",
        maxSegmentDuration=_duration(longest_s),
        minBufferTime=_duration(longest_s),
    )
    period = _element(mpd, "Period", id="1", start="PT0S", duration=_duration(end_s) if whole else "")
    main_sound = next((_tongue(one) for one in renditions if one.format.kind == "audio"), None)
    for number, members in enumerate(_sets(renditions), 1):
        main = members[0].format.kind == "video" or _tongue(members[0]) == main_sound
        _adaptation_set(period, number, members, "main" if main else "alternate", protection)
    for number, one in enumerate(filter(lambda one: one.file, subtitles), len(_sets(renditions)) + 1):
        _text_set(period, number, one)
    ET.indent(mpd)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(mpd, encoding="unicode")}\n'


def _sets(renditions: Iterable[Rendition]) -> list[list[Rendition]]:
    sets: dict[tuple[str, str, str, str], list[Rendition]] = {}
    for rendition in renditions:
        key = (rendition.format.kind, rendition.format.family, rendition.language, rendition.label)
        sets.setdefault(key, []).append(rendition)
    return list(sets.values())


def _adaptation_set(
    period: ET.Element, number: int, members: Sequence[Rendition], role: str, protection: Protection | None
) -> None:
    kind = members[0].format.kind
    adaptation_set = _element(
        period,
        "AdaptationSet",
        id=str(number),
        contentType=kind,
        mimeType=f"{kind}/mp4",
        lang=members[0].language,
        segmentAlignment="true",
        startWithSAP="1",
    )
    if kind == "video":
        adaptation_set.set("maxWidth", str(max(member.format.width for member in members)))
        adaptation_set.set("maxHeight", str(max(member.format.height for member in members)))
        adaptation_set.set("maxFrameRate", str(max(member.frame_rate for member in members)))
    adaptation_set.extend(protection.dash_elements() if protection else ())
    if members[0].label:
        _element(adaptation_set, "Label").text = members[0].label
    _element(adaptation_set, "Role", schemeIdUri=_ROLES, value=role)
    for member in members:
        _representation(adaptation_set, member)


def _tongue(rendition: Rendition) -> tuple[str, str]:
    return rendition.language, rendition.label


def _text_set(period: ET.Element, number: int, subtitles: Subtitles) -> None:
    """One file for the whole film, as players read text beside media."""
    adaptation_set = _element(
        period,
        "AdaptationSet",
        id=str(number),
        contentType="text",
        mimeType="text/vtt",
        lang=subtitles.language,
    )
    _element(adaptation_set, "Label").text = subtitles.name
    role = "caption" if subtitles.hearing_impaired else "subtitle"
    _element(
        adaptation_set, "Role", schemeIdUri=_ROLES, value="forced-subtitle" if subtitles.forced else role
    )
    representation = _element(adaptation_set, "Representation", id=f"text{number}", bandwidth=str(_TEXT_BPS))
    _element(representation, "BaseURL").text = subtitles.file


def _representation(adaptation_set: ET.Element, rendition: Rendition) -> None:
    coding = rendition.format
    representation = _element(
        adaptation_set,
        "Representation",
        id=rendition.name,
        codecs=coding.codecs,
        bandwidth=str(rendition.bandwidth_bps),
    )
    if coding.kind == "video":
        _set(
            representation,
            width=str(coding.width),
            height=str(coding.height),
            frameRate=str(rendition.frame_rate),
            sar=f"{coding.sample_aspect[0]}:{coding.sample_aspect[1]}",
        )
    else:
        _set(representation, audioSamplingRate=str(coding.sample_rate) if coding.sample_rate else "")
        _element(
            representation, "AudioChannelConfiguration", schemeIdUri=_CHANNELS, value=str(coding.channels)
        )
    _timeline(representation, rendition)


def _timeline(representation: ET.Element, rendition: Rendition) -> None:
    """Name the segments, and say when each begins: by their numbers, or one by one."""
    if not rendition.segments[0].name:
        _times(_template(representation, rendition), rendition)
        return
    listed = _element(
        representation, "SegmentList", timescale=str(rendition.timescale), presentationTimeOffset="0"
    )
    _element(listed, "Initialization", sourceURL=rendition.init_name)
    _times(listed, rendition)
    for segment in rendition.segments:
        _element(listed, "SegmentURL", media=segment.name)


def _template(representation: ET.Element, rendition: Rendition) -> ET.Element:
    return _element(
        representation,
        "SegmentTemplate",
        timescale=str(rendition.timescale),
        presentationTimeOffset="0",
        initialization=f"$RepresentationID$/{INIT_SEGMENT}",
        media="$RepresentationID$/$Number%05d$.m4s",
        startNumber="1",
    )


def _times(parent: ET.Element, rendition: Rendition) -> None:
    timeline = _element(parent, "SegmentTimeline")
    for place, (duration, count) in enumerate(_runs(rendition.segments)):
        start = str(rendition.segments[0].start) if place == 0 else ""
        _element(timeline, "S", t=start, d=str(duration), r=str(count - 1) if count > 1 else "")


def _runs(segments: Iterable[Segment]) -> Iterator[tuple[int, int]]:
    for duration, run in groupby(segments, key=lambda segment: segment.duration):
        yield duration, sum(1 for _ in run)


def _duration(seconds: Fraction) -> str:
    """Write an XML duration, rounded up to a microsecond."""
    micros = ceil(seconds * _MICRO)
    fraction = f"{micros % _MICRO:06}".rstrip("0")
    return f"PT{micros // _MICRO}{'.' if fraction else ''}{fraction}S"


def _element(parent: ET.Element | None, name: str, **attributes: str) -> ET.Element:
    element = ET.Element(name) if parent is None else ET.SubElement(parent, name)
    _set(element, **attributes)
    return element


def _set(element: ET.Element, **attributes: str) -> None:
    """Set attributes; empty ones are left out."""
    for name, value in attributes.items():
        if value:
            element.set(name, value)
