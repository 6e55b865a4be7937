"""What goes into packaging and what comes out, as other rooms see it."""

from pathlib import Path

import msgspec

from bijou.packaging.formats import Kind


class TrackSource(msgspec.Struct, frozen=True):
    """One encoded rendition, waiting to be packaged.

    Args:
        name: Its folder: 1 to 64 of `a-z A-Z 0-9 . _ -`, not led by a dot;
            unique in a package.
        kind: `video` or `audio`; the file must agree.
        path: A fragmented MP4 with this one track.
        language: BCP 47, or `und` or empty where it is not known.
        label: What viewers are shown to choose a sound by; by default the
            language's own name.
    """

    name: str
    kind: Kind
    path: Path
    language: str = ""
    label: str = ""


class Subtitles(msgspec.Struct, frozen=True):
    """Subtitles that exist already, to be named where players begin.

    Args:
        name: What viewers are shown; unique in a title.
        playlist: Address of their media playlist, relative to `master.m3u8`.
        file: Address of all of them in one WebVTT file, relative to
            `manifest.mpd`; empty: DASH players are not told of them.
        forced: Only what is not understood otherwise: signs, a foreign tongue.
        hearing_impaired: Sounds and speakers are described too.
    """

    name: str
    language: str
    playlist: str
    file: str = ""
    forced: bool = False
    hearing_impaired: bool = False


class PackagedTrack(msgspec.Struct, frozen=True):
    """What became of one track.

    Args:
        codecs: RFC 6381 string, such as `avc1.64001e`.
        bandwidth_bps: Peak over any segment, boxes included.
        average_bps: Over all segments.
        size_bytes: Init segment and all segments.
        segments: How many there are; the init segment is not counted.
        frame_rate: Frames a second; 0 for sound.
        duration_s: How long it is shown or heard.
    """

    name: str
    kind: Kind
    codecs: str
    bandwidth_bps: int
    average_bps: int
    size_bytes: int
    segments: int
    width: int
    height: int
    frame_rate: float
    language: str
    duration_s: float


class Package(msgspec.Struct, frozen=True):
    """A folder that HLS and DASH players can be pointed at.

    Args:
        hls: Path of the multivariant playlist in that folder.
        dash: Path of the manifest in that folder.
    """

    tracks: list[PackagedTrack]
    hls: str = "master.m3u8"
    dash: str = "manifest.mpd"
