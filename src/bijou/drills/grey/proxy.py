"""A TCP proxy that does what it is told to the bytes between viewers and an edge."""

import asyncio
import contextlib
from random import Random
from types import TracebackType
from typing import Final, Self

from bijou.drills.grey.faults import RESET, Fault, Pace
from bijou.ports import Clock

_PIECE: Final = 65536
_ASKS: Final = (b"GET ", b"POST ", b"HEAD ", b"OPTIONS ")
_REFUSED: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LOOK_S: Final = 0.1


class Proxy:
    """Listens at one address, hands on to another, and spoils what its fault says.

    A piece that begins like a request is taken for one: viewers ask one thing at a time.

    Threads: one event loop.

    Args:
        listen: Host and port; port 0: any that is free.
        behind: Where the edge is.
    """

    def __init__(
        self, listen: tuple[str, int], behind: tuple[str, int], fault: Fault, *, clock: Clock, chance: Random
    ) -> None:
        self._listen, self._behind = listen, behind
        self._fault, self._begun_s = fault, 0.0
        self._clock, self._chance = clock, chance
        self._pace = Pace()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._handing: set[asyncio.Task[None]] = set()
        self._flapping: asyncio.Task[None] | None = None
        self.spoilt = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def turn(self, fault: Fault) -> None:
        """Do this from now on, to connections that are open already too."""
        self._fault, self._begun_s = fault, self._now_s()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._taken, *self._listen, limit=_PIECE)
        self._flapping = asyncio.create_task(self._cut_while_down())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._flapping is not None
        self._server.close()
        self._abort_all()
        tasks = [self._flapping, *self._handing]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._server.wait_closed()

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    def _is_up(self) -> bool:
        return self._fault.is_up(self._now_s() - self._begun_s)

    def _abort_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _cut_while_down(self) -> None:
        while True:
            if not self._is_up():
                self._abort_all()
            await self._clock.sleep(_LOOK_S)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handing.add(task)
        self._open.add(writer)
        try:
            if self._is_up():
                await self._joined(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._handing.discard(task)
            self._open.discard(writer)
            writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind = await asyncio.open_connection(*self._behind, limit=_PIECE)
        ways = [
            asyncio.ensure_future(self._asks(reader, behind, writer)),
            asyncio.ensure_future(self._answers(behind_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            behind.transport.abort()

    async def _asks(
        self, reader: asyncio.StreamReader, behind: asyncio.StreamWriter, viewer: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(_PIECE):
            spoilt = self._fault.spoils(self._chance) if piece.startswith(_ASKS) else ""
            if spoilt:
                self.spoilt += 1
                if spoilt != RESET:
                    viewer.write(_REFUSED)
                    with contextlib.suppress(OSError):
                        await viewer.drain()
                return
            await self._clock.sleep(self._fault.delay_s)
            behind.write(piece)
            await behind.drain()

    async def _answers(self, behind: asyncio.StreamReader, viewer: asyncio.StreamWriter) -> None:
        while piece := await behind.read(_PIECE):
            if self._fault.mute:
                continue
            waits_s = self._pace.waits_s(len(piece), self._fault.rate_bps, self._now_s())
            await self._clock.sleep(self._fault.delay_s + waits_s)
            viewer.write(piece)
            await viewer.drain()
