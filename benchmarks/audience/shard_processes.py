"""Shards as an operator runs them: `bijou run audience-shard`, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx


class ShardProcess:
    """One shard of the installation in a folder; started again, it answers at the same address."""

    def __init__(self, name: str, house: Path) -> None:
        self.name = name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._env = {
            **os.environ,
            "BIJOU_HOUSE_DATA_DIR": str(house),
            "BIJOU_AUDIENCE_SHARD_NAME": name,
            "BIJOU_AUDIENCE_SHARD_PORT": str(self._port),
            "BIJOU_HOUSE_LOG_LEVEL": "error",
        }
        self.folder = house / f"audience-shard-{name}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def entry(self) -> str:
        return f"{self.name}={self.address}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "bijou", "run", "audience-shard"]
        self.process = subprocess.Popen(command, env=self._env, stdin=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                httpx.get(f"{self.address}/healthz", trust_env=False).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"shard {self.name} ended with {self.process.returncode}")

    def pids(self) -> list[int]:
        """Return its process and the children of that."""
        assert self.process is not None
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children")
        found = children.read_text(encoding="ascii").split() if children.exists() else []
        return [own, *map(int, found)]

    def cpu_s(self) -> float:
        """Return what the process that answers has used."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it with a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()
