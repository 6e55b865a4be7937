"""What delivery's tests are played with: a client that sees bytes, servers, an origin that obeys."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from bijou.delivery import serve_edge, serve_origin
from bijou.engines.files import FileBlobs
from bijou.ports import Clock, Problem, SystemClock, VirtualClock
from bijou.runtime import codec

Loop = Callable[[Coroutine[Any, Any, Any]], Any]
HOST = "127.0.0.1"
PATIENCE_S = 20.0
REAL = SystemClock()


class Reply(msgspec.Struct):
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def problem(self) -> Problem:
        return codec.decode(self.body, Problem)


class Client:
    """One connection, as bytes and as answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, request: bytes) -> None:
        self.writer.write(request)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:] if line]
        fields = {name.lower(): value for name, value in pairs}
        assert len(fields) == len(pairs), f"a field stands twice in {lines}"
        return int(lines[0].split(" ")[1]), fields

    async def reply(self, method: str = "GET") -> Reply:
        status, fields = await self.head()
        length = 0 if method == "HEAD" else int(fields.get("content-length", "0"))
        return Reply(status, fields, await self.reader.readexactly(length))

    async def ask(self, path: str, method: str = "GET", **fields: str) -> Reply:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        await self.say(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{extra}\r\n".encode("latin-1"))
        return await self.reply(method)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection; empty also where it was reset."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(port: int, *, limit: int = 1 << 16) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(HOST, port, limit=limit))
    try:
        yield client
    finally:
        await client.close()


async def ask(port: int, path: str, method: str = "GET", **fields: str) -> Reply:
    async with connected(port) as client:
        return await client.ask(path, method, **fields)


@contextlib.asynccontextmanager
async def serving(
    serve: Callable[[asyncio.Event, Callable[[int], None]], Awaitable[None]], clock: Clock
) -> AsyncIterator[int]:
    """Run a service; it must end when told to, whatever its clients do."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    service = asyncio.ensure_future(serve(stop, port.set_result))
    await asyncio.wait({service, port}, return_when=asyncio.FIRST_COMPLETED)
    if service.done():
        service.result()
    try:
        yield await port
    finally:
        stop.set()
        while not service.done():
            await asyncio.wait({service}, timeout=0.01)
            if isinstance(clock, VirtualClock):
                clock.advance(1)
        service.result()


def origin(
    folder: Path, clock: Clock | None = None, **options: Any
) -> contextlib.AbstractAsyncContextManager[int]:
    told = clock or REAL
    blobs = FileBlobs(folder, told)

    async def serve(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        await serve_origin(blobs, host=HOST, port=0, clock=told, stop=stop, ready=ready, **options)

    return serving(serve, told)


def edge(
    origin_port: int,
    clock: Clock | None = None,
    *,
    cache_bytes: int = 64 << 20,
    idle_s: float = 60,
    connections: int = 1000,
    **options: Any,
) -> contextlib.AbstractAsyncContextManager[int]:
    told = clock or REAL

    async def serve(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        await serve_edge(
            region="east", origin_url=f"http://{HOST}:{origin_port}", cache_bytes=cache_bytes, host=HOST,
            port=0, idle_s=idle_s, connections=connections, clock=told, stop=stop, ready=ready, **options,
        )  # fmt: skip

    return serving(serve, told)


class ObedientOrigin:
    """An origin whose every byte the test sends itself.

    `asked` yields each request's path with the connection to answer on.
    """

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[str, asyncio.StreamWriter]] = asyncio.Queue()
        self.paths: list[str] = []
        self.connections = 0
        self.heads: list[bytes] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].decode()
                self.heads.append(head)
                self.paths.append(path)
                self.asked.put_nowait((path, writer))
        writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def obedient_origin() -> AsyncIterator[tuple[ObedientOrigin, int]]:
    told = ObedientOrigin()
    server = await asyncio.start_server(told._take, HOST, 0)
    try:
        yield told, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        told.close()
        await server.wait_closed()


def head_of(size: int, *, status: str = "200 OK", more: str = "") -> bytes:
    return f'HTTP/1.1 {status}\r\nContent-Length: {size}\r\nETag: "e"\r\n{more}\r\n'.encode()


async def patiently(scene: Awaitable[Any]) -> Any:
    """A scene that hangs fails instead."""
    return await asyncio.wait_for(scene, PATIENCE_S)


async def until(holds: Callable[[], Any]) -> None:
    """Let the loop turn until something holds; `patiently` bounds the wait."""
    while not holds():
        await REAL.sleep(0.002)
