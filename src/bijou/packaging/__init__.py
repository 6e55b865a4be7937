"""Packaging: encoded tracks become CMAF segments, HLS playlists, a DASH manifest.

What this room is: boxes of the ISO base media format read strictly and
written compactly, one grid of cuts for all renditions, and the texts that
players begin with. The same segments serve HLS and DASH.

What it is not: it decodes and encodes nothing, chooses no grid and no ladder
(`encoding` does), encrypts nothing, and serves nothing. Only `package` and
what it calls touch the file system; all else is a pure function of what it
is handed.
"""

from bijou.packaging.api import Package, PackagedTrack, Subtitles, TrackSource
from bijou.packaging.dash import manifest
from bijou.packaging.folder import package
from bijou.packaging.formats import Format
from bijou.packaging.grid import LONGEST_SEGMENT_S, Cut, check_same_grid, cut
from bijou.packaging.hls import iframe_playlist, media_playlist, multivariant_playlist
from bijou.packaging.init_segment import TrackHeader, write_init_segment
from bijou.packaging.rendition import Rendition, Segment, segment_name
from bijou.packaging.samples import Samples
from bijou.packaging.track import SegmentSize, Track, read_track, write_segment

__all__ = [
    "LONGEST_SEGMENT_S",
    "Cut",
    "Format",
    "Package",
    "PackagedTrack",
    "Rendition",
    "Samples",
    "Segment",
    "SegmentSize",
    "Subtitles",
    "Track",
    "TrackHeader",
    "TrackSource",
    "check_same_grid",
    "cut",
    "iframe_playlist",
    "manifest",
    "media_playlist",
    "multivariant_playlist",
    "package",
    "read_track",
    "segment_name",
    "write_init_segment",
    "write_segment",
]
