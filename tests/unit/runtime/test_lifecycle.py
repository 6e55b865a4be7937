import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

SERVICE = """
import asyncio, sys
from bijou.ports import BijouBug, EngineUnavailable, SystemClock
from bijou.runtime import lifecycle

async def main(stop, ready):
    ready()
{body}

sys.exit(lifecycle.run(main, service="edge", clock=SystemClock(), grace_s={grace_s}))
"""
HEARING = """
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore them
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a service of which only the body of `main` is given; kills it after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(body: str, *, grace_s: float = 0.2, **env: str) -> "subprocess.Popen[str]":
        code = HEARING + SERVICE.format(
            body="\n".join(f"    {line}" for line in body.splitlines()), grace_s=grace_s
        )
        service = subprocess.Popen(
            [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
        )
        started.append(service)
        return service

    yield start
    for service in started:
        service.kill()
        with service:
            service.wait()


def line(service: "subprocess.Popen[str]") -> dict[str, Any]:
    assert service.stderr
    facts: dict[str, Any] = json.loads(service.stderr.readline())
    return facts


def rest(service: "subprocess.Popen[str]") -> str:
    """Return what it has still to say; `communicate` would miss what is buffered already."""
    assert service.stderr
    words = service.stderr.read()
    service.wait()
    return words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_the_service_to_stop(start: Start, number: int) -> None:
    service = start("await stop.wait()", grace_s=20)
    assert line(service)["event"] == "service.ready"
    service.send_signal(number)

    assert json.loads(rest(service))["event"] == "service.stopped"
    assert service.returncode == 0


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.Event().wait()",
        "while True: pass",
        "await asyncio.to_thread(__import__('threading').Event().wait)",
    ],
    ids=["deaf", "spinning", "stuck-thread"],
)
def test_a_service_that_does_not_stop_is_ended_and_shows_where_it_was(start: Start, body: str) -> None:
    service = start(body)
    line(service)
    service.terminate()

    words = rest(service)
    assert service.returncode == 1
    assert "Timeout" in words
    assert 'File "<string>"' in words or "selectors" in words or "runners.py" in words


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    service = start(
        "await stop.wait()\nprint('.', file=sys.stderr, flush=True)\nawait asyncio.Event().wait()", grace_s=60
    )
    line(service)
    service.terminate()
    assert service.stderr
    service.stderr.readline()
    service.terminate()

    assert service.wait(20) == 128 + signal.SIGTERM


def test_an_exception_is_one_line_with_its_traceback(start: Start) -> None:
    service = start("raise ValueError('no reel')")
    line(service)

    (crash,) = [json.loads(text) for text in rest(service).splitlines()]
    assert (crash["event"], crash["level"], crash["service"]) == ("service.crashed", "error", "edge")
    assert crash["exception"].endswith("ValueError: no reel")
    assert service.returncode == 3


def test_what_the_operator_must_mend_is_one_sentence(start: Start) -> None:
    service = start("raise EngineUnavailable('engines.down', 'start PostgreSQL')")
    line(service)

    (words,) = [json.loads(text) for text in rest(service).splitlines()]
    assert (words["event"], words["code"], words["detail"]) == (
        "service.gave_up",
        "engines.down",
        "start PostgreSQL",
    )
    assert "exception" not in words
    assert service.returncode == 3


def test_a_taken_port_is_one_sentence(start: Start) -> None:
    service = start(
        "import socket\na = socket.create_server(('127.0.0.1', 0))\nsocket.create_server(a.getsockname())"
    )
    line(service)

    words = json.loads(rest(service))
    assert words["code"] == "runtime.address"
    assert "Address already in use" in words["detail"]
    assert service.returncode == 3


def test_a_task_that_crashes_unseen_is_logged(start: Start) -> None:
    body = "asyncio.get_running_loop().call_soon(lambda: 1 / 0)\nawait stop.wait()"
    service = start(body)
    line(service)

    crash = line(service)

    assert crash["event"] == "task.crashed"
    assert "ZeroDivisionError" in crash["exception"]


def test_a_service_whose_supervisor_is_already_dead_does_not_start(start: Start) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()

    service = start("await stop.wait()", BIJOU_SUPERVISED=str(dead.pid))

    assert rest(service) == ""
    assert service.returncode == 3


def test_a_service_dies_with_its_supervisor() -> None:
    body = SERVICE.format(body="    await stop.wait()", grace_s=1)
    supervisor = f"""
import os, subprocess, sys
env = os.environ | {{"BIJOU_SUPERVISED": str(os.getpid())}}
service = subprocess.Popen([sys.executable, "-c", {body!r}], env=env, stderr=subprocess.PIPE)
service.stderr.readline()
print(service.pid, flush=True)
service.wait()
"""
    with subprocess.Popen([sys.executable, "-c", supervisor], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        handle = os.pidfd_open(pid)
        parent.kill()

    try:
        ended, _, _ = select.select([handle], [], [], 5)
        assert ended
    finally:
        os.close(handle)


def test_a_service_that_ignores_the_hangup_goes_on() -> None:
    """As `nohup` starts it."""
    code = SERVICE.format(body="    os = __import__('os')\n    os.kill(os.getpid(), 1)", grace_s=1)

    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$0" -c "$1"', sys.executable, code],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert json.loads(done.stderr.splitlines()[-1])["event"] == "service.stopped"


def test_a_service_may_open_as_many_files_as_the_machine_lets_it(start: Start) -> None:
    service = start(
        "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE), file=sys.stderr, flush=True)"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert line(service)["open_files"] == hard
    assert service.stderr
    assert service.stderr.readline() == f"({hard}, {hard})\n"


def test_connections_leave_files_for_the_probe_and_it_is_said(start: Start) -> None:
    service = start(
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))\n"
        "print(lifecycle.servable(100), lifecycle.servable(10_000), file=sys.stderr)"
    )
    line(service)

    said, served = line(service), rest(service).splitlines()[0]

    assert served == "100 256"
    assert (said["event"], said["connections"]) == ("connections.capped", 256)
    assert "10000 connections are configured" in said["detail"]
