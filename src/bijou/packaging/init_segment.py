"""The movie header of a one-track fragmented MP4, read and written.

Source: ISO/IEC 14496-12, sections 8.2 to 8.8; ISO/IEC 23000-19 (CMAF), 7.3.1.
"""

from dataclasses import dataclass

from bijou.packaging.boxes import Box, Fields, box, children, full_box, maybe, only, u16, u32, u64
from bijou.packaging.formats import Format, Kind, read_format

_HANDLERS: dict[str, Kind] = {"vide": "video", "soun": "audio"}
MOST_EDIT_TICKS = 1 << 48
_GEOMETRY_BYTES = 60
_BRANDS = (b"iso6", b"cmfc", b"dash", b"mp41")
_UNITY_MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_EMPTY_TABLES = b"".join(
    (
        full_box("stts", 0, 0, u32(0)),
        full_box("stsc", 0, 0, u32(0)),
        full_box("stsz", 0, 0, u32(0, 0)),
        full_box("stco", 0, 0, u32(0)),
    )
)


@dataclass(frozen=True, slots=True)
class TrackHeader:
    """What an init segment says of its one track.

    Args:
        timescale: Ticks a second.
        movie_timescale: Ticks a second of `edit_duration`.
        language: ISO 639-2 packed into 15 bits, as in `mdhd`.
        geometry: The last 60 bytes of `tkhd`: layer, volume, matrix, size.
        sample_entry: The one box in `stsd`, as it is.
        media_time: What the edit list skips, in ticks: an AAC encoder's
            priming, or the delay that reordered frames cause.
        edit_duration: 0 means to the end.
    """

    track_id: int
    kind: Kind
    timescale: int
    movie_timescale: int
    language: int
    geometry: bytes
    sample_entry: bytes
    media_time: int = 0
    edit_duration: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for samples about which a fragment says nothing."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Movie:
    """A `moov`, read.

    Args:
        lead_in: Ticks by which an empty edit delays the track.
    """

    header: TrackHeader
    format: Format
    defaults: Defaults
    lead_in: int


def read_movie(moov: Box) -> Movie:
    """Read a `moov` that has one track and no samples of its own.

    Raises:
        InvalidRequest: `packaging.bad_mp4`, `packaging.unknown_codec`.
    """
    mvex = maybe(moov, "mvex")
    if mvex is None:
        raise moov.bad("has no 'mvex': the file is not fragmented")
    trak = only(moov, "trak")
    mdia = only(trak, "mdia")
    movie_timescale, _ = _timescale(only(moov, "mvhd"))
    timescale, language = _timescale(only(mdia, "mdhd"))
    kind = _kind(only(mdia, "hdlr"))
    entry = _sample_entry(only(only(mdia, "minf"), "stbl"))
    track_id, geometry = _track(only(trak, "tkhd"))
    empty, media_time, duration = _edits(trak)
    header = TrackHeader(
        track_id=track_id,
        kind=kind,
        timescale=timescale,
        movie_timescale=movie_timescale,
        language=language,
        geometry=geometry,
        sample_entry=box(entry.kind, entry.body),
        media_time=media_time,
        edit_duration=duration,
    )
    lead_in = (2 * empty * timescale + movie_timescale) // (2 * movie_timescale)
    return Movie(header, read_format(entry, kind), _defaults(mvex, track_id), lead_in)


def write_init_segment(header: TrackHeader) -> bytes:
    """Write `ftyp` and `moov` as a CMAF header; no dates, no encoder's name."""
    mvhd = full_box(
        "mvhd",
        0,
        0,
        u32(0, 0, header.movie_timescale, 0, 0x10000),
        u16(0x100),
        bytes(10),
        _UNITY_MATRIX,
        bytes(24),
        u32(header.track_id + 1),
    )
    tkhd = full_box("tkhd", 0, 7, u32(0, 0, header.track_id, 0, 0), header.geometry)
    mvex = box("mvex", full_box("trex", 0, 0, u32(header.track_id, 1, 0, 0, 0)))
    trak = box("trak", tkhd, _edit_list(header), _media(header))
    return box("ftyp", _BRANDS[0], u32(0), *_BRANDS) + box("moov", mvhd, trak, mvex)


def _versioned(head: Box) -> tuple[int, int, Fields]:
    """A full box whose dates and durations take 4 or 8 bytes: their width, flags, fields."""
    version, flags, fields = head.full()
    if version > 1:
        raise head.bad(f"is of version {version}; 0 and 1 are known")
    return (8 if version else 4), flags, fields


