"""One sender's bytes on their way into a file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from bijou.ingest.model import TooLarge
from bijou.ingest.parts import PartFile
from bijou.ports import Clock, Conflict, InvalidRequest

SILENCE_S = 60.0
KEEP_EVERY_S = 2.0
KEEP_EVERY_BYTES = 16 << 20
_WRITE_BYTES = 1 << 20

T = TypeVar("T")

Keep = Callable[[int], Awaitable[None]]


class Arrival:
    """Takes bytes into a file, and on the way promises those that are on disk.

    Bytes are gathered and written off the event loop, so memory is bounded by
    one piece of content and a MiB. A slow sender is waited for; one that is
    silent for `SILENCE_S` is dropped.

    Threads: one event loop.

    Args:
        file: Where they go.
        limit_bytes: Most that may come, >= 0.
        note: Called in a thread with every piece that was written.
        keep: Called every `KEEP_EVERY_BYTES`, `KEEP_EVERY_S` and at the end,
            whatever the end is, with how many bytes are on disk; what it raises
            ends the arrival. None promises nothing.
    """

    def __init__(
        self,
        file: PartFile,
        limit_bytes: int,
        clock: Clock,
        *,
        note: Callable[[bytes], None],
        keep: Keep | None,
    ) -> None:
        self.received_bytes = 0
        self._file = file
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._note = note
        self._keep = keep
        self._gathered = bytearray()
        self._written_bytes = 0
        self._kept_bytes = 0
        self._writing = asyncio.Lock()
        self._heard_ns = clock.monotonic_ns()
        self._abandoned = asyncio.Event()

    @property
    def missing_bytes(self) -> int:
        """How many bytes may still come."""
        return self._limit_bytes - self.received_bytes

    def abandon(self) -> None:
        """Make `take` stop with a Conflict, `ingest.abandoned`."""
        self._abandoned.set()

    async def take(self, content: AsyncIterator[bytes]) -> None:
        """Return when the content has ended and its bytes are on disk, and kept.

        Raises:
            InvalidRequest: `ingest.overrun`, `ingest.silent`.
            Conflict: `ingest.abandoned`.
            EngineUnavailable: `ingest.disk_full`.
        """
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._write(content)),
            asyncio.create_task(self._keep_now_and_then()),
            asyncio.create_task(self._silence()),
            asyncio.create_task(self._abandoned.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for writer in tasks[:2]:
                if writer.done():
                    writer.result()
            if not tasks[0].done():
                self._refuse()
        except BaseException:
            await _end(tasks)
            await uncut(self._rescue())
            raise
        await _end(tasks)
        await self._settle()

    async def _write(self, content: AsyncIterator[bytes]) -> None:
        async for piece in content:
            self._heard_ns = self._clock.monotonic_ns()
            self.received_bytes += len(piece)
            if self.missing_bytes < 0:
                raise TooLarge(
                    "ingest.overrun",
                    f"more came than the {self._limit_bytes} bytes that were missing; the file has changed",
                )
            self._gathered += piece
            if len(self._gathered) >= _WRITE_BYTES:
                async with self._writing:
                    await uncut(self._flush())
                    if self._written_bytes - self._kept_bytes >= KEEP_EVERY_BYTES:
                        await self._promise()

    async def _keep_now_and_then(self) -> None:
        while True:
            await self._clock.sleep(KEEP_EVERY_S)
            if self._keep and self.received_bytes > self._kept_bytes:
                async with self._writing:
                    await uncut(self._flush())
                    await self._promise()

    async def _settle(self) -> None:
        async with self._writing:
            await uncut(self._flush())
            if self._written_bytes > self._kept_bytes:
                await self._promise()

    async def _rescue(self) -> None:
        """Keep what can be kept of an arrival that broke off."""
        if self._keep is None or self._abandoned.is_set() or self.missing_bytes < 0:
            return
        try:
            await self._settle()
        except Exception:  # noqa: BLE001 - the first error is the one to tell
            return

    async def _flush(self) -> None:
        content = bytes(self._gathered)
        self._gathered.clear()
        await asyncio.to_thread(self._append, content)
        self._written_bytes += len(content)

    def _append(self, content: bytes) -> None:
        self._file.write(content)
        self._note(content)

    async def _promise(self) -> None:
        """Have on disk, and then keep, what is written; nobody is cut short in between."""

        async def promise(keep: Keep | None) -> None:
            await asyncio.to_thread(self._file.sync)
            if keep:
                await keep(self._written_bytes)
            self._kept_bytes = self._written_bytes

        await uncut(promise(self._keep))

    async def _silence(self) -> None:
        """Return when nothing has come for `SILENCE_S`."""
        while (quiet_s := (self._clock.monotonic_ns() - self._heard_ns) / 1e9) < SILENCE_S:
            await self._clock.sleep(SILENCE_S - quiet_s)

    def _refuse(self) -> NoReturn:
        if self._abandoned.is_set():
            raise abandoned()
        raise InvalidRequest(
            "ingest.silent", f"nothing came for {SILENCE_S:.0f} s; the connection was given up, send again"
        )


def abandoned() -> Conflict:
    """Return the error for bytes that nobody wants any more."""
    return Conflict("ingest.abandoned", "the upload was abandoned while it was being received")


async def uncut(work: Coroutine[Any, Any, T]) -> T:
    """Await, and when cancelled end only after the work did."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
