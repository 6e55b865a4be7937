"""Delivery's nouns: a representation, and what a cache did for a request."""

import re
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import ClassVar, Final, Protocol

import msgspec

from bijou.ports import EngineUnavailable, Instant

PIECE_BYTES: Final = 256 * 1024
"""Longest piece of a body that is handed on at once."""

MEDIA_PREFIX: Final = "/media/"
HEALTH_PATH: Final = "/healthz"
ALLOWED_PATH: Final = "/allowed"
"""Before the path of media: tells whether the query's token allows it."""

LIVE_S: Final = 1.0
"""Seconds that a playlist which still grows may be kept; everything else is immutable."""

MISSING_S: Final = 2.0
"""Seconds that an absence is believed."""

SHOWN_TO_ALL: Final = r"^/media/[^/]+/stills/[^/]+$"
"""Where an asset's stills lie, and their index; all else, captions too, asks for a token."""

_CONTENT_TYPES: Final = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "mp4": "video/mp4",
    "m4s": "video/iso.segment",
    "jpg": "image/jpeg",
    "vtt": "text/vtt",
}
_STARTS: Final = ("/master.m3u8", "/master.signed.m3u8", "/master.steered.m3u8", "/manifest.mpd")
_MEDIA_PATH: Final = re.compile(r"/media(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_LIVE_PATH: Final = re.compile(r"/media/[^/]+/live/.+")
_SHOWN_TO_ALL: Final = re.compile(SHOWN_TO_ALL)
_KEY_CHARACTERS: Final = 512


class Verdict(StrEnum):
    """What an edge's cache did for a request.

    `HIT`: it was in memory. `DISK`: it was on disk. `STALE`: it was here, too old,
    and the origin failed. `REVALIDATED`: it was here, and the origin said that it
    still holds. `FILL`: this request began its fetch. `JOINED`: it waited on a
    fetch that another had begun. `PASS`: it was only handed on.
    """

    __hash__ = str.__hash__  # the enumeration's own costs a microsecond a request

    HIT = "hit"
    DISK = "disk"
    STALE = "stale"
    REVALIDATED = "revalidated"
    FILL = "fill"
    JOINED = "joined"
    PASS = "pass"  # noqa: S105 - a verdict, not a password


class Miss(StrEnum):
    """Why bytes had to come from elsewhere.

    `COLD`: never seen here. `CAPACITY`: it was here, and made room for others.
    `EXPIRED`: it was here, and may have changed. `HEALTH`: the viewer came
    because another edge failed it. `STEERING`: the viewer was sent here.
    `AHEAD`: nobody has asked for it yet; a plan did.
    """

    COLD = "cold"
    CAPACITY = "capacity"
    EXPIRED = "expired"
    HEALTH = "health"
    STEERING = "steering"
    AHEAD = "ahead"


class Representation(msgspec.Struct, frozen=True):
    """What can be sent of one blob.

    Args:
        path: `/media/…`, the blob's key after a slash.
        etag: Strong and quoted; empty where the origin gives none.
    """

    path: str
    size_bytes: int
    etag: str = ""
    modified_at: Instant | None = None


class Pieces(Protocol):
    """A body that comes in pieces; `aclose` is called once, read to its end or not."""

    def __aiter__(self) -> AsyncIterator[bytes | memoryview]: ...

    async def aclose(self) -> None:
        """Let go of whatever the body came from."""
        ...


class OriginFailed(EngineUnavailable):
    """The origin answered nothing usable."""

    status: ClassVar[int] = 502
    title: ClassVar[str] = "Bad gateway"


class OriginLate(EngineUnavailable):
    """The origin did not answer in time."""

    status: ClassVar[int] = 504
    title: ClassVar[str] = "Gateway timeout"


class BodyCut(Exception):
    """The source of a body ended before the body did: cut the connection."""


def content_type(path: str) -> str:
    """Return the media type that a file name's ending stands for."""
    return _CONTENT_TYPES.get(path.rpartition(".")[2], "application/octet-stream")


def is_live(path: str) -> bool:
    """Tell whether a path names a playlist that is replaced in place while its film arrives.

    Example:
        >>> [is_live(f"/media/ast_1/{path}") for path in ("live/v360.m3u8", "v1/v360.m3u8", "live")]
        [True, False, False]
    """
    return _LIVE_PATH.fullmatch(path) is not None


def is_media_path(path: str) -> bool:
    """Tell whether a path could name a published blob, by the rule of blob keys."""
    return len(path) <= _KEY_CHARACTERS + 1 and _MEDIA_PATH.fullmatch(path) is not None


def begins_a_session(path: str) -> bool:
    """Tell whether a player asks for this before it plays anything."""
    return path.endswith(_STARTS)


def is_shown_to_all(path: str) -> bool:
    """Tell whether pages show this before anybody pressed play: stills and their index."""
    return _SHOWN_TO_ALL.match(path) is not None
