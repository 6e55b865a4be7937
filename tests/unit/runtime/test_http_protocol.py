"""What a peer may do to a listening service, byte by byte."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from starlette.responses import StreamingResponse

from bijou.ports import Role, SystemClock
from bijou.runtime import logs
from bijou.runtime.http import Bounds, Call, Endpoint, Route, serve_app, service_app

BOUNDS = Bounds(head_bytes=2048, head_s=0.2, linger_s=0.1, stall_s=0.2, connections=3)
PATIENCE_S = 5
FLOOD_BYTES = 64_000_000


class Cup(msgspec.Struct, frozen=True):
    size: int


async def same(call: Call) -> Any:
    return call.body or Cup(0)


async def peer(call: Call) -> Any:
    return {"peer": call.peer}


async def flood(_: Call) -> Any:
    return ["x" * FLOOD_BYTES]


async def slow(_: Call) -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first "
        await SystemClock().sleep(3 * BOUNDS.head_s)
        yield b"last"

    return StreamingResponse(pieces())


def endpoint(method: str, path: str, **more: Any) -> Endpoint:
    return Endpoint(method=method, path=path, role=Role.ANYONE, summary="A cup.", **more)


TABLE: list[Route] = [
    endpoint("GET", "/cup", gives=Cup).bind(same),
    endpoint("POST", "/cup", takes=Cup, gives=Cup, body_s=0.2).bind(same),
    endpoint("GET", "/peer", gives=dict[str, str]).bind(peer),
    endpoint("GET", "/flood", gives=list[str]).bind(flood),
    endpoint("GET", "/slow").bind(slow),
]


class Peer:
    """One connection, and what came back on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def says(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def hears(self) -> tuple[int, dict[str, str], bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def problem(self) -> tuple[int, str]:
        status, headers, body = await self.hears()
        assert headers["content-type"] == "application/problem+json"
        return status, json.loads(body)["code"]

    async def is_let_go(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_S) == b""
        except ConnectionResetError:
            return True


class House:
    """A service that listens, and whoever comes to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.peers: list[Peer] = []

    async def visit(self, *pieces: bytes) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port))
        self.peers.append(peer)
        await peer.says(*pieces)
        return peer


@asynccontextmanager
async def house(bounds: Bounds = BOUNDS, *, trusted_proxies: tuple[str, ...] = ()) -> AsyncIterator[House]:
    stop, ready = asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(
            serve_app(
                service_app(TABLE),
                "127.0.0.1",
                0,
                stop=stop,
                ready=ready.set,
                listener=listener,
                bounds=bounds,
                trusted_proxies=trusted_proxies,
            )
        )
        await ready.wait()
        there = House(listener.getsockname()[1])
        try:
            yield there
        finally:
            stop.set()
            for each in there.peers:
                each.writer.close()
            await serving


GET = b"GET /cup HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /cup HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"


def test_a_connection_serves_one_request_after_another_whole_or_in_pieces() -> None:
    async def scene() -> list[int]:
        async with house() as there:
            peer = await there.visit(GET, POST, b'{"size": 5}', GET + GET, *[bytes([byte]) for byte in GET])
            return [(await peer.hears())[0] for _ in range(5)]

    assert asyncio.run(scene()) == [200] * 5


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET /cup HTTP/1.1\r\n", *[b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(100)]),
        (b"GET /cup HTTP/1.1\r\nX: ", *[b"y" * 500] * 20),
        (b"GET /", *[b"y" * 500] * 20),
        (b"GET /cup HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n",),
    ],
    ids=["many headers", "one endless header", "an endless address", "all at once"],
)
def test_a_head_over_its_bound_is_refused_and_the_connection_ends(pieces: tuple[bytes, ...]) -> None:
    async def scene() -> tuple[int, str]:
        async with house() as there:
            peer = await there.visit()
            with contextlib.suppress(ConnectionError):
                await peer.says(*pieces)
            return await peer.problem()

    assert asyncio.run(scene()) == (431, "http.head_too_long")


@pytest.mark.parametrize(
    "pieces",
    [(), (b"GET /cup HT",), (GET, b"GET /cup HT"), (GET, b"\r\n\r\n")],
    ids=["none", "half", "2nd", "lines"],
)
def test_who_does_not_finish_a_head_in_time_is_let_go(pieces: tuple[bytes, ...]) -> None:
    async def scene() -> bool:
        async with house() as there:
            peer = await there.visit(*pieces[:1])
            if pieces[:1] == (GET,):
                await peer.hears()
            await peer.says(*pieces[1:])
            return await peer.is_let_go()

    assert asyncio.run(scene())


def test_an_answer_in_which_nothing_is_said_for_long_goes_on() -> None:
    async def scene() -> bytes:
        async with house() as there:
            peer = await there.visit(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            return await asyncio.wait_for(peer.reader.readuntil(b"\r\n0\r\n\r\n"), PATIENCE_S)

    assert asyncio.run(scene()).endswith(b"4\r\nlast\r\n0\r\n\r\n")


def test_a_json_body_that_does_not_come_in_time_is_refused_and_the_connection_ends() -> None:
    async def scene() -> tuple[tuple[int, str], bool]:
        async with house() as there:
            peer = await there.visit(POST, b'{"size"')
            return await peer.problem(), await peer.is_let_go()

    assert asyncio.run(scene()) == ((408, "http.slow_body"), True)


def test_who_goes_on_sending_after_the_answer_is_let_go() -> None:
    long = b"GET /cup HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx"

    async def scene() -> tuple[int, bool]:
        async with house() as there:
            peer = await there.visit(long)
            status, _, _ = await peer.hears()
            return status, await peer.is_let_go()

    assert asyncio.run(scene()) == (200, True)


def test_who_takes_no_byte_of_an_answer_is_let_go() -> None:
    async def scene() -> bool:
        async with (
            house(msgspec.structs.replace(BOUNDS, connections=1)) as there,
            asyncio.timeout(PATIENCE_S),
        ):
            peer = await there.visit(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
            await peer.reader.read(1)
            other = await there.visit(GET)
            while (await other.hears())[0] == 503:
                await other.says(GET)
            return len(await peer.reader.read()) < FLOOD_BYTES

    assert asyncio.run(scene())


def test_bytes_that_are_no_request_are_a_problem_like_any_other() -> None:
    async def scene() -> tuple[int, str]:
        async with house() as there:
            return await (await there.visit(b"\x16\x03\x01 hello\r\n\r\n")).problem()

    assert asyncio.run(scene()) == (400, "http.no_request")


def test_one_connection_too_many_is_told_so_and_the_next_is_hung_up_on() -> None:
    async def scene() -> tuple[list[int], bool]:
        async with house(msgspec.structs.replace(BOUNDS, head_s=PATIENCE_S)) as there:
            peers = [await there.visit(GET) for _ in range(6)]
            statuses = [(await each.hears())[0] for each in peers]
            return statuses, await (await there.visit()).is_let_go()

    assert asyncio.run(scene()) == ([200, 200, 200, 503, 503, 503], True)


@pytest.mark.parametrize(("trusted", "peer"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.7")])
def test_a_forwarded_address_is_believed_of_a_trusted_proxy_only(trusted: tuple[str, ...], peer: str) -> None:
    async def scene() -> Any:
        async with house(trusted_proxies=trusted) as there:
            visitor = await there.visit(
                b"GET /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
            )
            return json.loads((await visitor.hears())[2])["peer"]

    assert asyncio.run(scene()) == peer


def test_a_body_that_breaks_off_is_no_fault_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene() -> None:
        async with house() as there:
            peer = await there.visit(POST, b'{"size"')
            peer.writer.close()
            await peer.writer.wait_closed()
            await (await there.visit(GET)).hears()

    logs.configure("control", clock=SystemClock())
    asyncio.run(scene())

    assert "request.crashed" not in capsys.readouterr().err
