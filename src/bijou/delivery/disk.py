"""Objects on disk, below those in memory: what made room there waits here, and survives a restart."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from bijou.algorithms.caches import Cache, Reason
from bijou.delivery.cached import Cached
from bijou.delivery.model import Representation
from bijou.delivery.store import OVERHEAD_BYTES
from bijou.ports import Instant
from bijou.runtime.logs import get_logger

MAGIC: Final = b"bijou-edge-1\n"
BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Most bytes that wait to be written; what leaves memory beyond them is not kept."""

_HEAD_BYTES: Final = 4096
_DIGEST_BYTES: Final = 16

_log = get_logger()


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


class Disk:
    """Files of objects in one folder, bounded by bytes, S3-FIFO among them.

    A file is written beside its place and renamed into it, so a killed process
    leaves no half one; a digest finds what the disk itself broke.

    Threads: one event loop; files are read and written by threads, one writer.

    Args:
        folder: Of this edge alone; made where it is not there.
        capacity_bytes: Of files, >= 1.
    """

    def __init__(self, folder: Path, capacity_bytes: int) -> None:
        self.writes = self.skipped = self.damaged = 0
        self._folder = folder
        self._index: Cache[str, Kept] = Cache(capacity_bytes, weigher=_cost, on_leave=self._left)
        self._waiting: asyncio.Queue[Cached] = asyncio.Queue()
        self._waiting_bytes = 0
        self._leaving: list[Path] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def used_bytes(self) -> int:
        """What files take now."""
        return self._index.weight

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, path: str) -> bool:
        return path in self._index

    async def open(self) -> None:
        """Find what an earlier process has kept, and start writing."""
        for kept in await asyncio.to_thread(self._scan):
            self._index.put(kept.path, kept)
        await asyncio.to_thread(_remove, self._take_leaving())
        self._writer = asyncio.get_running_loop().create_task(self._write_all())

    def keep(self, cached: Cached) -> None:
        """Write an object soon, unless it is here or too much waits already."""
        path, size = cached.representation.path, cached.size_bytes
        if path in self._index:
            return
        if self._waiting_bytes + size > BACKLOG_BYTES or size + OVERHEAD_BYTES > self._index.capacity:
            self.skipped += 1
            return
        self._waiting_bytes += size
        self._waiting.put_nowait(cached)

    async def read(self, path: str) -> tuple[Kept, bytes] | None:
        """Return an object, or None where it is not here or not whole."""
        kept = self._index.get(path)
        if kept is None:
            return None
        body = await asyncio.to_thread(_read, self._file(path), kept)
        if body is None:
            if self._index.get(path) is not kept:  # it made room while it was read
                return None
            self.damaged += 1
            self._index.remove(path)
            _log.warning("edge.disk_damaged", path=path)
            return None
        return kept, body

    async def close(self) -> None:
        """Stop writing; what waits is not kept."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    async def written(self) -> None:
        """Return when all that waited has been written."""
        await self._waiting.join()

    async def _write_all(self) -> None:
        while True:
            cached = await self._waiting.get()
            try:
                await self._write(cached)
            finally:
                self._waiting_bytes -= cached.size_bytes
                self._waiting.task_done()

    async def _write(self, cached: Cached) -> None:
        what = cached.representation
        modified = None if what.modified_at is None else int(what.modified_at)
        kept = Kept(what.path, what.size_bytes, what.etag, modified, int(cached.filled_at), digest="")
        await asyncio.to_thread(_remove, self._take_leaving())
        try:
            kept = await asyncio.to_thread(_write, self._file(what.path), kept, cached.body)
        except OSError as error:
            self.skipped += 1
            _log.warning("edge.disk_write_failed", path=what.path, why=error.strerror)
            return
        self.writes += 1
        if not self._index.put(what.path, kept):
            self._leaving.append(self._file(what.path))
        await asyncio.to_thread(_remove, self._take_leaving())

    def _left(self, path: str, _kept: Kept, reason: Reason) -> None:
        if reason is not Reason.REPLACED:
            self._leaving.append(self._file(path))

    def _take_leaving(self) -> list[Path]:
        leaving, self._leaving = self._leaving, []
        return leaving

    def _file(self, path: str) -> Path:
        name = _digest(path.encode())
        return self._folder / name[:2] / name[2:]

    def _scan(self) -> list[Kept]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = []
        for file in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            kept = None if file.suffix else _read_head(file)
            if kept is None or self._file(kept.path) != file:
                file.unlink(missing_ok=True)
            else:
                found.append(kept)
        return found


def _cost(_path: str, kept: Kept) -> int:
    return kept.size_bytes + OVERHEAD_BYTES


def _digest(content: bytes | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _write(file: Path, kept: Kept, body: memoryview) -> Kept:
    kept = msgspec.structs.replace(kept, digest=_digest(body))
    head = msgspec.json.encode(kept)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    draft = file.with_suffix(".new")
    try:
        with draft.open("wb") as out:
            out.write(MAGIC + len(head).to_bytes(4, "big") + head)
            out.write(body)
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return kept


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


def _read(file: Path, kept: Kept) -> bytes | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    body = content[len(content) - kept.size_bytes :]
    return body if len(body) == kept.size_bytes and _digest(body) == kept.digest else None


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
