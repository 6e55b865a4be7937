"""Debian's redis-server on a free loopback port, which ends with the test or its process."""

import os
import shutil
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from bijou.runtime.processes import die_with_parent

PACKAGE = "redis-server"
_STARTS_WITHIN_S = 10
_ATTEMPTS = 5


class RedisServer:
    """One server that keeps an append-only file in `folder`, as limits need it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start on the port that it had, or else on a free one."""
        for _ in range(_ATTEMPTS):
            port = self.port or _free_port()
            process = _launch(port, self.folder)
            if _answers(process, port):
                self.port, self._process = port, process
                return
            process.kill()
            process.wait()
        pytest.fail(f"redis-server does not start:\n{(self.folder / 'log').read_text()[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def ready(folder: Path) -> RedisServer:
    """Return a server that runs; fail where there is none, skip where a person waived it."""
    if PACKAGE in os.environ.get("BIJOU_TEST_WITHOUT", "").split(","):
        pytest.skip(f"left out on request: {PACKAGE}")
    if shutil.which(PACKAGE) is None:
        pytest.fail(f"{PACKAGE} is not installed: apt install {PACKAGE}, or go without: WITHOUT={PACKAGE}")
    server = RedisServer(folder)
    server.start()
    return server


def _launch(port: int, folder: Path) -> "subprocess.Popen[bytes]":
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "logfile": folder / "log",
        "save": "",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    bound = partial(die_with_parent, os.getpid())
    return subprocess.Popen([PACKAGE, *words], preexec_fn=bound)  # noqa: PLW1509 - async-signal-safe


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until it answers; False where it ended, for instance because the port was taken."""
    gives_up = time.monotonic() + _STARTS_WITHIN_S  # noqa: TID251 - a real process in real time
    while time.monotonic() < gives_up and process.poll() is None:  # noqa: TID251
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return process.poll() is None
        except OSError:
            pass
        time.sleep(0.01)  # noqa: TID251 - a real process in real time
    return False
