"""Objects as files of one folder: whole or not there, each with what it is and a digest of its bytes."""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from bijou.delivery.cached import Cached
from bijou.delivery.model import Representation
from bijou.ports import Instant

MAGIC: Final = b"bijou-edge-1\n"

_HEAD_BYTES: Final = 4096
_DIGEST_BYTES: Final = 16


class Kept(msgspec.Struct, frozen=True):
    """The head of a file: whose bytes follow, and what they must be."""

    path: str
    size_bytes: int
    etag: str
    modified_at: int | None
    filled_at: int
    digest: str

    @property
    def representation(self) -> Representation:
        """What is sent of it."""
        modified = None if self.modified_at is None else Instant(self.modified_at)
        return Representation(self.path, self.size_bytes, self.etag, modified)


class ObjectFiles:
    """Writes, reads and finds objects in a folder.

    A file is written beside its place and renamed into it, so a killed process
    leaves no half one; a digest finds what the disk itself broke.

    Threads: any, one writer of an object at a time.

    Args:
        folder: Made where it is not there, by `scan`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scan(self) -> list[Kept]:
        """Return what an earlier process has kept, and remove what is none of it, or cut."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = []
        for file in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            kept = None if file.suffix else _read_head(file)
            if kept is None or self._file(kept.path) != file:
                file.unlink(missing_ok=True)
            else:
                found.append(kept)
        return found

    def write(self, cached: Cached) -> Kept:
        """Write an object; return its head.

        Raises:
            OSError: it could not be written, and nothing of it is left.
        """
        what = cached.representation
        modified = None if what.modified_at is None else int(what.modified_at)
        filled_at, digest = int(cached.filled_at), _digest(cached.body)
        kept = Kept(what.path, what.size_bytes, what.etag, modified, filled_at, digest)
        head = msgspec.json.encode(kept)
        file = self._file(what.path)
        file.parent.mkdir(exist_ok=True, mode=0o700)
        draft = file.with_suffix(".new")
        try:
            with draft.open("wb") as out:
                out.write(MAGIC + len(head).to_bytes(4, "big") + head)
                out.write(cached.body)
            draft.replace(file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return kept

    def read(self, kept: Kept) -> bytes | None:
        """Return an object's bytes; None where they are not as they were written."""
        try:
            content = self._file(kept.path).read_bytes()
        except OSError:
            return None
        body = content[len(content) - kept.size_bytes :]
        return body if len(body) == kept.size_bytes and _digest(body) == kept.digest else None

    def remove(self, paths: Iterable[str]) -> None:
        """Remove objects; nothing happens where there is none."""
        for path in paths:
            with contextlib.suppress(OSError):
                self._file(path).unlink()

    def _file(self, path: str) -> Path:
        name = _digest(path.encode())
        return self.folder / name[:2] / name[2:]


def _digest(content: bytes | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _read_head(file: Path) -> Kept | None:
    """Return the head of a whole file; None where it is none of ours, or cut."""
    try:
        with file.open("rb") as opened:
            start = opened.read(_HEAD_BYTES)
            size = os.fstat(opened.fileno()).st_size
    except OSError:
        return None
    at = len(MAGIC) + 4
    length = int.from_bytes(start[len(MAGIC) : at], "big")
    if not start.startswith(MAGIC) or len(start) < at + length:
        return None
    try:
        kept = msgspec.json.decode(start[at : at + length], type=Kept)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return kept if size == at + length + kept.size_bytes else None
