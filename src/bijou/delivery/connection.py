"""One client's connection: bytes to requests, answers to bytes, no faster than they are read."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, cast

from msgspec import structs

from bijou.delivery.answers import Answer
from bijou.delivery.model import BodyCut, Pieces
from bijou.delivery.wire import Refusal, Request, RequestReader
from bijou.runtime.logs import get_logger

if TYPE_CHECKING:
    from bijou.delivery.server import Server

HIGH_WATER_BYTES: Final = 256 * 1024
LOW_WATER_BYTES: Final = 64 * 1024
PUSH_BYTES: Final = 1024 * 1024
"""Longest part of a body in memory that is written at once.

uvloop keeps what waits uncopied; asyncio's own loop copies it. Parts of 256 KiB
cost 15 to 20 % more CPU for a 2 MB segment.
"""
HEAD_S: Final = 10.0
"""Seconds in which a request's head must be there, once it has begun."""
SLOW_AFTER_S: Final = 60.0
"""Seconds after which an answer must have gone out at `SLOW_BYTES_S` or more, or it ends."""
SLOW_BYTES_S: Final = 2048
"""No player watches anything at so little; who reads so slowly holds on to memory, not to a film."""
LINGER_S: Final = 2.0
"""Seconds that a refused peer's bytes are still taken, so that it reads why."""

_END: Final = b"\r\n"
_CLOSE: Final = b"Connection: close\r\n\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n\r\n"
_NOBODY: Final = Request("-", "-", {}, keep_alive=False)

_log = get_logger()


