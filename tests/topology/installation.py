"""A running installation and a browser's window, as the topology tests handle them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page

from tests.topology.patience import strained

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "artifacts" / "screenshots"
WITHOUT = frozenset(os.environ.get("BIJOU_TEST_WITHOUT", "").split(","))


def eventually(condition: Callable[[], Any], within_s: float, what: str) -> float:
    """Wait for a real process, longer where the machine is busy; returns the seconds that it took."""
    began, patience_s = time.perf_counter(), strained(within_s)  # noqa: TID251 - real processes live in real time
    while time.perf_counter() - began < patience_s:  # noqa: TID251 - as above
        with contextlib.suppress(OSError, KeyError, ValueError):
            if condition():
                return time.perf_counter() - began  # noqa: TID251 - as above
        time.sleep(0.02)  # noqa: TID251 - as above
    pytest.fail(f"not within {patience_s:.1f} s: {what}")


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """A running `bijou serve` (or demo) with addresses of its own."""

    folder: Path
    process: "subprocess.Popen[str]"
    env: dict[str, str]
    site: str
    edges: dict[str, str]
    said: list[str] = field(default_factory=list)

    def status(self) -> dict[str, dict[str, Any]]:
        services = json.loads((self.folder / "status.json").read_text())
        return {service["name"]: service for service in services}

    def healthy(self) -> bool:
        return len(self.status()) == 5 and all(service["healthy"] for service in self.status().values())

    def pids(self, name: str) -> list[int]:
        """Processes of one child, found by what they run and whose they are."""
        service, _, region = name.partition("-")
        return [
            pid
            for pid, command, environ in processes()
            if command[-2:] == ["run", service]
            and f"BIJOU_HOUSE_DATA_DIR={self.folder}" in environ
            and (not region or f"BIJOU_EDGE_REGION={region}" in environ)
        ]

    def all_pids(self) -> list[int]:
        return [pid for pid, _, environ in processes() if f"BIJOU_HOUSE_DATA_DIR={self.folder}" in environ]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.site}{path}", timeout=5) as answer:
            return json.load(answer)

    def command(self, *arguments: str, timeout_s: float = 90) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bijou", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "bijou", *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def upload(self, film: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.command("upload", str(film), "--server", self.site, *arguments)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        for pid in self.all_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes() -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield (pid, command, environment) of every process that may be looked at."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
                environ = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                yield int(entry.name), command, environ


def start(folder: Path, *command: str, told: Mapping[str, str] | None = None) -> Installation:
    """Start an installation in a folder, on free ports of the loopback.

    Args:
        told: Variables of its environment beside the usual, or instead of them.
    """
    edge_ports = {"east": free_port("127.0.0.2"), "west": free_port("127.0.0.3")}
    edges = {
        "east": f"http://127.0.0.2:{edge_ports['east']}",
        "west": f"http://127.0.0.3:{edge_ports['west']}",
    }
    control, encoder, origin = (free_port("127.0.0.1") for _ in range(3))
    env = {
        **os.environ,
        "BIJOU_HOUSE_DATA_DIR": str(folder),
        "BIJOU_CONTROL_PORT": str(control),
        "BIJOU_ENCODER_PORT": str(encoder),
        "BIJOU_ORIGIN_PORT": str(origin),
        "BIJOU_EDGE_ORIGIN_URL": f"http://127.0.0.1:{origin}",
        "BIJOU_DELIVERY_EDGES": ",".join(f"{region}={address}" for region, address in edges.items()),
        "BIJOU_INGEST_KEEP_FREE_BYTES": "0",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": str(ROOT / "src"),
        **(told or {}),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bijou", *command],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return Installation(folder, process, env, f"http://127.0.0.1:{control}", edges)


@dataclass
class Visit:
    """One person's browser window, with everything that it complained about."""

    page: Page
    context: BrowserContext
    network: CDPSession
    complaints: list[str]

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def player(self) -> dict[str, Any]:
        state: dict[str, Any] = self.page.evaluate("() => window.bijouPlayer?.state() ?? {}")
        return state
