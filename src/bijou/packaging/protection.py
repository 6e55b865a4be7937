"""Encrypted renditions: how playlists speak of them, and that they are what they were.

Nothing is encrypted here. Samples keep their sizes under `cbcs`, so that a
segment before and after is compared by its media's length; frames, times and
numbers stay.

Source: ISO/IEC 23001-7 (cbcs); draft-pantos-hls-rfc8216bis, section 4.4.4.4;
DASH-IF IOP, part 6, 7.6 (clear key).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from bijou.packaging.boxes import Box, box, boxes
from bijou.packaging.rendition import INIT_SEGMENT, Rendition, Segment, segment_name
from bijou.ports import InvalidRequest

_CENC = "urn:mpeg:cenc:2013"
_MP4 = "urn:mpeg:dash:mp4protection:2011"
_CLEAR_KEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
_DASH_IF = "https://dashif.org/CPS"
ET.register_namespace("cenc", _CENC)
ET.register_namespace("dashif", _DASH_IF)

_DATED = frozenset({"mvhd", "tkhd", "mdhd"})
_NESTED = frozenset({"moov", "trak", "mdia"})


class Protection(Struct, frozen=True):
    """What players are told of an encryption; the key itself stays out of it.

    Args:
        key_id: 16 bytes in hexadecimal digits.
        iv: The constant one, likewise.
        key_uri: Where HLS players get the 16 bytes of the key.
        licence_uri: Where DASH players get it, as a clear-key licence; empty:
            they must know it.
    """

    key_id: str
    iv: str
    key_uri: str
    licence_uri: str = ""

    def hls_key(self) -> str:
        """Return the tag that stands before the first segment."""
        return (
            f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{self.key_uri}",IV=0x{self.iv},'
            'KEYFORMAT="identity",KEYFORMATVERSIONS="1"'
        )

    def dash_elements(self) -> Iterator[ET.Element]:
        """Yield what stands in each adaptation set, before its label and role."""
        key_id = self.key_id.lower()
        parts = (key_id[:8], key_id[8:12], key_id[12:16], key_id[16:20], key_id[20:])
        whole = {"schemeIdUri": _MP4, "value": "cbcs", f"{{{_CENC}}}default_KID": "-".join(parts)}
        yield ET.Element("ContentProtection", whole)
        if self.licence_uri:
            clear = ET.Element("ContentProtection", {"schemeIdUri": _CLEAR_KEY, "value": "ClearKey1.0"})
            ET.SubElement(clear, f"{{{_DASH_IF}}}Laurl").text = self.licence_uri
            yield clear


def protected_rendition(rendition: Rendition, clear: Path, protected: Path) -> Rendition:
    """Return the facts of an encrypted rendition, checked against the clear one.

    Args:
        clear: The folder of its init segment and segments, in the clear.
        protected: The same, encrypted.

    Raises:
        InvalidRequest: `packaging.not_alike`, a segment is missing, or its
            media is not as long as it was.
    """
    segments = tuple(
        _measured(segment, clear / segment_name(number), protected / segment_name(number))
        for number, segment in enumerate(rendition.segments, 1)
    )
    init_bytes = (protected / INIT_SEGMENT).stat().st_size
    return replace(rendition, init_bytes=init_bytes, segments=segments)


def undated(init: bytes) -> bytes:
    """Return an init segment without dates, and without its writer's name.

    So that the same media under the same key gives the same bytes.

    Raises:
        InvalidRequest: `packaging.bad_mp4`.
    """
    return b"".join(_undated(part) for part in boxes(init, 0))


def _undated(part: Box) -> bytes:
    if part.kind in _NESTED:
        inner = boxes(part.body, part.header.body_position)
        return box(part.kind, *(_undated(child) for child in inner if child.kind != "meta"))
    if part.kind in _DATED:
        version, flags, fields = part.full()
        dates = fields.take(16 if version else 8)
        return box(
            part.kind, version.to_bytes(1), flags.to_bytes(3), bytes(len(dates)), fields.take(fields.left)
        )
    return box(part.kind, part.body)


def _measured(segment: Segment, clear: Path, protected: Path) -> Segment:
    if not protected.exists():
        raise InvalidRequest("packaging.not_alike", f"segment {protected.name} was not encrypted")
    content = protected.read_bytes()
    before, after = _media(clear.read_bytes()), _media(content)
    if len(before) != len(after):
        raise InvalidRequest(
            "packaging.not_alike",
            f"segment {protected.name} has {len(after)} bytes of media where it had {len(before)}",
        )
    key_bytes = segment.key_bytes - before.start + after.start
    return replace(segment, size_bytes=len(content), key_bytes=key_bytes)


def _media(segment: bytes) -> range:
    """Where a segment's samples lie."""
    for part in boxes(segment, 0):
        if part.kind == "mdat":
            return range(part.header.body_position, part.header.end)
    raise InvalidRequest("packaging.not_alike", "a segment has no media")
