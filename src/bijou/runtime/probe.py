"""Questions to a network address: is it free, and does it answer health?"""

import asyncio
import errno
import socket
from pathlib import Path

from bijou.runtime.vigil import Answer

_STATUS_LINE_BYTES = 512


async def ask_health(host: str, port: int, *, timeout_s: float) -> Answer:
    """GET /healthz; anything but a status line within `timeout_s` is silence.

    Who takes the connection and hangs up is unwell: such as a service that
    has too many of them, and is alive.
    """
    try:
        async with asyncio.timeout(timeout_s):
            status = await _status(host, port)
    except (ConnectionResetError, BrokenPipeError, EOFError):
        return Answer.UNWELL
    except (OSError, ValueError):
        return Answer.SILENT
    return Answer.HEALTHY if status == 200 else Answer.UNWELL


async def _status(host: str, port: int) -> int:
    reader, writer = await asyncio.open_connection(host, port, limit=_STATUS_LINE_BYTES)
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        if not line:
            raise EOFError
        version, _, rest = line.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            raise ValueError(f"{version!r} is not how an HTTP answer begins")
        return int(rest[:3])
    finally:
        writer.transport.abort()


def waited_ns(pid: int) -> int:
    """Return how long a process's first thread has stood in line for a processor since its start.

    0 where the kernel does not tell, or the process is gone.

    Source: Linux, Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def obstacle(host: str, port: int) -> str:
    """Return why nobody could listen there now, in one sentence; empty where one could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return _sentence(error, host, port)
    return ""


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is taken by another program"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine"
    return f"{host}:{port} cannot be listened on: {error.strerror}"
