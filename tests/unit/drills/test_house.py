import asyncio
import socket
import sys
from pathlib import Path
from random import Random

import pytest

from bijou.drills import House
from bijou.ports import EngineUnavailable, SystemClock
from bijou.runtime.probe import ask_health
from bijou.runtime.supervisor import Child
from bijou.runtime.vigil import Answer

SERVICE = """
import socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listening.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    connection.close()
"""


def child(name: str, program: str = SERVICE) -> Child:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Child(name=name, argv=(sys.executable, "-c", program, str(port)), health=("127.0.0.1", port))


def house(children: list[Child], folder: Path) -> House:
    return House(children, "east", clock=SystemClock(), chance=Random(1), logs_dir=folder / "logs")


async def health(one: Child) -> Answer:
    return await ask_health(*one.health, timeout_s=5.0)


def test_a_killed_region_stays_dead_until_it_is_brought_back_and_the_others_live(tmp_path: Path) -> None:
    east, west = child("edge-east"), child("edge-west")

    async def lived() -> list[Answer]:
        async with house([east, west], tmp_path) as standing:
            answers = [await health(east)]
            assert standing.kill() == 1
            await SystemClock().sleep(0.5)  # longer than a supervisor waits before it starts a child again
            answers += [await health(east), await health(west)]
            assert standing.kill() == 0
            await standing.bring_back()
            answers.append(await health(east))
        return [*answers, await health(east), await health(west)]

    well, dead = Answer.HEALTHY, Answer.SILENT
    assert asyncio.run(lived()) == [well, dead, well, well, dead, dead]


def test_a_region_that_does_not_start_is_said_so_and_leaves_nothing(tmp_path: Path) -> None:
    east, west = child("edge-east", "raise SystemExit(7)"), child("edge-west")

    async def tried() -> Answer:
        with pytest.raises(EngineUnavailable, match="exit code 7"):
            async with house([east, west], tmp_path):
                pass
        return await health(west)

    assert asyncio.run(tried()) is Answer.SILENT


def test_a_region_that_nobody_belongs_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are edge-west"):
        house([child("edge-west")], tmp_path)
