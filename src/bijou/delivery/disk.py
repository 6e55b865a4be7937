"""Objects on disk, below those in memory: what made room there waits here, and survives a restart."""

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from bijou.algorithms.caches import Cache, Reason
from bijou.delivery.cached import Cached
from bijou.delivery.object_files import Kept, ObjectFiles
from bijou.delivery.store import OVERHEAD_BYTES
from bijou.runtime.logs import get_logger

BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Most bytes that wait to be written; what leaves memory beyond them is not kept."""

_log = get_logger()


class Disk:
    """Files of objects in one folder, bounded by bytes, S3-FIFO among them.

    Threads: one event loop; files are read and written by threads, one writer.

    Args:
        folder: Of this edge alone; made where it is not there.
        capacity_bytes: Of files, >= 1.
    """

    def __init__(self, folder: Path, capacity_bytes: int) -> None:
        self.writes = self.skipped = self.damaged = 0
        self._files = ObjectFiles(folder)
        self._index: Cache[str, Kept] = Cache(capacity_bytes, weigher=_cost, on_leave=self._left)
        self._waiting: asyncio.Queue[Cached] = asyncio.Queue()
        self._waiting_bytes = 0
        self._leaving: list[str] = []
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
        for kept in await asyncio.to_thread(self._files.scan):
            self._index.put(kept.path, kept)
        await asyncio.to_thread(self._files.remove, self._take_leaving())
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
        body = await asyncio.to_thread(self._files.read, kept)
        if body is None:
            if self._index.get(path) is not kept:  # it made room while it was read
                return None
            self.damaged += 1
            self._index.remove(path)
            _log.warning("edge.disk_damaged", path=path)
            return None
        return kept, body

    def remove(self, path: str) -> None:
        """Forget an object, and remove its file before the next is written."""
        self._index.remove(path)

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
        path = cached.representation.path
        await asyncio.to_thread(self._files.remove, self._take_leaving())
        try:
            kept = await asyncio.to_thread(self._files.write, cached)
        except OSError as error:
            self.skipped += 1
            _log.warning("edge.disk_write_failed", path=path, why=error.strerror)
            return
        self.writes += 1
        if not self._index.put(path, kept):
            self._leaving.append(path)
        await asyncio.to_thread(self._files.remove, self._take_leaving())

    def _left(self, path: str, _kept: Kept, reason: Reason) -> None:
        if reason is not Reason.REPLACED:
            self._leaving.append(path)

    def _take_leaving(self) -> list[str]:
        leaving, self._leaving = self._leaving, []
        return leaving


def _cost(_path: str, kept: Kept) -> int:
    return kept.size_bytes + OVERHEAD_BYTES
