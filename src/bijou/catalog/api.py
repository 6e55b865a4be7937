"""What a title is, and what other rooms may ask of the catalogue."""

from typing import Protocol

import msgspec

from bijou.ports import Instant


class VideoTrack(msgspec.Struct, frozen=True):
    """One picture stream of an asset.

    Args:
        frame_rate: Frames a second as a fraction, such as `24000/1001`; the
            average where the rate varies.
        rotation_degrees: Clockwise turn that a player must apply: 0, 90, 180 or 270.
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


class AudioTrack(msgspec.Struct, frozen=True):
    """One sound stream of an asset."""

    codec: str
    sample_rate: int
    channels: int
    language: str = "und"


class MediaInfo(msgspec.Struct, frozen=True):
    """The facts of an uploaded file, found by looking at its packets."""

    container: str
    duration_s: float
    size_bytes: int
    video: list[VideoTrack] = []
    audio: list[AudioTrack] = []
    cuts_s: list[float] = []


class Rendition(msgspec.Struct, frozen=True):
    """One encoded rung, as published.

    Args:
        name: Unique in its asset and a path part, such as `v360` or `a128`.
        codecs: RFC 6381 string, such as `avc1.64001e`.
        bandwidth_bps: Peak over any segment.
        average_bps: Over the whole rendition.
        frame_rate: Frames a second; 0 for sound.
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


class Publication(msgspec.Struct, frozen=True):
    """What the encoder hands over when an asset can be watched.

    Args:
        base: The blob prefix under which everything lies: `media/ast_…`.
        poster: Blob key of the still picture, or empty.
    """

    asset: str
    base: str
    media: MediaInfo
    renditions: list[Rendition]
    hls: str
    dash: str
    poster: str = ""
    sprite: str = ""


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
