"""An edge of its own process that fills ahead: ordered from the command line, and killed in the middle."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.topology.installation import ROOT, eventually, free_port
from tests.topology.patience import strained

TITLE = "ast_00000000-03e8-7226-b63c-5ab791b7584a"
SEGMENTS, SIZE = 20, 100_000


class House:
    """An origin with one title, and one edge."""

    def __init__(self, folder: Path) -> None:
        edge_port, origin_port = free_port("127.0.0.2"), free_port("127.0.0.1")
        self.address = f"http://127.0.0.2:{edge_port}"
        self.origin = f"http://127.0.0.1:{origin_port}"
        self.env = {
            **os.environ,
            "BIJOU_HOUSE_DATA_DIR": str(folder),
            "BIJOU_ORIGIN_PORT": str(origin_port),
            "BIJOU_EDGE_ORIGIN_URL": self.origin,
            "BIJOU_EDGE_PORT": str(edge_port),
            "BIJOU_EDGE_FILLED_DISK_BYTES": str(64 << 20),
            "BIJOU_DELIVERY_EDGES": f"east={self.address}",
            "BIJOU_DELIVERY_TOKENS": "false",
            "BIJOU_STEERING_ENABLED": "false",
            "PYTHONPATH": str(ROOT / "src"),
        }
        media = folder / "blobs" / "media" / TITLE / "v360"
        media.mkdir(parents=True)
        for number in range(1, SEGMENTS + 1):
            (media / f"{number:05}.m4s").write_bytes(bytes([number]) * SIZE)
        self._running: list[subprocess.Popen[bytes]] = []

    def begin(self, service: str, address: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "bijou", "run", service],
            env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._running.append(process)
        eventually(lambda: get(f"{address}/healthz"), 10, f"{service} answers")
        return process

    def fill(self, *words: str) -> Any:
        told = subprocess.run(
            [sys.executable, "-m", "bijou", "fill", *words],
            env=self.env, capture_output=True, text=True, timeout=strained(30), check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    def ask(self, number: int) -> tuple[str, bytes]:
        with urllib.request.urlopen(
            f"{self.address}/media/{TITLE}/v360/{number:05}.m4s", timeout=5
        ) as answer:
            return answer.headers["x-cache"], answer.read()

    def statistics(self) -> Any:
        return json.loads(get(f"{self.address}/healthz"))["statistics"]

    def end(self) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(5)


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=2) as answer:
        content: bytes = answer.read()
        return content


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    standing = House(tmp_path)
    try:
        yield standing
    finally:
        standing.end()


def test_a_fill_goes_on_after_kill_9_and_serves_without_its_origin(house: House) -> None:
    origin = house.begin("origin", house.origin)
    edge = house.begin("edge", house.address)
    house.ask(1)
    (planned,) = house.fill("run", "east", "--for", "3600", "--rate-mbps", "2", "--json")
    assert (planned["objects"], planned["carried_out"]) == (SEGMENTS, True)
    assert list(house.fill("history", "east")["begun"]) == [f"/media/{TITLE}"]
    eventually(lambda: house.statistics()["filled_objects"] > 3, 10, "the first objects are filled")

    edge.send_signal(signal.SIGKILL)
    edge.wait(5)
    held = len(list((Path(house.env["BIJOU_HOUSE_DATA_DIR"]) / "edge-east" / "filled").glob("??/*")))
    house.begin("edge", house.address)
    eventually(lambda: house.statistics()["filled_objects"] == SEGMENTS, 15, "all objects are filled")
    (told,) = house.fill("show", "east", "--json")
    origin.kill()
    origin.wait(5)
    served = [house.ask(number) for number in range(1, SEGMENTS + 1)]

    assert 3 < held < SEGMENTS
    assert told["fetched"] <= SEGMENTS - held + 1  # one may have been half written
    assert served == [("disk", bytes([number]) * SIZE) for number in range(1, SEGMENTS + 1)]
    assert house.statistics()["filled_hits"] == SEGMENTS
