import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bijou.runtime.probe import ask_health, obstacle, waited_ns
from bijou.runtime.vigil import Answer


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Answer.HEALTHY),
        (b"HTTP/1.0 200\r\n\r\n", Answer.HEALTHY),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Answer.UNWELL),
        (b"", Answer.UNWELL),
        (b"SSH-2.0-OpenSSH\r\n", Answer.SILENT),
        (b"HTTP/1.1 \r\n", Answer.SILENT),
        (b"HTTP/1.1 200 " + b"x" * 9999, Answer.SILENT),
    ],
)
def test_an_answer_is_read_from_its_status_line(answer: bytes, heard: Answer) -> None:
    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async def scene() -> Answer:
        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            return await ask_health(host, port, timeout_s=5)

    assert asyncio.run(scene()) is heard


def test_a_port_that_takes_and_says_nothing_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        assert asyncio.run(ask_health(*deaf.getsockname(), timeout_s=0.05)) is Answer.SILENT


def test_a_port_where_nobody_listens_is_silent_and_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert "is taken by another program" in obstacle(*address)

    assert obstacle(*address) == ""
    assert asyncio.run(ask_health(*address, timeout_s=5)) is Answer.SILENT


def test_an_address_of_somebody_else_is_named_as_that() -> None:
    assert obstacle("192.0.2.1", 80) == "192.0.2.1 is not an address of this machine"


def test_who_hangs_up_is_alive_and_not_frozen() -> None:
    """A service with all its connections taken hangs up; killing it would help nobody."""

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def scene() -> Answer:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            return await ask_health(*server.sockets[0].getsockname(), timeout_s=5)

    assert asyncio.run(scene()) is Answer.UNWELL


SPIN = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
while True:
    pass
"""


def ran_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[0])


def test_who_shares_a_processor_stands_in_line_and_who_is_stopped_does_not() -> None:
    one, other = (subprocess.Popen([sys.executable, "-I", "-S", "-c", SPIN]) for _ in range(2))
    try:
        while min(waited_ns(one.pid), waited_ns(other.pid)) < 50_000_000:
            assert (one.poll(), other.poll()) == (None, None)
        os.kill(one.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, one.pid, os.WSTOPPED)
        stopped_ns, until_ns = waited_ns(one.pid), ran_ns(other.pid) + 50_000_000
        while ran_ns(other.pid) < until_ns:
            assert other.poll() is None
        assert waited_ns(one.pid) == stopped_ns
    finally:
        for spinning in (one, other):
            spinning.kill()
            spinning.wait()

    assert waited_ns(one.pid) == 0
