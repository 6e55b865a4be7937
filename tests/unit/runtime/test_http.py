import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from bijou.ports import (
    ANONYMOUS,
    BijouError,
    Conflict,
    Credentials,
    EngineUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    Principal,
    Role,
    Unauthenticated,
)
from bijou.runtime.http import SESSION_COOKIE, Call, Endpoint, Route, Wire, service_app


class Cup(msgspec.Struct, frozen=True):
    size: int
    colour: str = "white"


class Wish(msgspec.Struct, frozen=True):
    limit: int = 10


def endpoint(method: str = "POST", role: Role = Role.ANYONE, **more: Any) -> Endpoint:
    return Endpoint(method=method, path="/cups/{name}", role=role, summary="A cup.", **more)


COOKIE = f"{SESSION_COOKIE}=cookie"
FILL = endpoint(takes=Cup, gives=Cup, limit_bytes=200)


class Doorman:
    """Knows one editor, by cookie and by bearer."""

    async def principal(self, credentials: Credentials) -> Principal:
        editor = frozenset({Role.EDITOR, Role.VIEWER})
        if credentials.bearer == "good":
            return Principal("usr_1", "edda", editor)
        if credentials.bearer:
            raise Unauthenticated("accounts.bad_token", "that token is not good")
        if credentials.session == "cookie":
            return Principal("usr_1", "edda", editor, csrf="secret")
        return ANONYMOUS


def ask(routes: list[Route], method: str, path: str, **more: Any) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(service_app(routes, Doorman()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://cups") as client:
            return await client.request(method, path, **more)

    return asyncio.run(one())


def on_wire(routes: list[Route], work: Callable[[Wire], Awaitable[Any]], token: str = "") -> Any:
    async def one() -> Any:
        wire = Wire("http://cups", token, transport=httpx.ASGITransport(service_app(routes, Doorman())))
        try:
            return await work(wire)
        finally:
            await wire.close()

    return asyncio.run(one())


async def same(call: Call) -> Any:
    return call.body


def failing(error: BijouError) -> Callable[[Call], Awaitable[Any]]:
    async def fail(_: Call) -> Any:
        raise error

    return fail


def test_both_ends_of_an_endpoint_agree() -> None:
    async def fill(wire: Wire) -> Any:
        return await wire.call(FILL, Cup(3, "blue"), name="häferl/1")

    assert on_wire([msgspec.structs.replace(FILL, path="/cups/{name:path}").bind(same)], fill) == Cup(
        3, "blue"
    )


def test_an_error_is_the_same_kind_at_the_calling_end() -> None:
    async def fill(wire: Wire) -> Any:
        return await wire.call(FILL, Cup(3), name="a")

    with pytest.raises(Conflict, match="it is full") as caught:
        on_wire([FILL.bind(failing(Conflict("cups.full", "it is full")))], fill)

    assert caught.value.code == "cups.full"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not what this address takes"),
        (b"{", "not what this address takes"),
        (b'{"size": "x"}', "$.size"),
        (b'{"size": 1, "colour": 5}', "$.colour"),
        (b"\xff\xfe", "not what this address takes"),
        (b'{"size": 1, "colour": "' + b"x" * 300 + b'"}', "over 200 bytes"),
    ],
)
def test_a_bad_body_is_refused_with_its_place(content: bytes, says: str) -> None:
    answer = ask(
        [FILL.bind(same)], "POST", "/cups/a", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


def test_a_form_of_another_site_is_no_json() -> None:
    answer = ask(
        [FILL.bind(same)], "POST", "/cups/a", content=b'{"size": 1}', headers={"Content-Type": "text/plain"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "http.not_json")


def test_a_query_is_typed() -> None:
    async def limit(call: Call) -> Any:
        return Cup(call.query.limit)

    routes = [endpoint("GET", query=Wish, gives=Cup).bind(limit)]

    assert ask(routes, "GET", "/cups/a?limit=3").json()["size"] == 3
    assert ask(routes, "GET", "/cups/a?limit=many").json()["code"] == "http.bad_query"


@pytest.mark.parametrize(
    ("role", "token", "status"),
    [
        (Role.ANYONE, "", 200),
        (Role.EDITOR, "", 401),
        (Role.EDITOR, "good", 200),
        (Role.OPERATOR, "good", 403),
        (Role.SERVICE, "good", 403),
        (Role.ANYONE, "stolen", 401),
    ],
)
def test_a_route_lets_in_its_role_only(role: Role, token: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert (
        ask(
            [endpoint(role=role, takes=Cup, gives=Cup).bind(same)],
            "POST",
            "/cups/a",
            json={"size": 1},
            headers=headers,
        ).status_code
        == status
    )


@pytest.mark.parametrize(("token", "status"), [("", 403), ("wrong", 403), ("sécret", 403), ("secret", 200)])
def test_a_cookie_changes_nothing_without_its_csrf_token(token: str, status: int) -> None:
    headers: dict[str, Any] = {"X-CSRF-Token": token.encode()} if token else {}
    routes = [endpoint(role=Role.EDITOR, takes=Cup, gives=Cup).bind(same)]

    answer = ask(routes, "POST", "/cups/a", json={"size": 1}, headers={**headers, "Cookie": COOKIE})

    assert answer.status_code == status


def test_a_cookie_reads_without_a_csrf_token() -> None:
    async def read(_: Call) -> Any:
        return Cup(1)

    routes = [endpoint("GET", role=Role.EDITOR, gives=Cup).bind(read)]

    assert ask(routes, "GET", "/cups/a", headers={"Cookie": COOKIE}).status_code == 200


def test_a_handler_that_breaks_says_nothing_of_its_inside() -> None:
    async def broken(_: Call) -> Any:
        raise ZeroDivisionError("secret detail")

    answer = ask([FILL.bind(broken)], "POST", "/cups/a", json={"size": 1})

    assert (answer.status_code, answer.json()["code"]) == (500, "http.fault")
    assert "secret" not in answer.text


def test_waiting_is_asked_for_in_whole_seconds() -> None:
    error = EngineUnavailable("cups.away", "back soon", retry_after_s=0.2)

    assert ask([FILL.bind(failing(error))], "POST", "/cups/a", json={"size": 1}).headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/none", "http.no_address"), ("DELETE", "/cups/a", "http.wrong_method")],
)
def test_an_address_that_is_not_there_is_a_problem_too(method: str, path: str, code: str) -> None:
    assert ask([FILL.bind(same)], method, path).json()["code"] == code


def test_an_unreachable_service_is_the_operators_to_mend() -> None:
    async def call() -> None:
        wire = Wire("http://127.0.0.1:9", timeout_s=2)
        try:
            await wire.call(FILL, Cup(1), name="a")
        finally:
            await wire.close()

    with pytest.raises(EngineUnavailable, match="is it running"):
        asyncio.run(call())


def test_a_streamed_body_arrives_whole() -> None:
    send = endpoint("PUT", gives=Cup)

    async def measure(call: Call) -> Any:
        return Cup(sum([len(piece) async for piece in call.request.stream()]))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1000

    async def deliver(wire: Wire) -> Any:
        return await wire.call(send, content=pieces(), name="a")

    assert on_wire([send.bind(measure)], deliver) == Cup(5000)


def test_errors_are_sorted_by_who_must_act() -> None:
    statuses = [
        kind("a.b", "c").problem().status for kind in (InvalidRequest, Unauthenticated, Forbidden, NotFound)
    ]

    assert statuses == [422, 401, 403, 404]
