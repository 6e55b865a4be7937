"""The reading ends of children's pipes, which never make a child wait for us."""

import asyncio
from collections.abc import Callable, Sequence
from typing import IO

from bijou.ports import Clock
from bijou.runtime.race import first

LINE_BYTES = 64 * 1024
LAST_WORDS_BYTES = 4 * 1024


class PipeReader(asyncio.Protocol):
    """The reading end of one pipe; `ended` is done at its end."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.BaseTransport | None = None

    async def attach(self, pipe: IO[bytes] | None) -> None:
        """Read `pipe` from now on, and close it at its end."""
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, pipe)

    def close(self) -> None:
        """Read no more."""
        if self._transport:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """Mark the end."""
        if not self.ended.done():
            self.ended.set_result(None)


class Tail(PipeReader):
    """Keeps the end of what it reads, so that the child never waits for us."""

    def __init__(self) -> None:
        super().__init__()
        self._tail = bytearray()

    def data_received(self, data: bytes) -> None:
        """Forget what `data` pushes out."""
        self._tail += data
        del self._tail[:-LAST_WORDS_BYTES]

    def text(self) -> str:
        """Return the last 4 KiB at most."""
        return self._tail.decode(errors="replace")


class Lines(PipeReader):
    """Hands on whole lines, each cut at a bound; the first exception is the last line."""

    def __init__(self, on_line: Callable[[str], None], broken: "asyncio.Future[None]") -> None:
        super().__init__()
        self._on_line = on_line
        self._broken = broken
        self._line = bytearray()

    def data_received(self, data: bytes) -> None:
        """Hand on what is complete."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._gather(piece)
            self._hand_on()
        self._gather(rest)

    def connection_lost(self, error: Exception | None) -> None:
        """Hand on a last line that has no end."""
        if self._line:
            self._hand_on()
        super().connection_lost(error)

    def _gather(self, piece: bytes) -> None:
        self._line += piece[: LINE_BYTES - len(self._line)]

    def _hand_on(self) -> None:
        line = self._line.decode(errors="replace").removesuffix("\r")
        self._line.clear()
        if self._broken.done():
            return
        try:
            self._on_line(line)
        except Exception as error:  # noqa: BLE001 - the caller of run_child gets it
            self._broken.set_exception(error)


async def drain(readers: Sequence[PipeReader], clock: Clock, *, patience_s: float) -> None:
    """Read what a dead child's pipes still hold; an escaped grandchild may keep them open for ever."""
    patience = asyncio.ensure_future(clock.sleep(patience_s))
    while (unread := [reader.ended for reader in readers if not reader.ended.done()]) and not patience.done():
        await first(patience, *unread)
    patience.cancel()
