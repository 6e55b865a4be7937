"""The calling end of HTTP/1.1, as thin as it can be: one connection, one answer at a time."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 65536
_BODILESS = frozenset({b"204", b"304"})


class NoAnswer(Exception):
    """The request was not answered as HTTP/1.1 with a length; in words."""


@dataclass(slots=True)
class Got:
    """An answer, and how long it took from the request on.

    Attributes:
        body: Empty unless it was asked for.
        first_byte_s: Until the head was there.
    """

    status: int
    size_bytes: int
    body: bytes
    first_byte_s: float
    time_s: float


class Line(asyncio.Protocol):
    """A connection to one server; bodies are counted, and kept only if asked for.

    Threads: one event loop.
    """

    def __init__(self, authority: str, now_s: Callable[[], float]) -> None:
        self._authority = authority
        self._now_s = now_s
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Got] | None = None
        self._head = b""
        self._kept: list[bytes] | None = None
        self._left = -1  # bytes of the body that are to come; below 0: the head is
        self._got = Got(0, 0, b"", 0.0, 0.0)
        self._asked_s = 0.0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        self.closed = True
        self._fail(f"the connection to {self._authority} ended: {exc or 'closed by the server'}")

    async def get(self, path: str, *, keep: bool) -> Got:
        """Ask and wait.

        Raises:
            NoAnswer: the connection ended or the answer is none that is known here.
        """
        return await self._ask(f"GET {path} HTTP/1.1\r\n", b"", keep=keep)

    async def post(self, path: str, body: bytes, kind: str, *, keep: bool, fields: str = "") -> Got:
        """Send a body and wait for the answer.

        Args:
            kind: The body's media type.
            fields: More lines of the head, each with its line end.

        Raises:
            NoAnswer: as `get`.
        """
        head = f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{fields}"
        return await self._ask(head, body, keep=keep)

    async def _ask(self, head: str, body: bytes, *, keep: bool) -> Got:
        if self.closed or self._transport is None:
            raise NoAnswer(f"the connection to {self._authority} is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._head, self._left, self._kept = b"", -1, [] if keep else None
        self._asked_s = self._now_s()
        fields = f"Host: {self._authority}\r\nUser-Agent: bijou-swarm\r\nAccept: */*\r\n\r\n"
        self._transport.write(f"{head}{fields}".encode("latin-1") + body)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self.closed = True
        if self._transport:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what came: the head first, then the body."""
        if self._left < 0:
            self._head += data
            head, end, data = self._head.partition(_HEAD_END)
            if not end:
                if len(self._head) > _LONGEST_HEAD:
                    self._fail(f"{self._authority} sent a head of more than {_LONGEST_HEAD} bytes")
                return
            if not self._begin(head):
                return
        self._left -= len(data)
        self._got.size_bytes += len(data)
        if self._kept is not None:
            self._kept.append(data)
        if self._left <= 0:
            self._end()

    def _begin(self, head: bytes) -> bool:
        first, *fields = head.split(b"\r\n")
        length = -1
        for field in fields:
            name, _, value = field.partition(b":")
            if name.lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        words = first.split(b" ", 2)
        if len(words) > 1 and words[1] in _BODILESS:
            length = 0
        if len(words) < 2 or not words[1].isdigit() or length < 0:
            self._fail(f"{self._authority} answered {first[:60]!r}; swarms need a Content-Length")
            return False
        self._left = length
        self._got = Got(int(words[1]), 0, b"", self._now_s() - self._asked_s, 0.0)
        return True

    def _end(self) -> None:
        self._got.time_s = self._now_s() - self._asked_s
        self._got.body = b"".join(self._kept) if self._kept is not None else b""
        answer, self._answer = self._answer, None
        if answer and not answer.done():
            answer.set_result(self._got)

    def _fail(self, words: str) -> None:
        answer, self._answer = self._answer, None
        if answer and not answer.done():
            answer.set_exception(NoAnswer(words))
        if self._transport and not self._transport.is_closing():
            self._transport.close()


async def connect(address: str, now_s: Callable[[], float]) -> Line:
    """Open a connection to the server of an address.

    Raises:
        NoAnswer: nobody listens there.
    """
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    authority = parts.netloc.rpartition("@")[2]
    try:
        _, line = await loop.create_connection(
            lambda: Line(authority, now_s),
            parts.hostname or "",
            port,
            ssl=ssl.create_default_context() if secure else None,
        )
    except OSError as error:
        raise NoAnswer(f"{authority}: {error.strerror or error}") from error
    return line
