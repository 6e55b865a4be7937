"""One connection among many: slow, silent, too many, and the end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bijou.delivery.connection import HEAD_S, HIGH_WATER_BYTES, LINGER_S, PUSH_BYTES
from bijou.delivery.edge import Edge
from bijou.delivery.model import PIECE_BYTES
from bijou.delivery.origin import Origin
from bijou.delivery.server import DRAIN_S, Server, serve
from bijou.delivery.upstream import Upstream
from bijou.engines.files import FileBlobs
from bijou.ports import VirtualClock
from tests.contract.delivery.scene import (
    HOST,
    REAL,
    Client,
    Loop,
    ask,
    connected,
    origin,
    patiently,
    serving,
    until,
)

PATH = "/media/a/1.m4s"
BODY = bytes(range(256)) * (24 * 1024)
SMALL = "/media/a/2.m4s"
IDLE_S = 30.0
Act = Callable[[Server, int, VirtualClock], Awaitable[None]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blobs")
    blobs = FileBlobs(folder, VirtualClock())
    asyncio.run(blobs.put(PATH[1:], BODY))
    asyncio.run(blobs.put(SMALL[1:], BODY[: PIECE_BYTES // 2]))
    return folder


@pytest.fixture(params=["origin", "edge"])
def play(request: pytest.FixtureRequest, loop: Loop, published: Path) -> Callable[[Act], None]:
    async def scene(act: Act) -> None:
        clock = VirtualClock()
        async with origin(published, clock) as origin_port:
            upstream = Upstream(f"http://{HOST}:{origin_port}", clock)
            edge = Edge(region="east", upstream=upstream, cache_bytes=64 << 20, clock=clock)
            site = edge if request.param == "edge" else Origin(FileBlobs(published, clock), clock)
            server = Server(site, clock, idle_s=IDLE_S, connections=3)

            async def service(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
                await serve(server, HOST, 0, watched=[upstream], stop=stop, ready=ready)

            async with serving(service, clock) as port:
                await asyncio.gather(ask(port, PATH), ask(port, SMALL))
                await until(lambda: not server.connections)
                await act(server, port, clock)
            await edge.close()

    return lambda act: loop(patiently(scene(act)))


async def ended(client: Client, clock: VirtualClock, step_s: float) -> float:
    """Let time pass until the connection ends; return when that was."""
    start_ns = clock.monotonic_ns()
    rest = asyncio.ensure_future(client.rest())
    while not rest.done():
        clock.advance(step_s)
        await asyncio.wait({rest}, timeout=0.005)
    return (clock.monotonic_ns() - start_ns) / 1e9


@contextlib.asynccontextmanager
async def slow_reader(port: int, requests: int = 1, path: str = PATH) -> AsyncIterator[socket.socket]:
    """A client that asks and reads nothing, with next to no buffer of its own."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (HOST, port))
        await loop.sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode() * requests)
        yield client


async def settled(server: Server) -> int:
    """Bytes that wait for the only client, once they grow no more."""
    await until(lambda: server.connections)
    (connection,) = server.connections
    before, now = -1, connection.buffered_bytes
    while now != before or not now:
        await REAL.sleep(0.03)
        before, now = now, connection.buffered_bytes
    return now


def test_a_reader_that_does_not_read_has_a_bounded_part_of_the_body_waiting(
    play: Callable[[Act], None],
) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with slow_reader(port, requests=40):
            waiting = await settled(server)
        await until(lambda: not server.connections)
        async with slow_reader(port, requests=400, path=SMALL):
            waiting = max(waiting, await settled(server))

        assert waiting <= max(PUSH_BYTES, HIGH_WATER_BYTES + PIECE_BYTES) + 1024

    play(act)