def _timescale(head: Box) -> tuple[int, int]:
    """`mvhd` and `mdhd` begin alike: dates, timescale, duration; then, in `mdhd`, the language."""
    width, _, fields = _versioned(head)
    fields.take(2 * width)
    timescale = fields.unsigned(4)
    fields.take(width)
    if not timescale:
        raise head.bad("has a timescale of 0; it must be 1 or more")
    return timescale, fields.unsigned(2) & 0x7FFF


def _kind(hdlr: Box) -> Kind:
    _, _, fields = hdlr.full()
    fields.take(4)
    handler = fields.take(4).decode("latin-1")
    if handler not in _HANDLERS:
        raise hdlr.bad(f"says the track is {handler!r}; 'vide' and 'soun' are packaged")
    return _HANDLERS[handler]


def _track(tkhd: Box) -> tuple[int, bytes]:
    width, _, fields = _versioned(tkhd)
    fields.take(2 * width)
    track_id = fields.unsigned(4)
    fields.take(4 + width)
    if not 0 < track_id < 0xFFFF_FFFF:
        raise tkhd.bad(f"has track id {track_id}; it must be 1 to 4294967294")
    return track_id, fields.take(_GEOMETRY_BYTES)


def _sample_entry(stbl: Box) -> Box:
    _, _, fields = only(stbl, "stsz").full()
    fields.take(4)
    held = fields.unsigned(4)
    if held:
        raise stbl.bad(f"holds {held} samples outside of fragments; there must be none")
    stsd = only(stbl, "stsd")
    entries = children(stsd, 8)
    entry, second = next(entries, None), next(entries, None)
    if entry is None or second is not None:
        raise stsd.bad("must hold exactly one sample entry")
    return entry


def _edits(trak: Box) -> tuple[int, int, int]:
    """An empty edit's duration, media time, and the edit's duration; zeros for no edit list."""
    edts = maybe(trak, "edts")
    elst = None if edts is None else maybe(edts, "elst")
    if elst is None:
        return 0, 0, 0
    width, _, fields = _versioned(elst)
    empty, count = 0, fields.unsigned(4)
    for index in range(count):
        duration, media_time, rate = fields.unsigned(width), fields.signed(width), fields.unsigned(4)
        if rate != 0x10000:
            raise elst.bad(f"plays at rate {rate / 0x10000:g}; CMAF allows 1")
        if media_time >= 0 and index == count - 1:
            return empty, _bounded(elst, media_time), _bounded(elst, duration)
        if media_time != -1 or index > 0:
            raise elst.bad(f"has {count} edits; one, behind at most one empty edit, is allowed")
        empty = _bounded(elst, duration)
    return empty, 0, 0


def _bounded(elst: Box, ticks: int) -> int:
    if ticks > MOST_EDIT_TICKS:
        raise elst.bad(f"moves the track by {ticks} ticks; at most {MOST_EDIT_TICKS} are allowed")
    return ticks


def _defaults(mvex: Box, track_id: int) -> Defaults:
    trex = only(mvex, "trex")
    _, _, fields = trex.full()
    named, _, duration, size, flags = (fields.unsigned(4) for _ in range(5))
    if named != track_id:
        raise trex.bad(f"speaks of track {named}; the only track is {track_id}")
    return Defaults(duration, size, flags)


def _edit_list(header: TrackHeader) -> bytes:
    if not header.media_time and not header.edit_duration:
        return b""
    long = max(header.media_time, header.edit_duration) > 0x7FFF_FFFF
    number = u64 if long else u32
    times = number(header.edit_duration, header.media_time)
    return box("edts", full_box("elst", int(long), 0, u32(1), times, u16(1, 0)))


def _media(header: TrackHeader) -> bytes:
    video = header.kind == "video"
    handler, name = (b"vide", b"video\0") if video else (b"soun", b"sound\0")
    mdhd = full_box("mdhd", 0, 0, u32(0, 0, header.timescale, 0), u16(header.language, 0))
    hdlr = full_box("hdlr", 0, 0, bytes(4), handler, bytes(12), name)
    head = full_box("vmhd", 0, 1, bytes(8)) if video else full_box("smhd", 0, 0, bytes(4))
    dinf = box("dinf", full_box("dref", 0, 0, u32(1), full_box("url ", 0, 1)))
    stsd = full_box("stsd", 0, 0, u32(1), header.sample_entry)
    return box("mdia", mdhd, hdlr, box("minf", head, dinf, box("stbl", stsd, _EMPTY_TABLES)))
