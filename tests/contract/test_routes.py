"""The table of routes, walked: every role knocks at every door."""

import asyncio
import re
from collections.abc import Iterator
from random import Random

import httpx
import msgspec
import pytest

from bijou.app import schema
from bijou.app.control import rooms_of, routes_of
from bijou.app.keys import Keys
from bijou.app.settings import House, Settings
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import ANONYMOUS, Credentials, Principal, Role, VirtualClock
from bijou.runtime.http import Route, service_app
from bijou.runtime.http.endpoint import MUTATING

CALLERS = [Role.ANYONE, Role.VIEWER, Role.EDITOR, Role.ADOPS, Role.OPERATOR, Role.SERVICE]
# What a stranger may change: their own session, and nothing else.
OPEN_CHANGES = {
    "POST /api/sign-in",
    "POST /api/sign-out",
    "POST /api/titles/{slug}/playback",
}


class Doorman:
    """Takes the bearer token for the one role that the caller holds."""

    async def principal(self, credentials: Credentials) -> Principal:
        if not credentials.bearer:
            return ANONYMOUS
        return Principal(id="usr_1", name="somebody", roles=frozenset({Role(credentials.bearer)}))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Route]]:
    folder = tmp_path_factory.mktemp("control")
    settings = msgspec.structs.replace(Settings(), house=House(data_dir=str(folder)))
    schema.upgrade(folder / "records.db")
    records = SqliteRecords(folder / "records.db")
    clock, chance, stopped = VirtualClock(), Random(1), asyncio.Event()
    stopped.set()  # live events end at once
    rooms = rooms_of(
        settings, records, FileBlobs(folder / "blobs", clock), clock, chance, Keys("key", "password")
    )
    yield routes_of(settings, rooms, clock, stopped)
    asyncio.run(records.close())


def knock(table: list[Route], caller: Role, method: str, path: str) -> int:
    async def one() -> int:
        headers = {} if caller is Role.ANYONE else {"Authorization": f"Bearer {caller}"}
        transport = httpx.ASGITransport(service_app(table, Doorman()))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            answer = await client.request(method, re.sub(r"\{[^}]*\}", "nothing-here", path), headers=headers)
        return answer.status_code

    return asyncio.run(one())


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_lets_in_its_role_and_nobody_else(table: list[Route], caller: Role) -> None:
    wrong = []
    for endpoint in (route.endpoint for route in table):
        status = knock(table, caller, endpoint.method, endpoint.path)
        admitted = endpoint.role in {Role.ANYONE, caller}
        expected = admitted == (status not in {401, 403})
        if not expected or status >= 500:
            wrong.append(f"{endpoint.method} {endpoint.path} asks for {endpoint.role}, {caller} got {status}")

    assert not wrong


def test_strangers_change_nothing_but_their_own_session(table: list[Route]) -> None:
    open_changes = {
        f"{route.endpoint.method} {route.endpoint.path}"
        for route in table
        if route.endpoint.role is Role.ANYONE and route.endpoint.method in MUTATING
    }

    assert open_changes == OPEN_CHANGES


def test_no_two_rows_answer_the_same_request(table: list[Route]) -> None:
    rows = [f"{route.endpoint.method} {route.endpoint.path}" for route in table]

    assert len(rows) == len(set(rows))


def test_a_mutant_without_its_role_is_found(table: list[Route]) -> None:
    row = next(route for route in table if route.endpoint.role is Role.OPERATOR)
    mutant = msgspec.structs.replace(row, endpoint=msgspec.structs.replace(row.endpoint, role=Role.ANYONE))

    assert knock([mutant], Role.ANYONE, row.endpoint.method, row.endpoint.path) not in {401, 403}
    assert knock([row], Role.ANYONE, row.endpoint.method, row.endpoint.path) == 401