class Connection(asyncio.Protocol):
    """Answers requests one after another, in the order in which they came.

    For a slow reader wait at most 1 MiB of a body that is in memory, or 256 KiB
    and one piece of one that is coming; while they wait, nothing more is read
    from it or fetched for it.
    """

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._reader = RequestReader(server.posts)
        self._ready = server.ready
        self._now_ns = server.clock.monotonic_ns
        # How a request ends that needs no reading but for its target; empty while one is in progress.
        self._usual = b""
        self._transport: asyncio.Transport
        self._request: Request | None = None
        self._answer: Answer | None = None
        self._task: asyncio.Task[None] | None = None
        self._rest: memoryview | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._reading = self._writable = True
        self._closing = self._eof = self._surplus = self._waits = False
        self._sent_bytes = self._buffered_bytes = 0
        self._moved_ns = self._began_ns = server.clock.monotonic_ns()

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait in the transport for the peer to read."""
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving, or be one of too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES, low=LOW_WATER_BYTES)
        self._surplus = self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests."""
        if self._usual and data.endswith(self._usual) and self._again(data[: -len(self._usual)]):
            return
        self._usual = b""
        if self._closing:
            return
        began = not self._reader.pending
        self._reader.feed(data)
        if self._request is None and self._writable and not self._waits:
            self._waits = not self._server.turns.takes(self)
            if not self._waits:
                self._serve()
            if began and self._reader.pending:
                self._moved_ns = self._server.clock.monotonic_ns()
        elif self._reading:
            self._reading = False
            self._transport.pause_reading()
        if self._rests:
            self._usual = self._reader.usual

    def proceed(self) -> None:
        """Read on, where a crowd had to be waited for; what breaks here ends the connection."""
        self._waits = False
        if self._request is None and self._writable and not self._closing:
            try:
                self._serve()
            except Exception:
                self._transport.abort()
                raise

    @property
    def _rests(self) -> bool:
        return not (self._request or self._closing or self._reader.pending) and self._writable

    def _again(self, asked: bytes) -> bool:
        """Answer what lies ready; False where the request is to be read."""
        if self._ready is None:
            return False
        now_ns = self._now_ns()
        whole = self._ready(asked, now_ns)
        if whole is None:
            return False
        self._began_ns = self._moved_ns = now_ns
        self._sent_bytes = len(whole)
        self._transport.write(whole)
        return True

    def eof_received(self) -> bool:
        """Finish what is here already; nobody waits for what is not.

        A player that leaves looks the same as one that only says no more.
        """
        self.proceed()
        self._eof = True
        if self._task is not None:
            self._task.cancel()
            self._closing = True
        return not self._closing and (self._request is not None or not self._writable)

    def pause_writing(self) -> None:
        """Wait for the peer to read."""
        self._usual = b""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on where the peer was waited for."""
        self._writable = True
        self._moved_ns = self._server.clock.monotonic_ns()
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        if self._rest is not None:
            self._push()
        if self._request is None and not self._closing:
            self._serve()

    def connection_lost(self, _error: Exception | None) -> None:
        """Let go of everything."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        if self._request is not None:
            self._finished()
        self._rest = None
        self._server.closed(self)

    def expire(self, now_ns: int) -> None:
        """End the connection if its peer has kept it waiting for too long."""
        buffered = self._transport.get_write_buffer_size()
        if buffered and self._is_slow(now_ns, buffered):
            self._server.site.tally.slow += 1
            self._transport.abort()
            return
        if buffered != self._buffered_bytes:
            self._buffered_bytes = buffered
            self._moved_ns = now_ns
            return
        quiet_s = (now_ns - self._moved_ns) / 1e9
        idle_s = self._server.idle_s
        if self._closing:
            if quiet_s >= (idle_s if buffered else LINGER_S):
                self._transport.abort()
        elif buffered:
            if quiet_s >= idle_s:
                self._transport.abort()
        elif self._request is None:
            self._expire_reading(quiet_s, idle_s)

    def drain(self) -> None:
        """Close now if nothing is being answered; else with the end of the answer."""
        if self._request is None:
            self._closing = True
            self._transport.close()

    def abort(self) -> None:
        """Close at once and drop what was not sent."""
        self._transport.abort()

    def _is_slow(self, now_ns: int, buffered: int) -> bool:
        took_s = (now_ns - self._began_ns) / 1e9
        return took_s >= SLOW_AFTER_S and (self._sent_bytes - buffered) / took_s < SLOW_BYTES_S

    def _expire_reading(self, quiet_s: float, idle_s: float) -> None:
        if self._reader.pending and quiet_s >= min(HEAD_S, idle_s):
            rule = f"the request head was not there within {min(HEAD_S, idle_s):g} s"
            self._begin(Refusal("delivery.head_late", 408, rule))
        elif quiet_s >= (min(HEAD_S, idle_s) if self._surplus else idle_s):
            self._closing = True
            self._transport.close()

    def _serve(self) -> None:
        """Answer what can be answered now; read on when there is nothing left."""
        while self._request is None and self._writable and not self._closing:
            found = self._reader.next()
            if found is None:
                break
            self._begin(found)
        if self._closing or self._request is not None or not self._writable:
            return
        if self._eof:
            self._closing = True
            self._transport.close()
        elif not self._reading:
            self._reading = True
            self._transport.resume_reading()

    def _begin(self, found: Request | Refusal) -> None:
        server = self._server
        self._began_ns = server.clock.monotonic_ns()
        self._sent_bytes = 0
        if isinstance(found, Refusal):
            self._request = _NOBODY
            self._send(server.site.refused(found))
            return
        if server.wants_peer(found.path):
            found = structs.replace(found, peer=self._peer())
        self._request = found
        answer = server.turned_away(found) if self._surplus else server.site.at_once(found)
        if answer is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_later(found))
        else:
            self._send(answer)

    def _peer(self) -> str:
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else ""

    def _send(self, answer: Answer) -> None:
        """Send an answer whose body is here; the end of a long one is pushed as the peer reads."""
        head = self._open(answer)
        body = answer.body
        if not body:
            self._transport.write(head)
            self._finish()
            return
        if len(body) <= PUSH_BYTES:
            self._transport.writelines((head, body))
            self._sent_bytes = len(body)
            self._finish()
            return
        view = memoryview(body)
        self._transport.writelines((head, view[:PUSH_BYTES]))
        self._sent_bytes = PUSH_BYTES
        self._rest = view[PUSH_BYTES:]
        self._push()

    def _push(self) -> None:
        rest = self._rest
        while rest and self._writable:
            self._transport.write(rest[:PUSH_BYTES])
            self._sent_bytes += min(len(rest), PUSH_BYTES)
            rest = self._rest = rest[PUSH_BYTES:]
        if not rest:
            self._rest = None
            self._finish()

    async def _answer_later(self, request: Request) -> None:
        answer = await self._server.site.later(request)
        pieces = answer.pieces
        if pieces is None:
            self._send(answer)
        else:
            self._transport.write(self._open(answer))
            await self._stream(pieces, answer.size_bytes)
        self._task = None
        if self._request is None and not self._closing:
            self._serve()

    async def _stream(self, pieces: Pieces, size_bytes: int) -> None:
        """Send pieces as they come; a body that is not as long as its head said cuts the connection."""
        async with contextlib.aclosing(pieces):
            try:
                async for piece in pieces:
                    if not self._writable:
                        self._resumed = asyncio.get_running_loop().create_future()
                        await self._resumed
                    self._transport.write(piece[: size_bytes - self._sent_bytes])
                    self._sent_bytes = min(self._sent_bytes + len(piece), size_bytes)
            except BodyCut:
                pass
            except Exception:  # noqa: BLE001 - a half body must not pass for a whole one
                _log.exception("answer.crashed", path=self._request.path if self._request else "")
        if self._sent_bytes == size_bytes:
            self._finish()
        else:
            self._closing = True
            self._transport.close()

    def _open(self, answer: Answer) -> bytes:
        request = cast("Request", self._request)
        self._answer = answer
        answer.close = answer.close or not request.keep_alive or self._server.draining
        end = _CLOSE if answer.close else _KEEP if request.one_zero else _END
        return answer.head + end

    def _finish(self) -> None:
        answer = cast("Answer", self._answer)
        refused = self._request is _NOBODY
        self._finished()
        if answer.close:
            self._close(linger=refused or self._surplus)

    def _finished(self) -> None:
        request, answer = cast("Request", self._request), self._answer
        self._moved_ns = self._server.clock.monotonic_ns()
        self._request = self._answer = None
        self._server.answered(request, answer, self._sent_bytes, self._moved_ns - self._began_ns)

    def _close(self, *, linger: bool) -> None:
        """Close; lingering, so that bytes of the peer not read yet do not reset the answer away."""
        self._closing = True
        if not linger or self._eof:
            self._transport.close()
            return
        self._transport.write_eof()
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
