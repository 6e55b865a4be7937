"""What a sample entry says: codec string, picture size, channels.

Source: RFC 6381; ISO/IEC 14496-15, annex E (avc1, hvc1, vvc1); the AV1 and VP9
codec ISO media bindings; ISO/IEC 14496-3 (mp4a); RFC 7845 and the Opus binding.
"""

from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bijou.packaging.boxes import Box, Fields, maybe, only
from bijou.ports import InvalidRequest

Kind = Literal["video", "audio"]

_VISUAL_BYTES = 78
_AUDIO_BYTES = 28


@dataclass(frozen=True, slots=True)
class Format:
    """How a track is coded.

    Args:
        codecs: RFC 6381 string, such as `avc1.64001e`.
        sample_aspect: Width and height of one picture element, `(1, 1)` for square ones.
        channels: 0 for pictures.
    """

    kind: Kind
    codecs: str
    width: int = 0
    height: int = 0
    sample_aspect: tuple[int, int] = (1, 1)
    channels: int = 0
    sample_rate: int = 0

    @property
    def family(self) -> str:
        """What a player switches within: `avc1` for any profile of it; sound, whole."""
        return self.codecs.partition(".")[0] if self.kind == "video" else self.codecs


def read_format(entry: Box, kind: Kind) -> Format:
    """Read a sample entry.

    Raises:
        InvalidRequest: `packaging.bad_mp4`; `packaging.unknown_codec`, one that
            no codec string is known for, or an encrypted one.
    """
    return _visual(entry) if kind == "video" else _audio(entry)


def _visual(entry: Box) -> Format:
    fields = entry.fields()
    fields.take(24)
    width, height = fields.unsigned(2), fields.unsigned(2)
    if not width or not height:
        raise entry.bad(f"is {width} x {height}; a picture has both")
    return Format("video", _codecs(entry, _VIDEO), width, height, _aspect(entry))


def _aspect(entry: Box) -> tuple[int, int]:
    pasp = maybe(entry, "pasp", _VISUAL_BYTES)
    if pasp is None:
        return 1, 1
    fields = pasp.fields()
    across, down = fields.unsigned(4), fields.unsigned(4)
    return (across, down) if across and down else (1, 1)


def _audio(entry: Box) -> Format:
    fields = entry.fields()
    fields.take(8)
    version = fields.unsigned(2)
    if version:
        raise entry.bad(f"is of QuickTime version {version}; CMAF allows 0")
    fields.take(6)
    channels = fields.unsigned(2)
    fields.take(6)
    return Format("audio", _codecs(entry, _AUDIO), channels=channels, sample_rate=fields.unsigned(4) >> 16)


def _codecs(entry: Box, known: dict[str, Callable[[Box], str]]) -> str:
    name = known.get(entry.kind)
    if name is None:
        names = ", ".join(sorted(known))
        raise InvalidRequest(
            "packaging.unknown_codec",
            f"sample entry {entry.kind!r} at byte {entry.header.position} is none of {names}",
        )
    return name(entry)


def _avc(entry: Box) -> str:
    fields = only(entry, "avcC", _VISUAL_BYTES).fields()
    fields.take(1)
    return f"{entry.kind}.{fields.take(3).hex()}"