def test_a_slow_reader_gets_every_byte_in_the_end(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with slow_reader(port, requests=2) as client:
            await settled(server)
            reader, writer = await asyncio.open_connection(sock=client.dup())
            slow = Client(reader, writer)
            assert [(await slow.reply()).body == BODY for _ in range(2)] == [True, True]
            await slow.close()

    play(act)


def test_a_reader_that_takes_no_byte_is_cut_when_its_time_is_over(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, clock: VirtualClock) -> None:
        async with slow_reader(port):
            await settled(server)
            clock.advance(2)
            await REAL.sleep(0.01)
            clock.advance(IDLE_S - 3)
            await REAL.sleep(0.01)
            assert server.connections
            while server.connections:
                clock.advance(1)
                await REAL.sleep(0.005)

    play(act)


def test_a_silent_connection_is_closed_after_its_idle_time(play: Callable[[Act], None]) -> None:
    async def act(_server: Server, port: int, clock: VirtualClock) -> None:
        async with connected(port) as client:
            assert IDLE_S <= await ended(client, clock, 2) <= IDLE_S + 4
        async with connected(port) as client:
            clock.advance(IDLE_S - 3)
            await client.ask(PATH, "HEAD")
            assert IDLE_S <= await ended(client, clock, 2) <= IDLE_S + 4

    play(act)


def test_a_head_that_drips_is_408_however_busily_it_drips(play: Callable[[Act], None]) -> None:
    async def act(_server: Server, port: int, clock: VirtualClock) -> None:
        async with connected(port) as client:
            await client.say(b"GET / HTTP/1.1\r\n")
            reply = asyncio.ensure_future(client.reply())
            while not reply.done():
                with contextlib.suppress(ConnectionError):
                    await client.say(b"X: y\r\n")
                clock.advance(1)
                await asyncio.wait({reply}, timeout=0.005)

            assert ((await reply).status, (await reply).problem.code) == (408, "delivery.head_late")
            assert HEAD_S <= clock.monotonic_ns() / 1e9 <= HEAD_S + 4

    play(act)


def test_one_connection_too_many_is_told_503_and_closed(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(3)]
            for client in clients:
                await client.ask("/healthz")
            async with connected(port) as surplus:
                reply = await surplus.ask(PATH)
                assert (reply.status, reply.problem.code) == (503, "delivery.too_many_connections")
                assert (reply.fields["retry-after"], reply.fields["connection"]) == ("1", "close")
                assert await surplus.rest() == b""
            assert [(await client.ask("/healthz")).status for client in clients] == [200] * 3
        await until(lambda: not server.connections)
        assert (await ask(port, PATH)).body == BODY

    play(act)


def test_far_too_many_connections_are_reset(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(6):
                await stack.enter_async_context(connected(port))
            await until(lambda: len(server.connections) == 6)
            async with connected(port) as last:
                assert await last.rest() == b""

    play(act)


def test_a_refused_peer_that_goes_on_sending_is_heard_for_a_moment_only(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, clock: VirtualClock) -> None:
        async with connected(port) as client:
            await client.say(b"nonsense\r\n\r\n" + bytes(100_000))
            assert (await client.reply()).status == 400
            assert await client.rest() == b""
            assert server.connections
            before_ns = clock.monotonic_ns()
            while server.connections:
                clock.advance(1)
                await REAL.sleep(0.005)
            assert LINGER_S <= (clock.monotonic_ns() - before_ns) / 1e9 <= LINGER_S + 2

    play(act)


def test_when_told_to_stop_answers_in_progress_have_a_moment_and_idle_connections_none(
    play: Callable[[Act], None],
) -> None:
    async def act(server: Server, port: int, clock: VirtualClock) -> None:
        async with connected(port) as idle, slow_reader(port) as stalled:
            await until(lambda: len(server.connections) == 2)
            await until(lambda: max(each.buffered_bytes for each in server.connections))
            draining = asyncio.ensure_future(server.drain())

            assert await idle.rest() == b""
            await until(lambda: len(server.connections) == 1)
            assert not draining.done()
            clock.advance(DRAIN_S)
            await draining
            assert not server.connections
            assert stalled.fileno() > 0

    play(act)


def test_an_answer_that_ends_while_draining_says_close(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with slow_reader(port, requests=2) as client:
            await settled(server)
            draining = asyncio.ensure_future(server.drain())
            reader, writer = await asyncio.open_connection(sock=client.dup())
            slow = Client(reader, writer)
            replies = [await slow.reply()]
            if not draining.done():
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                    replies.append(await slow.reply())
            await draining

            assert replies[0].body == BODY
            assert [reply.fields.get("connection") for reply in replies[1:]] in ([], ["close"])
            await slow.close()

    play(act)


@pytest.mark.parametrize("play", ["edge"], indirect=True)
def test_a_peer_that_says_no_more_still_gets_what_is_in_memory(play: Callable[[Act], None]) -> None:
    async def act(server: Server, port: int, _clock: VirtualClock) -> None:
        async with slow_reader(port) as client:
            await settled(server)
            client.shutdown(socket.SHUT_WR)
            reader, writer = await asyncio.open_connection(sock=client.dup())
            slow = Client(reader, writer)

            assert (await slow.reply()).body == BODY
            assert await slow.rest() == b""
            await slow.close()

    play(act)
