"""Bounds on what a peer may take of a listening service: bytes, seconds, connections."""

import asyncio
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bijou.ports import EngineUnavailable, InvalidRequest, Problem
from bijou.runtime import codec
from bijou.runtime.http.problems import MEDIA_TYPE, problem_response


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one service grants its peers.

    Args:
        head_bytes: Longest head of a request; what one read brings at once may be over it.
        head_s: Seconds that a head may take, from the connection's or the head's first byte.
        linger_s: Seconds in which what still comes in after a refusal, or an
            answer that did not need it, is thrown away.
        stall_s: Seconds in which a peer must take something of an answer.
        connections: Served at once. As many again are told so with 503; those
            beyond are hung up on.
    """

    head_bytes: int = 16 * 1024
    head_s: float = 10.0
    linger_s: float = 2.0
    stall_s: float = 60.0
    connections: int = 10_000


class Guarded(HttpToolsProtocol):
    """Uvicorn's connection, held to bounds.

    Bodies are bounded by whoever reads them: `Endpoint.limit_bytes`, `body_s`.
    """

    def __init__(self, *arguments: Any, bounds: Bounds, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bounds = bounds
        self._served = self.app
        self._heads = 0
        self._head_bytes = 0  # of headers that are complete
        self._read_bytes = 0  # of a head that is not
        self._in_head = False
        self._wants_head = True
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; hang up on a peer far too many."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._bounds.connections:
            transport.abort()
        else:
            self._end_in(self._bounds.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer."""
        self._end_in(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and count those of a head that does not end."""
        if self._refused:
            return
        wanted_head, heads = self._wants_head, self._heads
        super().data_received(data)
        idle = wanted_head and not self._answering
        if self._wants_head and (idle or self._in_head) and self._deadline is None:
            self._end_in(self._bounds.head_s)
        if wanted_head and self._in_head and self._heads == heads:
            self._read_bytes += len(data)
            if self._is_too_long:
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """Count from here."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._read_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Take in a piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header, or what follows a body in chunks."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request on, or say that too many are here."""
        self._in_head = self._wants_head = False
        self._heads += 1
        self._end_in(None)
        full = len(self.connections) > self._bounds.connections
        self.app = _Full(self._bounds.connections) if full else self._served
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head from now on."""
        super().on_message_complete()
        self._wants_head = True
        self._end_in(None)

    def on_response_complete(self) -> None:
        """Let go, a moment later, of who still sends a body that has its answer."""
        super().on_response_complete()
        if self.cycle.response_complete and not self._wants_head:
            self._end_in(self._bounds.linger_s)

    @property
    def _answering(self) -> bool:
        """Whether an answer is under way, however long nothing is said in it."""
        return bool(self.cycle) and not self.cycle.response_complete

    def pause_writing(self) -> None:
        """Wait for the peer to take something."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._bounds.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it has."""
        super().resume_writing()
        if self._stall:
            self._stall.cancel()
            self._stall = None

    def timeout_keep_alive_handler(self) -> None:
        """End a silent connection, also one that never takes the rest of its answer."""
        (self.transport.abort if self.transport.get_write_buffer_size() else self.transport.close)()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """Refuse what is no request, or begins too long, and end the connection."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        problem = _refusal(self._bounds, too_long=self._is_too_long)
        body = codec.encode(problem)
        self.transport.write(
            f"HTTP/1.1 {problem.status} {problem.title}\r\nContent-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        # Closing while bytes still come in would take the answer back.
        self.transport.write_eof()
        self._end_in(self._bounds.linger_s)

    def _count(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._is_too_long:
            raise _TooLongError

    @property
    def _is_too_long(self) -> bool:
        return max(self._head_bytes, self._read_bytes) > self._bounds.head_bytes

    def _end_in(self, seconds: float | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.close)


class _TooLongError(Exception):
    """Stops the parser."""


class _Full:
    """Answers one connection of too many; an ASGI application."""

    def __init__(self, connections: int) -> None:
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"{self._connections} connections are served at once; try again"
        full = EngineUnavailable("http.too_many_connections", detail, retry_after_s=1)
        await problem_response(full.problem())(scope, receive, send)


class NoRequest(InvalidRequest):
    """What came is not HTTP."""

    status = 400
    title = "Bad request"


class HeadTooLong(InvalidRequest):
    """The caller sends too many headers, or too long ones."""

    status = 431
    title = "Request header fields too large"


def _refusal(bounds: Bounds, *, too_long: bool) -> Problem:
    if not too_long:
        return NoRequest("http.no_request", "what came is no HTTP request").problem()
    detail = f"a request's head is over {bounds.head_bytes} bytes; send fewer or shorter headers"
    return HeadTooLong("http.head_too_long", detail).problem()
