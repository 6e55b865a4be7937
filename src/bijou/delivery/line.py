"""One connection to the origin: requests out, answers in, no faster than they are read."""

import asyncio
import re
from collections import deque
from typing import Final, Protocol, cast

from bijou.delivery.model import BodyCut, OriginFailed, OriginLate
from bijou.delivery.wire import HEAD_BYTES, BadWire, Fields, bad_wire, read_fields, split_head
from bijou.ports import Clock

HEAD_S: Final = 10.0
STALL_S: Final = 10.0
IDLE_S: Final = 30.0
RETRY_AFTER_S: Final = 1.0

_UNREAD_BYTES: Final = 1024 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9](?: .*)?")
_BODILESS: Final = frozenset({204, 304})


class Pool(Protocol):
    """Who holds lines."""

    clock: Clock
    origin_url: str

    def gained(self, line: "Line") -> None:
        """Note a connected line."""
        ...

    def lost(self, line: "Line") -> None:
        """Forget a line."""
        ...

    def keep(self, line: "Line") -> None:
        """Take a line that is free for another request."""
        ...

    def failed(self, what: str) -> OriginFailed:
        """Return the error that names the origin and what it did."""
        ...


class OriginAnswer:
    """One answer of the origin; its body is read by iterating, once.

    Args:
        size_bytes: Length of the body, as announced.

    Raises:
        BodyCut: (while iterating) the origin stopped before that length.
    """

    def __init__(self, line: "Line", status: int, fields: Fields, size_bytes: int) -> None:
        self.status = status
        self.fields = fields
        self.size_bytes = size_bytes
        self._line = line

    def __aiter__(self) -> "OriginAnswer":
        return self

    async def __anext__(self) -> bytes:
        piece = await self._line.piece()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it where body is still to come."""
        self._line.end()


class NotAnswered(Exception):
    """The connection ended before a byte of the answer came."""


class Line(asyncio.Protocol):
    """One connection to the origin: at most one request on it at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport
        self._method = ""
        self._head = b""
        self._in_body = self._lost = self._paused = self._reusable = False
        self._left_bytes = self._unread_bytes = 0
        self._pieces: deque[bytes] = deque()
        self._error: Exception | None = None
        self._answer: OriginAnswer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline_ns: int | None = None

    async def ask(self, method: str, request: bytes) -> OriginAnswer:
        """Send a request; return when the head of its answer is here.

        Raises:
            NotAnswered: the connection ended first; a kept one may have been closed long ago.
        """
        self._forget(method)
        if self._lost:
            raise NotAnswered
        self._transport.write(request)
        try:
            while self._answer is None:
                await self._wait(HEAD_S)
        except BaseException:
            self.abort()
            raise
        return self._answer

    async def piece(self) -> bytes:
        """Return the next piece of the body; empty at its end."""
        while not self._pieces:
            if not self._left_bytes:
                return b""
            try:
                await self._wait(STALL_S)
            except OriginLate as error:
                raise BodyCut from error
        piece = self._pieces.popleft()
        self._unread_bytes -= len(piece)
        if self._paused and self._unread_bytes < _UNREAD_BYTES // 2:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def end(self) -> None:
        """Be free for the next request, if nothing of the last is left on the wire."""
        self._pieces.clear()
        self._unread_bytes = 0
        if self._left_bytes or not self._reusable or self._lost:
            self.abort()
            return
        self._in_body = False
        self._deadline_ns = self._pool.clock.monotonic_ns() + round(IDLE_S * 1e9)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._pool.keep(self)

    def abort(self) -> None:
        """Close at once."""
        self._lost = True
        self._transport.abort()
        self._pool.lost(self)

    def expire(self, now_ns: int) -> None:
        """Give up where the origin has been silent for too long."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return
        waited_s = STALL_S if self._in_body else HEAD_S
        detail = f"the origin {self._pool.origin_url} was silent for {waited_s:g} s"
        self._fail(OriginLate("delivery.origin_late", detail, retry_after_s=RETRY_AFTER_S))
        self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the pool."""
        self._transport = cast("asyncio.Transport", transport)
        self._deadline_ns = self._pool.clock.monotonic_ns() + round(IDLE_S * 1e9)
        self._pool.gained(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of an answer."""
        if self._in_body:
            self._take(data)
        elif self._waiter is None:
            self.abort()  # the origin speaks unasked: nothing after it can be trusted
        else:
            self._head += data
            self._read_head()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits."""
        self._lost = True
        self._pool.lost(self)
        if self._in_body:
            self._fail(BodyCut())
        elif self._head:
            self._fail(self._pool.failed("closed the connection within the head of its answer"))
        else:
            self._fail(NotAnswered())

    def _forget(self, method: str) -> None:
        self._method, self._head, self._answer = method, b"", None
        self._in_body = self._reusable = False

    async def _wait(self, seconds: float) -> None:
        if self._error is not None:
            raise self._error
        self._deadline_ns = self._pool.clock.monotonic_ns() + round(seconds * 1e9)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = self._deadline_ns = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._error)

    def _take(self, data: bytes) -> None:
        if len(data) > self._left_bytes:
            self._reusable = False
            data = data[: self._left_bytes]
        if not data:
            return
        self._left_bytes -= len(data)
        self._unread_bytes += len(data)
        self._pieces.append(data)
        if self._unread_bytes > _UNREAD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def _read_head(self) -> None:
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found and len(head) <= HEAD_BYTES:
            return
        try:
            status, fields = _read(head)
            length = _length(self._method, status, fields)
        except BadWire as bad:
            self._fail(self._pool.failed(f"answered what is not HTTP/1.1 as read here: {bad}"))
            self.abort()
            return
        if status < 200:
            self._head = rest
            self._read_head()
            return
        self._left_bytes = length or 0
        self._reusable = length is not None and _kept(head, fields)
        self._in_body = True
        self._answer = OriginAnswer(self, status, fields, self._left_bytes)
        self._take(rest)
        self._wake()


def _read(head: bytes) -> tuple[int, Fields]:
    if len(head) > HEAD_BYTES:
        raise bad_wire(f"the head is over {HEAD_BYTES} bytes")
    lines = split_head(head)
    if not _STATUS_LINE.fullmatch(lines[0]):
        raise bad_wire(f"{lines[0][:80]!r} is no status line")
    return int(lines[0][9:12]), read_fields(lines[1:])


def _length(method: str, status: int, fields: Fields) -> int | None:
    """Return the body's length; None: an error with a body of unknown length, which is left unread."""
    if method == "HEAD" or status < 200 or status in _BODILESS:
        return 0
    length = fields.get(b"content-length", b"")
    if b"transfer-encoding" not in fields and length.isdigit() and len(length) <= 18:
        return int(length)
    if status >= 400:
        return None
    raise bad_wire("a body without Content-Length")


def _kept(head: bytes, fields: Fields) -> bool:
    return head.startswith(b"HTTP/1.1") and b"close" not in fields.get(b"connection", b"").lower()
