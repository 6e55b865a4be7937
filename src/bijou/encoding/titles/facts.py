"""What tasks of a title's graph find and make, as it travels in their results."""

import hashlib
from collections.abc import Iterable

from msgspec import Struct

from bijou.catalog import Loudness, MediaInfo
from bijou.encoding.audio_track import SoundSource
from bijou.encoding.chunks import Chunk, PictureSource
from bijou.encoding.hull import Choice
from bijou.encoding.ladder import Rung
from bijou.encoding.probe_child import CaptionFacts, SoundFacts
from bijou.packaging import FinalSegment, Format, Protection, Subtitles, TrackHead


class SoundTrack(Struct, frozen=True):
    """One rendition of sound that is to be made.

    Args:
        place: Of its stream among the film's sounds.
        label: What viewers are shown to choose it by.
    """

    source: SoundSource
    place: int
    label: str = ""


class Rendering(Struct, frozen=True):
    """What one recipe makes of a film: the rungs, the largest first, and the sounds."""

    recipe: str
    rungs: tuple[Rung, ...]
    sounds: tuple[SoundTrack, ...]


class FilmFacts(Struct, frozen=True):
    """What `inspect` has found; all later tasks rely on it, and none looks again.

    Args:
        media: All but the cuts and the loudness, which come later.
        picture: What chunk tasks must know.
        size: As a viewer sees it, in square pixels.
        start: When the first frame is shown, in seconds of the file, as two
            whole numbers.
        packets: How many pictures the file's packets promise.
        engine: Build of ffmpeg that all chunks are encoded with.
        streams: The sounds in the file.
        renderings: What is made, recipe by recipe.
    """

    media: MediaInfo
    picture: PictureSource
    size: tuple[int, int]
    start: tuple[int, int]
    packets: int
    engine: str
    captions: tuple[CaptionFacts, ...]
    streams: tuple[SoundFacts, ...]
    renderings: tuple[Rendering, ...]

    @property
    def rungs(self) -> list[Rung]:
        """All rungs, in the order in which players should prefer them."""
        return [rung for rendering in self.renderings for rung in rendering.rungs]

    @property
    def sounds(self) -> list[SoundTrack]:
        """All sounds, likewise."""
        return [sound for rendering in self.renderings for sound in rendering.sounds]


class HeadFacts(Struct, frozen=True):
    """What all segments of a rendition have in common.

    Args:
        sha256: Of the init segment.
    """

    sha256: str
    size_bytes: int
    timescale: int
    format: Format


class SegmentFacts(Struct, frozen=True, array_like=True):
    """One final segment; times in ticks of presentation."""

    start: int
    duration: int
    size_bytes: int
    key_bytes: int
    sha256: str


class ChunkFacts(Struct, frozen=True):
    """One chunk at one rendition, final.

    Args:
        cpu_s, wall_s: What the encode has cost.
        crfs: Rate factor of each shot; empty for the rung's own.
    """

    rung: str
    chunk: int
    head: HeadFacts
    segments: tuple[SegmentFacts, ...]
    cpu_s: float
    wall_s: float
    crfs: tuple[float, ...] = ()


class SoundPart(Struct, frozen=True):
    """The next final segment of a sound track.

    Args:
        head: Told with the first one.
    """

    segment: SegmentFacts
    head: HeadFacts | None = None


class SoundEnd(Struct, frozen=True):
    """What is known of a sound track once all of it was heard.

    Args:
        segments: How many there are.
        gain_db: By how much players should turn it up.
        loudness: Of its stream in the source.
    """

    name: str
    segments: int
    gain_db: float
    loudness: Loudness | None = None


class PlanEnd(Struct, frozen=True):
    """What is known of a film's pictures once all of it was seen.

    Args:
        end: When it ends, by the film's clock.
        cuts_s: When each shot but the first begins.
        resized: Whether the picture's size changes on the way.
    """

    chunks: int
    frames: int
    end: int
    cuts_s: tuple[float, ...]
    resized: bool = False


class ChunkChoice(Struct, frozen=True):
    """What analysis has chosen for a chunk; committed before it is encoded.

    Args:
        crfs: Rate factor of each shot; empty for the rung's own.
        choice: How that came about, where analysis could be made.
    """

    crfs: tuple[float, ...]
    choice: Choice | None = None


class StillsMade(Struct, frozen=True):
    """Blob keys of the still pictures."""

    sprite: str
    posters: tuple[str, ...]


class CaptionsMade(Struct, frozen=True):
    """How playlists name the captions, relative to the folder of a version."""

    subtitles: tuple[Subtitles, ...]


class MadeRendition(Struct, frozen=True):
    """All facts of one rendition that playlists need.

    Args:
        rate: Frames a second, as two whole numbers; 0 for sound.
    """

    name: str
    head: HeadFacts
    segments: tuple[SegmentFacts, ...]
    rate: tuple[int, int]
    language: str = ""
    label: str = ""
    gain_db: float = 0.0


class Edition(Struct, frozen=True):
    """All facts of a published version: what a later one stands on.

    Args:
        chunks: The plan, whose boundaries all renditions share.
        protection: How its media is encrypted; None: not at all.
    """

    renditions: tuple[MadeRendition, ...]
    subtitles: tuple[Subtitles, ...]
    chunks: tuple[Chunk, ...]
    plan: PlanEnd
    facts: FilmFacts
    stills: StillsMade
    protection: Protection | None = None


def head_facts(head: TrackHead) -> HeadFacts:
    """Return what is told of an init segment."""
    return HeadFacts(head.sha256, len(head.init), head.timescale, head.format)


def segment_facts(segment: FinalSegment) -> SegmentFacts:
    """Return what is told of a segment."""
    return SegmentFacts(
        segment.start, segment.duration, segment.size_bytes, segment.key_bytes, segment.sha256
    )


def digest(parts: Iterable[str]) -> str:
    """Return the SHA-256 of texts, one a line: of digests, the digest of all."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
