"""What contract tests stand on: engines, a clock, and three ways to reach a service."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
import pytest

from bijou.app import schema
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import ANONYMOUS, Authenticator, Credentials, Instant, Principal, Role, VirtualClock
from bijou.runtime.http import Route, Wire, serve_app, service_app
from tests.contract.neighbours import Neighbour
from tests.contract.queue.postgres_server import PostgresServer

S = TypeVar("S")

EVERYBODY = Principal(id="usr_everybody", name="everybody", roles=frozenset(Role))
WAYS = ["in process", "over HTTP", "beside neighbours"]


class Told:
    """A `Publisher` that remembers what it was told."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []

    def __call__(self, payload: Any) -> None:
        self.payloads.append(payload)


class Doorman:
    """Lets the bearer token `everybody` be everybody."""

    async def principal(self, credentials: Credentials) -> Principal:
        return EVERYBODY if credentials.bearer == "everybody" else ANONYMOUS


class Doorway:
    """One real server on a loopback port, whose application tests take turns to set."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Faces:
    """Shows a service as its caller sees it: itself, or its client over a wire."""

    def __init__(self, way: str, doorway: Doorway) -> None:
        self.way = way
        self._doorway = doorway
        self._wires: list[Wire] = []

    @property
    def remote(self) -> bool:
        return self.way != "in process"

    def of(
        self,
        service: S,
        routes: list[Route],
        client: Callable[[Wire], S],
        *,
        authenticator: Authenticator | None = None,
        token: str = "everybody",
    ) -> S:
        if not self.remote:
            return service
        self._doorway.app = service_app(routes, authenticator or Doorman())
        wire = Wire(self._doorway.address, token, transport=self._transport(routes))
        self._wires.append(wire)
        return client(wire)

    def _transport(self, routes: list[Route]) -> httpx.AsyncBaseTransport | None:
        if self.way != "beside neighbours":
            return None
        return Neighbour([route.endpoint for route in routes], httpx.AsyncHTTPTransport())

    async def close(self) -> None:
        for wire in self._wires:
            await wire.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def doorway(anyio_backend: str) -> AsyncIterator[Doorway]:
    listener = socket.create_server(("127.0.0.1", 0))
    doorway = Doorway(f"http://127.0.0.1:{listener.getsockname()[1]}")
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve_app(doorway, "", 0, stop=stop, ready=ready.set, listener=listener))
    await ready.wait()
    yield doorway
    stop.set()
    await serving


@pytest.fixture(params=WAYS)
async def faces(request: pytest.FixtureRequest, doorway: Doorway) -> AsyncIterator[Faces]:
    faces = Faces(request.param, doorway)
    yield faces
    await faces.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(Instant.parse("2026-11-21T10:00:00Z"))


@pytest.fixture
def chance() -> Random:
    return Random(7)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(scope="session")
def empty_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "records.db"
    schema.upgrade(path)
    return path


@pytest.fixture
async def records(empty_records: Path, tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    path = tmp_path / "records.db"
    shutil.copy(empty_records, path)
    records = SqliteRecords(path, durable=False)
    yield records
    await records.close()


@pytest.fixture
def blobs(tmp_path: Path, clock: VirtualClock) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs", clock)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The one PostgreSQL of a test run; a test fails where it cannot be had."""
    server = PostgresServer()
    try:
        server.start()
        server.make("empty")
        schema.upgrade(server.address("empty"))
        server.make("shared", template="empty")
        yield server
    finally:
        server.remove()
