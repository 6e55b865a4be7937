"""A store that takes any upload, forgets it, and gives as many zeros back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bijou.ports import SystemClock

_STEP = bytes(1 << 16)
_STAMP = 'ETag: "e"\r\nLast-Modified: Sun, 01 Mar 2026 12:00:00 GMT\r\n'
_TEXTS = {
    "uploads": "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    "uploadId": '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>',
    "copy": '<CopyPartResult><ETag>"e"</ETag></CopyPartResult>',
}


class Abyss:
    """One object, which is there as soon as an upload was completed."""

    def __init__(self) -> None:
        self.port = 0
        self.taken_bytes = 0
        self.parts = 0
        self.most_at_once = 0
        self._at_once = 0
        self._completed_bytes: int | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Cancelled by the end of the scene.
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await self._take(reader, int(fields.get("content-length", "0")), counted="partNumber" in target)
        query = "copy" if "x-amz-copy-source" in fields else target.partition("?")[2].partition("=")[0]
        if method == "POST" and query == "uploadId":
            self._completed_bytes = self.taken_bytes
        if method in {"GET", "HEAD"}:
            await self._give(writer, method)
        else:
            text = _TEXTS.get(query, "")
            writer.write(f"HTTP/1.1 200 OK\r\n{_STAMP}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        await writer.drain()

    async def _take(self, reader: asyncio.StreamReader, size: int, *, counted: bool) -> None:
        self._at_once += counted
        self.most_at_once = max(self.most_at_once, self._at_once)
        left = size
        while left:
            piece = await reader.read(min(left, len(_STEP)))
            if not piece:
                raise ConnectionError
            left -= len(piece)
        if counted:  # a moment in which others may come
            await SystemClock().sleep(0.05)
        self._at_once -= counted
        if counted and size:
            self.taken_bytes += size
            self.parts += 1

    async def _give(self, writer: asyncio.StreamWriter, method: str) -> None:
        if self._completed_bytes is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(f"HTTP/1.1 200 OK\r\n{_STAMP}Content-Length: {self._completed_bytes}\r\n\r\n".encode())
        left = self._completed_bytes if method == "GET" else 0
        while left:
            step = min(left, len(_STEP))
            writer.write(_STEP[:step])
            await writer.drain()
            left -= step


@contextlib.asynccontextmanager
async def abyss() -> AsyncIterator[Abyss]:
    made = Abyss()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=len(_STEP))
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
