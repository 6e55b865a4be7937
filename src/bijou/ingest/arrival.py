"""One file's bytes on their way in: all of them or none."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from bijou.ports import Clock, Conflict, EngineUnavailable, InvalidRequest

SILENCE_S = 60.0
_WRITE_BYTES = 1 << 20


class Arrival:
    """Takes announced bytes into a file, and their SHA-256 on the way.

    Bytes are gathered and written off the event loop, so memory is bounded by
    one piece of content and a MiB. A slow sender is waited for; one that is
    silent for `SILENCE_S` is dropped. Whatever goes wrong, no file is left.

    Threads: one event loop.

    Args:
        part: The file to make; its folder exists.
        size_bytes: What was announced, > 0.
    """

    def __init__(self, part: Path, size_bytes: int, clock: Clock) -> None:
        self.received_bytes = 0
        self._part = part
        self._size_bytes = size_bytes
        self._clock = clock
        self._heard_ns = clock.monotonic_ns()
        self._abandoned = asyncio.Event()

    @property
    def missing_bytes(self) -> int:
        """How many bytes are still to come."""
        return self._size_bytes - self.received_bytes

    def abandon(self) -> None:
        """Make `take` stop with a Conflict, `ingest.abandoned`."""
        self._abandoned.set()

    async def take(self, content: AsyncIterator[bytes]) -> str:
        """Return the SHA-256 of what is now in the file.

        Raises:
            InvalidRequest: `ingest.wrong_size`, `ingest.silent`.
            Conflict: `ingest.abandoned`.
            EngineUnavailable: `ingest.disk_full`.
        """
        writing = asyncio.create_task(self._write(content))
        silent = asyncio.create_task(self._silence())
        abandoned = asyncio.create_task(self._abandoned.wait())
        tasks: list[asyncio.Task[Any]] = [writing, silent, abandoned]
        complete = False
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            sha256 = writing.result() if writing.done() else self._refuse()
            complete = True
        finally:
            await _end(tasks)
            if not complete:
                self._part.unlink(missing_ok=True)
        return sha256

    async def _write(self, content: AsyncIterator[bytes]) -> str:
        digest = hashlib.sha256()
        gathered = bytearray()
        try:
            with self._part.open("wb", buffering=0) as file:
                async for piece in content:
                    self._count(piece)
                    gathered += piece
                    if len(gathered) >= _WRITE_BYTES:
                        await _uncut(_append, file, digest.update, bytes(gathered))
                        gathered.clear()
                if self.missing_bytes:
                    raise self._wrong_size(f"{self.received_bytes} came")
                await _uncut(_append, file, digest.update, bytes(gathered))
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise EngineUnavailable(
                "ingest.disk_full", "the volume ran full while the file came; nothing was kept"
            ) from error
        return digest.hexdigest()

    def _count(self, piece: bytes) -> None:
        self._heard_ns = self._clock.monotonic_ns()
        self.received_bytes += len(piece)
        if self.missing_bytes < 0:
            raise self._wrong_size("more came")

    async def _silence(self) -> None:
        """Return when nothing has come for `SILENCE_S`."""
        while (quiet_s := (self._clock.monotonic_ns() - self._heard_ns) / 1e9) < SILENCE_S:
            await self._clock.sleep(SILENCE_S - quiet_s)

    def _refuse(self) -> NoReturn:
        if self._abandoned.is_set():
            raise Conflict("ingest.abandoned", "the upload was abandoned while it was being received")
        raise InvalidRequest(
            "ingest.silent", f"nothing came for {SILENCE_S:.0f} s; the upload was dropped, send it again"
        )

    def _wrong_size(self, found: str) -> InvalidRequest:
        return InvalidRequest(
            "ingest.wrong_size", f"{self._size_bytes} bytes were announced and {found}; nothing was kept"
        )


def _append(file: BinaryIO, digest: Callable[[bytes], None], content: bytes) -> None:
    view = memoryview(content)
    while view:  # an unbuffered write may be a short one
        view = view[file.write(view) :]
    digest(content)


async def _uncut(work: Callable[..., None], *args: Any) -> None:
    """Run in a thread, and when cancelled end only after the thread did."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *args)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
