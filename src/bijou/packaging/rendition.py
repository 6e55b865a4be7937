"""One packaged rendition: the facts that playlists and manifests are made of."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from bijou.packaging.api import PackagedTrack
from bijou.packaging.formats import Format

INIT_SEGMENT = "init.mp4"
MEDIA_PLAYLIST = "playlist.m3u8"
IFRAME_PLAYLIST = "iframes.m3u8"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment as published; times in ticks of presentation.

    Args:
        key_bytes: From its start to the end of its first sample.
        name: Its address relative to its playlist and to the manifest; empty
            where its number tells it, as `segment_name` does.
    """

    start: int
    duration: int
    size_bytes: int
    key_bytes: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rendition and its segments; there is at least one.

    Args:
        language: BCP 47, or empty.
        timescale: Ticks a second.
        frame_rate: Frames, or packets of sound, a second.
        label: What viewers are shown to choose a sound by, or empty.
        init_name: Address of the init segment; of a rendition whose segments
            have names, relative to the manifest too.
        playlist: Address of its media playlist, relative to the multivariant
            one; empty: in a folder that is named as the rendition is.
        iframes: The same, of the playlist of its key frames.
    """

    name: str
    language: str
    format: Format
    timescale: int
    frame_rate: Fraction
    init_bytes: int
    segments: tuple[Segment, ...]
    label: str = ""
    init_name: str = INIT_SEGMENT
    playlist: str = ""
    iframes: str = ""

    @property
    def media_uri(self) -> str:
        """Where the multivariant playlist finds its media playlist."""
        return self.playlist or f"{self.name}/{MEDIA_PLAYLIST}"

    @property
    def iframes_uri(self) -> str:
        """Where the multivariant playlist finds the one of its key frames."""
        return self.iframes or f"{self.name}/{IFRAME_PLAYLIST}"

    @property
    def bandwidth_bps(self) -> int:
        """The bit rate of the segment that has the highest."""
        return max(self._bps(segment.size_bytes, segment.duration) for segment in self.segments)

    @property
    def average_bps(self) -> int:
        """The bit rate over all segments."""
        return self._bps(
            sum(segment.size_bytes for segment in self.segments), self.end - self.segments[0].start
        )

    @property
    def keys_bps(self) -> int:
        """The highest bit rate of key frames alone, played at normal speed."""
        return max(self._bps(segment.key_bytes, segment.duration) for segment in self.segments)

    @property
    def end(self) -> int:
        """When the last segment ends, in ticks."""
        last = self.segments[-1]
        return last.start + last.duration

    @property
    def end_s(self) -> Fraction:
        """When the last segment ends, in seconds."""
        return Fraction(self.end, self.timescale)

    @property
    def longest_s(self) -> Fraction:
        """How long the longest segment lasts."""
        return Fraction(max(segment.duration for segment in self.segments), self.timescale)

    def starts_s(self) -> list[Fraction]:
        """Return when each segment begins."""
        return [Fraction(segment.start, self.timescale) for segment in self.segments]

    def packaged(self) -> PackagedTrack:
        """Return what other rooms are told."""
        return PackagedTrack(
            name=self.name,
            kind=self.format.kind,
            codecs=self.format.codecs,
            bandwidth_bps=self.bandwidth_bps,
            average_bps=self.average_bps,
            size_bytes=self.init_bytes + sum(segment.size_bytes for segment in self.segments),
            segments=len(self.segments),
            width=self.format.width,
            height=self.format.height,
            frame_rate=float(self.frame_rate) if self.format.kind == "video" else 0.0,
            language=self.language,
            duration_s=(self.end - self.segments[0].start) / self.timescale,
        )

    def _bps(self, size_bytes: int, ticks: int) -> int:
        return ceil(Fraction(size_bytes * 8 * self.timescale, ticks))


def segment_name(number: int) -> str:
    """Return the file name of the segment of that number, which counts from 1.

    Example:
        >>> segment_name(1)
        '00001.m4s'
    """
    return f"{number:05}.m4s"