def _hevc(entry: Box) -> str:
    fields = only(entry, "hvcC", _VISUAL_BYTES).fields()
    fields.take(1)
    first = fields.unsigned(1)
    space, tier, profile = ("", "A", "B", "C")[first >> 6], "LH"[first >> 5 & 1], first & 31
    compatible = int(f"{fields.unsigned(4):032b}"[::-1], 2)
    constraints = fields.take(6).rstrip(b"\0")
    parts = [entry.kind, f"{space}{profile}", f"{compatible:X}", f"{tier}{fields.unsigned(1)}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])


def _av1(entry: Box) -> str:
    fields = only(entry, "av1C", _VISUAL_BYTES).fields()
    fields.take(1)
    first, second = fields.unsigned(1), fields.unsigned(1)
    tier = "MH"[second >> 7]
    depth = 8 if not second & 0x40 else 12 if second & 0x20 else 10
    name = f"av01.{first >> 5}.{first & 31:02}{tier}.{depth:02}"
    colour = _colour(entry)
    if colour is None:
        return name
    monochrome, subsampling = second >> 4 & 1, (second >> 3 & 1, second >> 2 & 1)
    position = second & 3 if subsampling == (1, 1) else 0
    return f"{name}.{monochrome}.{subsampling[0]}{subsampling[1]}{position}.{colour[:-2]}{colour[-1]}"


def _colour(entry: Box) -> str | None:
    """Primaries, transfer, matrix and range, where they are not those of SDR."""
    colr = maybe(entry, "colr", _VISUAL_BYTES)
    if colr is None or bytes(colr.body[:4]) != b"nclx":
        return None
    fields = colr.fields()
    fields.take(4)
    return _beyond_sdr([fields.unsigned(2) for _ in range(3)], fields.unsigned(1) >> 7)


def _beyond_sdr(points: list[int], full_range: int) -> str | None:
    if set(points) <= {1, 2} and not full_range:
        return None
    return ".".join(f"{point:02}" for point in (*points, full_range))


def _vp9(entry: Box) -> str:
    _, _, fields = only(entry, "vpcC", _VISUAL_BYTES).full()
    profile, level, packed = fields.unsigned(1), fields.unsigned(1), fields.unsigned(1)
    name = f"{entry.kind}.{profile:02}.{level:02}.{packed >> 4:02}"
    colour = _beyond_sdr([fields.unsigned(1) for _ in range(3)], packed & 1)
    return name if colour is None else f"{name}.{packed >> 1 & 7:02}.{colour}"


def _mp4a(entry: Box) -> str:
    _, _, fields = only(entry, "esds", _AUDIO_BYTES).full()
    _descriptor(fields, 3, entry)
    fields.take(2)
    flags = fields.unsigned(1)
    fields.take(2 * (flags >> 7 & 1))
    fields.take(fields.unsigned(1) if flags & 0x40 else 0)
    fields.take(2 * (flags >> 5 & 1))
    _descriptor(fields, 4, entry)
    coding = fields.unsigned(1)
    if coding != 0x40:
        return f"mp4a.{coding:02X}"
    fields.take(12)
    _descriptor(fields, 5, entry)
    first = fields.unsigned(1)
    kind = first >> 3
    if kind == 31:
        kind = 32 + ((first & 7) << 3 | fields.unsigned(1) >> 5)
    return f"mp4a.40.{kind}"


def _descriptor(fields: Fields, tag: int, entry: Box) -> None:
    """Step into a descriptor: its tag, and a length of up to four bytes."""
    found = fields.unsigned(1)
    if found != tag:
        raise entry.bad(f"has descriptor {found} where {tag} belongs")
    for _ in range(4):
        if not fields.unsigned(1) & 0x80:
            return


def _opus(entry: Box) -> str:
    only(entry, "dOps", _AUDIO_BYTES)
    return "opus"


def _vvc(entry: Box) -> str:
    """Profile, tier and level, and the constraint flags in base 32, where the record has them."""
    _, _, fields = only(entry, "vvcC", _VISUAL_BYTES).full()
    if not fields.unsigned(1) & 1:
        raise entry.bad("has a 'vvcC' without profile, tier and level")
    fields.take(3)
    flags_bytes = fields.unsigned(1) & 63
    profile, level = fields.unsigned(1), fields.unsigned(1)
    name = f"{entry.kind}.{profile >> 1}.{'LH'[profile & 1]}{level}"
    flags = fields.take(flags_bytes).rstrip(b"\0")
    return f"{name}.C{b32encode(flags).decode().rstrip('=')}" if flags else name


def _itself(entry: Box) -> str:
    return entry.kind


_VIDEO: dict[str, Callable[[Box], str]] = {
    "avc1": _avc,
    "avc3": _avc,
    "hvc1": _hevc,
    "hev1": _hevc,
    "av01": _av1,
    "vp09": _vp9,
    "vvc1": _vvc,
}
_AUDIO: dict[str, Callable[[Box], str]] = {
    "mp4a": _mp4a,
    "Opus": _opus,
    "fLaC": _itself,
    "ac-3": _itself,
    "ec-3": _itself,
}
