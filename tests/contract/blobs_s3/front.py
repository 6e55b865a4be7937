"""A man in the middle between the engine and the emulator, who spoils answers by script.

His refusals are written after S3's documented errors; they are not Amazon's.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bijou.ports import SystemClock

Upstream = Callable[[], Awaitable[bytes]]
Spoil = Callable[["Asked", asyncio.StreamWriter, Upstream], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.decode("latin-1").split("\r\n"):
            found, _, value = line.partition(":")
            if found.lower() == name:
                return value.strip()
        return ""


class Front:
    """Passes requests on; those that `script` names are spoiled, in its order."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self.strips = b""
        self._upstream_port = upstream_port
        self._script: deque[tuple[str, Spoil]] = deque()

    def spoil(self, method: str, *spoils: Spoil) -> None:
        """Have the next requests by this method spoiled, one each."""
        self._script.extend((method, spoil) for spoil in spoils)

    def methods(self) -> list[str]:
        return [asked.method for asked in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(await _asked(reader), writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other end left, or the scene is over
        finally:
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)

        async def upstream() -> bytes:
            return await self._pass_on(asked)

        if self._script and self._script[0][0] == asked.method:
            await self._script.popleft()[1](asked, writer, upstream)
        else:
            writer.write(await upstream())
        await writer.drain()

    async def _pass_on(self, asked: Asked) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        lines = asked.head.split(b"\r\n")
        if self.strips:
            lines = [line for line in lines if not line.lower().startswith(self.strips)]
        writer.write(b"\r\n".join(lines) + asked.body)
        answer = await reader.read()
        writer.close()
        return answer


@contextlib.asynccontextmanager
async def front_of(upstream_port: int) -> AsyncIterator[Front]:
    front = Front(upstream_port)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()


def refusing(status: int, code: str = "", more: str = "") -> Spoil:
    """Answer with an error of S3; a HEAD's has no body, as in life."""
    text = f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>" if code else ""

    async def spoil(asked: Asked, writer: asyncio.StreamWriter, _: Upstream) -> None:
        body = b"" if asked.method == "HEAD" else text.encode()
        head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)

    return spoil


def answering(body: bytes) -> Spoil:
    """Answer with something of one's own."""

    async def spoil(_: Asked, writer: asyncio.StreamWriter, __: Upstream) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    return spoil


def cutting(after_bytes: int, then: Callable[[], Awaitable[object]] | None = None) -> Spoil:
    """Break the connection in the middle of the answer's body."""

    async def spoil(_: Asked, writer: asyncio.StreamWriter, upstream: Upstream) -> None:
        answer = await upstream()
        if then is not None:
            await then()
        writer.write(answer[: answer.index(b"\r\n\r\n") + 4 + after_bytes])

    return spoil


def dripping(body: bytes, pause_s: float, pieces: int) -> Spoil:
    """Answer with an object of one's own, in pieces with pauses between them."""
    stamps = 'ETag: "e"\r\nLast-Modified: Sun, 01 Mar 2026 12:00:00 GMT\r\n'
    head = f"HTTP/1.1 200 OK\r\n{stamps}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    async def spoil(_: Asked, writer: asyncio.StreamWriter, __: Upstream) -> None:
        writer.write(head.encode())
        step = len(body) // pieces + 1
        for at in range(0, len(body), step):
            writer.write(body[at : at + step])
            await SystemClock().sleep(pause_s)

    return spoil


async def losing(_: Asked, __: asyncio.StreamWriter, upstream: Upstream) -> None:
    """Have it done, and break the connection before the answer."""
    await upstream()


async def silent(_: Asked, __: asyncio.StreamWriter, ___: Upstream) -> None:
    """Say nothing, for as long as the scene lasts."""
    await asyncio.get_running_loop().create_future()


async def _asked(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.decode("latin-1").split(" ", 2)
    asked = Asked(method, target, head, b"")
    body = await reader.readexactly(int(asked.header("content-length") or 0))
    return Asked(method, target, head, body)
