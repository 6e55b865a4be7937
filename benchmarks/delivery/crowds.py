"""A thousand viewers at once: all cold at one object, or all stalled on it."""

import asyncio
import os
import socket
import time
from typing import Final

import msgspec

from benchmarks.delivery.servers import HOST, Running

_RECEIVED_BYTES: Final = 1 << 16


class Crowd(msgspec.Struct):
    """What a crowd saw: first bytes and ends, in seconds after all had asked."""

    first_s: list[float]
    whole_s: list[float]
    refused: int


class _Viewer(asyncio.Protocol):
    def __init__(self, request: bytes, size: int) -> None:
        self._request, self._left = request, size
        self._first = True
        self.asked_s = self.first_s = self.whole_s = 0.0
        self.status = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        """Send now: what a loop sends at its turn's end would be late by all that ask in the same turn."""
        self.asked_s = time.perf_counter()
        os.write(self.transport.get_extra_info("socket").fileno(), self._request)

    def data_received(self, data: bytes) -> None:
        if self._first:
            self.first_s = time.perf_counter()
            self._first = False
            self.status = data[9:12]
            data = data.partition(b"\r\n\r\n")[2]
        self._left -= len(data)
        if self._left <= 0 and not self.done.done():
            self.whole_s = time.perf_counter()
            self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def flash(server: Running, path: str, *, viewers: int, size: int) -> Crowd:
    """Connect all, ask all at once, read all."""
    loop = asyncio.get_running_loop()
    request = f"GET {server.target(path)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    crowd: list[_Viewer] = []
    for _ in range(viewers):
        _, viewer = await loop.create_connection(lambda: _Viewer(request, size), HOST, server.port)
        crowd.append(viewer)
    for viewer in crowd:
        viewer.ask()
    await asyncio.wait([viewer.done for viewer in crowd], timeout=60)
    for viewer in crowd:
        viewer.transport.abort()
    well = [viewer for viewer in crowd if viewer.status == b"200"]
    return Crowd(
        sorted(viewer.first_s - viewer.asked_s for viewer in well),
        sorted(viewer.whole_s - viewer.asked_s for viewer in well if viewer.whole_s),
        viewers - len(well),
    )


def stalled_bytes(server: Running, path: str, *, viewers: int) -> float:
    """Return the memory that each viewer costs who asks for an object and does not read it."""
    request = f"GET {server.target(path)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with socket.create_connection(
        (HOST, server.port)
    ) as warm:  # the object is here already, and so is its code
        warm.sendall(request)
        warm.settimeout(5)
        left = 2_000_000
        while left > 0:
            left -= len(warm.recv(_RECEIVED_BYTES))
    before = server.memory_bytes()
    crowd = []
    try:
        for _ in range(viewers):
            viewer = socket.socket()
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            viewer.connect((HOST, server.port))
            viewer.sendall(request)
            crowd.append(viewer)
        for viewer in crowd:  # each has been answered as far as it lets itself
            viewer.settimeout(10)
            viewer.recv(1, socket.MSG_PEEK)
        time.sleep(0.5)
        return (server.memory_bytes() - before) / viewers
    finally:
        for viewer in crowd:
            viewer.close()
