"""What colour numbers mean (ITU-T H.273), and which kind of HDR they make."""

import struct
from collections.abc import Sequence

from bijou.catalog import Colour, ContentLight, MasteringDisplay
from bijou.encoding.probe_child import PictureFacts

PQ, HLG = 16, 18

PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100",
    10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12",
    16: "smpte2084", 17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
MATRICES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp",
}  # fmt: skip
LEVELS = {1: "limited", 2: "full"}

# AVMasteringDisplayMetadata: ten fractions, then whether there are primaries, and luminances.
_MASTERING = struct.Struct("=20iii")
_LIGHT = struct.Struct("=II")
_MOST_NITS = 1_000_000


def colour_of(picture: PictureFacts) -> Colour | None:
    """Return what is said of a picture's colours, or None where nothing is."""
    colour = Colour(
        primaries=PRIMARIES.get(picture.primaries, ""),
        transfer=TRANSFERS.get(picture.transfer, ""),
        matrix=MATRICES.get(picture.matrix, ""),
        levels=LEVELS.get(picture.colour_range, ""),
        mastering=mastering_of(picture.mastering),
        light=light_of(picture.light),
    )
    return None if colour == Colour() else colour


def hdr_format(picture: PictureFacts) -> str:
    """Return the name that is on the box: see `VideoTrack.hdr_format`."""
    if picture.dolby_vision:
        return "Dolby Vision"
    if picture.transfer == HLG:
        return "HLG"
    if picture.transfer != PQ:
        return ""
    if picture.dynamic_hdr:
        return "HDR10+"
    graded = mastering_of(picture.mastering) or light_of(picture.light)
    return "HDR10" if graded and PRIMARIES.get(picture.primaries) == "bt2020" else "PQ"


def mastering_of(content: bytes) -> MasteringDisplay | None:
    """Read FFmpeg's structure of a mastering display; None where it says nothing sane."""
    if len(content) < _MASTERING.size:
        return None
    *parts, has_primaries, has_luminance = _MASTERING.unpack_from(content)
    values = [over / under if under else 0.0 for over, under in zip(parts[::2], parts[1::2], strict=True)]
    red, green, blue, white = ([round(value, 5) for value in values[at : at + 2]] for at in (0, 2, 4, 6))
    low, high = values[8:10]
    if not has_primaries or not _on_the_chart(values[:8]):
        red = green = blue = white = []
    if not has_luminance or not 0 <= low < high <= _MOST_NITS:
        low = high = 0.0
    found = MasteringDisplay(red, green, blue, white, round(low, 5), round(high, 3))
    return None if found == MasteringDisplay() else found


def light_of(content: bytes) -> ContentLight | None:
    """Read FFmpeg's structure of content light levels; None where it says nothing sane."""
    if len(content) < _LIGHT.size:
        return None
    brightest, average = _LIGHT.unpack_from(content)
    sane = 0 < max(brightest, average) <= _MOST_NITS
    return ContentLight(brightest, average) if sane else None


def _on_the_chart(chromaticities: Sequence[float]) -> bool:
    return any(chromaticities) and all(0 <= value <= 1 for value in chromaticities)
