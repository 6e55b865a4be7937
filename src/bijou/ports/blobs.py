"""Immutable named bytes: media, posters, playlists, uploaded files."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import msgspec

from bijou.ports.instant import Instant


class BlobInfo(msgspec.Struct, frozen=True):
    """What is known of a blob without reading it."""

    key: str
    size_bytes: int
    etag: str
    modified_at: Instant


class Blobs(Protocol):
    """A flat store of bytes by key; put-if-absent is the only promise to build on.

    A key is one to 512 characters of `A-Z a-z 0-9 . _ - /`, relative, with no
    empty or dotted part. Every method raises InvalidRequest `blobs.bad_key`
    for another one.
    """

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Store durably under a key that is free; a Path is moved or copied in.

        Raises:
            Conflict: `blobs.exists`, the key holds other bytes already.
            EngineUnavailable: `blobs.full`, no space; nothing is left behind.
        """
        ...

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        """Store durably in place of whatever the key held, atomically."""
        ...

    async def info(self, key: str) -> BlobInfo:
        """Describe a blob; NotFound `blobs.missing` where there is none."""
        ...

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes [start, stop) in pieces; NotFound on the first step."""
        ...

    async def fetch(self, key: str, destination: Path) -> None:
        """Make the blob a local file (a hard link where that is possible)."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield keys under `prefix`, in order."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a blob; no error where there is none."""
        ...
