"""The real service, killed on purpose."""

import os
import signal
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.topology.installation import Installation, eventually, start
from tests.topology.patience import strained

CHILDREN = ["control", "encoder", "origin", "edge-east", "edge-west"]


@pytest.mark.parametrize("child", CHILDREN)
def test_a_killed_child_is_back_and_healthy(installation: Installation, child: str) -> None:
    before = installation.status()[child]["restarts"]
    address = installation.status()[child]["address"]
    (pid,) = installation.pids(child)

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: installation.status()[child]["restarts"] > before, 5, f"{child} was started again")
    took_s = eventually(lambda: answers(f"{address}/healthz"), 6, f"{child} answers again")
    print(f"{child}: healthy again {took_s:.2f} s after its restart was noted")
    eventually(installation.healthy, 5, "all healthy")
    assert installation.pids(child) != [pid]


def answers(address: str) -> bool:
    with urllib.request.urlopen(address, timeout=1) as answer:
        return bool(answer.status == 200)


def test_nothing_survives_a_killed_supervisor(tmp_path: Path) -> None:
    running = start(tmp_path / "data", "serve")
    try:
        eventually(running.healthy, 30, "all services healthy")
        assert len(running.all_pids()) >= len(CHILDREN) + 1

        running.process.kill()
        running.process.wait(5)

        took_s = eventually(lambda: not running.all_pids(), 5, "no process is left")
        print(f"all gone {took_s:.2f} s after the supervisor was killed")
    finally:
        running.end()


def test_sigterm_ends_all_within_a_second_and_frees_the_ports(tmp_path: Path) -> None:
    running = start(tmp_path / "data", "serve")
    try:
        eventually(running.healthy, 30, "all services healthy")
        addresses = [service["address"] for service in running.status().values()]

        running.process.send_signal(signal.SIGTERM)

        took_s = eventually(
            lambda: running.process.poll() is not None and not running.all_pids(), 5, "all gone"
        )
        assert running.process.returncode == 0
        assert took_s < strained(1.5), "the promise is one second"
        for address in addresses:
            place = urlsplit(address)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((place.hostname, place.port))
    finally:
        running.end()


def test_a_second_supervisor_on_the_same_folder_is_refused_in_one_sentence(
    installation: Installation,
) -> None:
    refused = installation.command("serve")

    assert refused.returncode == 3
    assert "is in use by bijou's process" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_data_outlives_a_restart(tmp_path: Path) -> None:
    first = start(tmp_path / "data", "serve")
    try:
        eventually(first.healthy, 30, "all services healthy")
    finally:
        first.end()
    password = (tmp_path / "data" / "keys" / "operator.password").read_text()
    second = start(tmp_path / "data", "serve")
    try:
        eventually(second.healthy, 30, "all services healthy")

        assert (tmp_path / "data" / "keys" / "operator.password").read_text() == password
        assert (tmp_path / "data" / "keys" / "operator.password").stat().st_mode & 0o777 == 0o600
    finally:
        second.end()
