"""What a title is, and what other rooms may ask of the catalogue."""

from typing import Protocol

import msgspec

from bijou.ports import Instant


class MasteringDisplay(msgspec.Struct, frozen=True):
    """The screen that a film was graded on (SMPTE ST 2086).

    Args:
        red, green, blue, white: x and y of CIE 1931; empty where not given.
        min_nits, max_nits: Candela a square metre; both 0 where not given.
    """

    red: list[float] = []
    green: list[float] = []
    blue: list[float] = []
    white: list[float] = []
    min_nits: float = 0.0
    max_nits: float = 0.0


class ContentLight(msgspec.Struct, frozen=True):
    """How bright a film gets (CTA-861.3).

    Args:
        max_nits: Its brightest pixel, MaxCLL.
        max_average_nits: Its brightest frame on average, MaxFALL.
    """

    max_nits: int
    max_average_nits: int


class Colour(msgspec.Struct, frozen=True):
    """What the numbers of a picture mean, in FFmpeg's names; empty where nothing is said.

    Args:
        primaries: Such as `bt709` or `bt2020`.
        transfer: Such as `bt709`, `smpte2084` (PQ) or `arib-std-b67` (HLG).
        matrix: Such as `bt709` or `bt2020nc`.
        levels: `limited` or `full`.
    """

    primaries: str = ""
    transfer: str = ""
    matrix: str = ""
    levels: str = ""
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None


class VideoTrack(msgspec.Struct, frozen=True):
    """One picture stream of an asset.

    Args:
        frame_rate: Frames a second as a fraction, such as `24000/1001`; the
            average where the rate varies.
        rotation_degrees: Clockwise turn that a player must apply: 0, 90, 180 or 270.
        hdr_format: `HDR10`, `HDR10+`, `HLG`, `PQ` (without its screen) or
            `Dolby Vision`; empty for standard range.
        key_frames: How many frames can be decoded by themselves.
        resized: Whether its size changes on the way; `width` and `height` are
            the first ones.
    """

    codec: str
    width: int
    height: int
    frame_rate: str
    frames: int
    variable_frame_rate: bool = False
    rotation_degrees: int = 0
    pixel_format: str = ""
    hdr: bool = False
    interlaced: bool = False
    colour: Colour | None = None
    hdr_format: str = ""
    bit_depth: int = 0
    key_frames: int = 0
    resized: bool = False


class Loudness(msgspec.Struct, frozen=True):
    """How loud a sound stream is over its whole length (EBU R 128).

    Args:
        integrated_lufs: -70, the measure's floor, for silence.
        range_lu: Between quiet and loud passages.
        true_peak_dbtp: Between samples; at least -120.
    """

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float


class AudioTrack(msgspec.Struct, frozen=True):
    """One sound stream of an asset.

    Args:
        title: What the file calls it, such as `Director's commentary`.
        loudness: None until somebody has measured it.
    """

    codec: str
    sample_rate: int
    channels: int
    language: str = "und"
    title: str = ""
    loudness: Loudness | None = None


class CaptionTrack(msgspec.Struct, frozen=True):
    """One caption stream inside an asset's file.

    Args:
        codec: FFmpeg's name, such as `subrip`, `mov_text` or `eia_608`, which
            is hidden in the picture.
        text: Whether its cues are text; otherwise they are pictures.
        forced: Only for what is foreign in the film.
    """

    codec: str
    language: str = "und"
    title: str = ""
    text: bool = True
    forced: bool = False
    hearing_impaired: bool = False


class Chapter(msgspec.Struct, frozen=True):
    """A named stretch of a film, in seconds from its first frame."""

    start_s: float
    end_s: float
    title: str = ""


class MediaInfo(msgspec.Struct, frozen=True):
    """The facts of an uploaded file, found by looking at its packets."""

    container: str
    duration_s: float
    size_bytes: int
    video: list[VideoTrack] = []
    audio: list[AudioTrack] = []
    cuts_s: list[float] = []
    captions: list[CaptionTrack] = []
    chapters: list[Chapter] = []


class Rendition(msgspec.Struct, frozen=True):
    """One encoded rung, as published.

    Args:
        name: Unique in its asset and a path part, such as `v360` or `a128`.
        codecs: RFC 6381 string, such as `avc1.64001e`.
        bandwidth_bps: Peak over any segment.
        average_bps: Over the whole rendition.
        frame_rate: Frames a second; 0 for sound.
        gain_db: By how much players should turn a sound up, or down where it
            is negative, so that all titles are equally loud.
    """

    name: str
    kind: str
    codecs: str
    bandwidth_bps: int
    average_bps: int
    size_bytes: int
    segments: int
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    language: str = ""
    gain_db: float = 0.0


class Publication(msgspec.Struct, frozen=True):
    """What the encoder hands over when an asset can be watched.

    Args:
        base: The blob prefix under which everything lies: `media/ast_…`.
        poster: Blob key of the still picture, or empty.
        posters: Of all pictures that it could be, the best first.
        complete: Whether all of it is there; if not, its lists still grow and
            are read anew each second.
        version: Which edition of the asset this is, from 1; a later one has
            more renditions, and all those of the earlier ones.
    """

    asset: str
    base: str
    media: MediaInfo
    renditions: list[Rendition]
    hls: str
    dash: str
    poster: str = ""
    sprite: str = ""
    posters: list[str] = []
    complete: bool = True
    version: int = 1


class NewTitle(msgspec.Struct, frozen=True):
    """What an editor says of a title.

    Args:
        name: 1 to 200 characters.
        row: The heading under which the home page shows it.
        accent: `#rrggbb`, the colour behind the title before its art is there.
    """

    name: str
    synopsis: str = ""
    row: str = "New here"
    year: int = 0
    accent: str = ""
    slug: str = ""


class Title(msgspec.Struct, frozen=True):
    """A published title: what the site shows and the player needs to know."""

    id: str
    slug: str
    name: str
    synopsis: str
    row: str
    year: int
    accent: str
    published_at: Instant
    publication: Publication


class TitleChange(msgspec.Struct, frozen=True):
    """What an editor changes of a title; None leaves a field as it is."""

    name: str | None = None
    synopsis: str | None = None
    row: str | None = None
    year: int | None = None
    accent: str | None = None


class Row(msgspec.Struct, frozen=True):
    """One row of the home page and why it is there."""

    heading: str
    titles: list[Title]


class Catalog(Protocol):
    """Titles that can be watched."""

    async def publish(self, new: NewTitle, publication: Publication) -> Title:
        """Make a title watchable; the same asset twice gives the same title.

        Raises:
            InvalidRequest: `catalog.bad_title`, the name is empty or too long.
        """
        ...

    async def republish(self, publication: Publication) -> Title:
        """Put a publication in place of an older one of the same asset.

        An older one than is there changes nothing: by its version, and what is
        complete is newer than what still arrives. A withdrawn title stays
        withdrawn.

        Raises:
            NotFound: `catalog.no_title`, nothing of this asset was published.
        """
        ...

    async def title(self, slug: str) -> Title:
        """Return one title by slug or id; NotFound `catalog.no_title`."""
        ...

    async def titles(self) -> list[Title]:
        """Return all titles, the newest first."""
        ...

    async def rows(self) -> list[Row]:
        """Return the home page."""
        ...

    async def change(self, slug: str, change: TitleChange) -> Title:
        """Edit a title's words."""
        ...

    async def withdraw(self, slug: str) -> None:
        """Take a title off the site; NotFound where there is none."""
        ...
