"""Packaging: encoded tracks become CMAF segments, HLS playlists, a DASH manifest.

What this room is: boxes of the ISO base media format read strictly and
written compactly, one grid of cuts for all renditions, and the texts that
players begin with. The same segments serve HLS and DASH.

What it is not: it decodes and encodes nothing, chooses no grid and no ladder
(`encoding` does), encrypts nothing, and serves nothing. Only `package`,
`read_rendition` and `protected_rendition` touch the file system; all else is a
pure function of what it is handed.
"""

from bijou.packaging.api import Package, PackagedTrack, Subtitles, TrackSource
from bijou.packaging.captions import MOST_CAPTION_BYTES, read_captions
from bijou.packaging.chunk import ChunkTimes, FinalSegment, TrackHead, chunk_segments
from bijou.packaging.cues import Captions, Cue
from bijou.packaging.dash import manifest
from bijou.packaging.folder import package
from bijou.packaging.formats import Format
from bijou.packaging.grid import LONGEST_SEGMENT_S, Cut, check_same_grid, cut
from bijou.packaging.growing import GrowingTrack, SoundCutter
from bijou.packaging.hls import growing_playlist, iframe_playlist, media_playlist, multivariant_playlist
from bijou.packaging.init_segment import TrackHeader, write_init_segment
from bijou.packaging.languages import language_name, language_tag
from bijou.packaging.protection import Protection, protected_rendition, undated
from bijou.packaging.reading import read_rendition
from bijou.packaging.rendition import INIT_SEGMENT, Rendition, Segment, segment_name
from bijou.packaging.samples import Samples
from bijou.packaging.segmented_captions import (
    WHOLE_CAPTIONS,
    caption_segment_name,
    caption_segments,
    captions_playlist,
)
from bijou.packaging.track import SegmentSize, Track, read_track, write_segment
from bijou.packaging.webvtt import write_webvtt

__all__ = [
    "INIT_SEGMENT",
    "LONGEST_SEGMENT_S",
    "MOST_CAPTION_BYTES",
    "WHOLE_CAPTIONS",
    "Captions",
    "ChunkTimes",
    "Cue",
    "Cut",
    "FinalSegment",
    "Format",
    "GrowingTrack",
    "Package",
    "PackagedTrack",
    "Protection",
    "Rendition",
    "Samples",
    "Segment",
    "SegmentSize",
    "SoundCutter",
    "Subtitles",
    "Track",
    "TrackHead",
    "TrackHeader",
    "TrackSource",
    "caption_segment_name",
    "caption_segments",
    "captions_playlist",
    "check_same_grid",
    "chunk_segments",
    "cut",
    "growing_playlist",
    "iframe_playlist",
    "language_name",
    "language_tag",
    "manifest",
    "media_playlist",
    "multivariant_playlist",
    "package",
    "protected_rendition",
    "read_captions",
    "read_rendition",
    "read_track",
    "segment_name",
    "undated",
    "write_init_segment",
    "write_segment",
    "write_webvtt",
]
