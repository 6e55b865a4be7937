"""What an edge does between its viewers and an origin whose every byte the test sends."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bijou.delivery.edge import Edge
from bijou.delivery.fill import SMALL_BYTES, worth_finishing
from bijou.delivery.line import HEAD_S, STALL_S
from bijou.delivery.model import Verdict
from bijou.delivery.upstream import Upstream
from bijou.delivery.wire import Request
from bijou.ports import VirtualClock
from tests.contract.delivery.scene import (
    HOST,
    REAL,
    Client,
    Loop,
    ObedientOrigin,
    ask,
    connected,
    edge,
    head_of,
    obedient_origin,
    patiently,
    until,
)

COLD = "/media/a/1.m4s"
LIVE = "/media/a/live/v360.m3u8"
BODY = bytes(range(256)) * 1024
Act = Callable[[ObedientOrigin, int, VirtualClock], Awaitable[None]]


def play(loop: Loop, act: Act, **options: Any) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, origin_port), edge(origin_port, clock, **options) as port:
            await act(told, port, clock)

    loop(patiently(scene()))


async def statistics(port: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await ask(port, "/healthz")).body)["statistics"]
    return found


async def send(client: Client, path: str = COLD, fields: str = "") -> None:
    await client.say(f"GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n".encode())


async def waiting(port: int, count: int) -> None:
    """Until that many requests are in progress: connections, less the one that asks."""
    while (await statistics(port))["connections"] < count + 1:
        await REAL.sleep(0.002)


def test_a_hundred_viewers_of_one_cold_object_cost_one_fetch_and_read_before_it_ends(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(100)]
            await asyncio.gather(*(send(client) for client in clients))
            path, writer = await told.asked.get()
            writer.write(head_of(len(BODY)) + BODY[:1000])
            heads = await asyncio.gather(*(client.head() for client in clients))
            firsts = await asyncio.gather(*(client.reader.readexactly(1000) for client in clients))
            writer.write(BODY[1000:])
            rests = await asyncio.gather(*(client.reader.readexactly(len(BODY) - 1000) for client in clients))

        assert path == COLD
        assert told.paths == [COLD]
        assert {status for status, _ in heads} == {200}
        assert sorted(fields["x-cache"] for _, fields in heads) == ["fill"] + ["joined"] * 99
        assert {first + rest for first, rest in zip(firsts, rests, strict=True)} == {BODY}
        assert (await ask(port, COLD)).fields["x-cache"] == "hit"
        counted = await statistics(port)
        assert (counted["fills"], counted["joined"], counted["hits"]) == (1, 99, 1)
        assert (counted["origin_fetches"], counted["hit_ratio"]) == (1, round(100 / 101, 4))
        assert counted["sent_bytes"] == {
            "fill": len(BODY), "joined": 99 * len(BODY), "hit": len(BODY), "passed": 0,
            "disk": 0, "stale": 0, "revalidated": 0,
        }  # fmt: skip

    play(loop, act)


def test_a_range_of_what_is_coming_is_answered_as_soon_as_it_is_here(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with connected(port) as early, connected(port) as late:
            await send(early, fields="Range: bytes=100-199\r\n")
            _, writer = await told.asked.get()
            writer.write(head_of(len(BODY)) + BODY[:200])
            reply = await early.reply()
            await send(late, fields="Range: bytes=150-299\r\n")
            status, _fields = await late.head()
            begun = await late.reader.readexactly(50)
            writer.write(BODY[200:])
            ended = await late.reader.readexactly(100)

        assert (reply.status, reply.body) == (206, BODY[100:200])
        assert (status, begun + ended) == (206, BODY[150:300])
        assert told.paths == [COLD]

    play(loop, act)


def test_an_origin_that_dies_within_a_body_cuts_its_readers_and_the_next_viewer_fetches_anew(
    loop: Loop,
) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with connected(port) as one, connected(port) as other:
            await asyncio.gather(send(one), send(other))
            _, writer = await told.asked.get()
            writer.write(head_of(len(BODY)) + BODY[:5000])
            await asyncio.gather(one.head(), other.head())
            await asyncio.gather(one.reader.readexactly(5000), other.reader.readexactly(5000))
            writer.close()

            assert [await one.rest(), await other.rest()] == [b"", b""]
        again = asyncio.ensure_future(ask(port, COLD))
        _, writer = await told.asked.get()
        writer.write(head_of(len(BODY)) + BODY)
        reply = await again

        assert (reply.body, reply.fields["x-cache"]) == (BODY, "fill")
        assert (await statistics(port))["objects"] == 1

    play(loop, act)


def test_an_origin_that_falls_silent_within_a_body_cuts_its_readers_and_nothing_is_kept(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, clock: VirtualClock) -> None:
        async with connected(port) as client:
            await send(client)
            _, writer = await told.asked.get()
            writer.write(head_of(len(BODY)) + BODY[:5000])
            await client.head()
            rest = asyncio.ensure_future(client.rest())
            start_ns = clock.monotonic_ns()
            while not rest.done():
                clock.advance(STALL_S / 8)
                await asyncio.wait({rest}, timeout=0.01)

            assert await rest == BODY[:5000]
            assert clock.monotonic_ns() - start_ns >= STALL_S * 1e9
        assert (await statistics(port))["objects"] == 0

    play(loop, act)


def test_a_viewer_who_leaves_takes_nothing_from_the_others(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with connected(port) as staying:
            async with connected(port) as leaving:
                await send(leaving)
                _, writer = await told.asked.get()
                await send(staying)
                writer.write(head_of(8 * SMALL_BYTES) + bytes(1000))
                await asyncio.gather(leaving.head(), staying.head())
            await waiting(port, 1)
            writer.write(bytes(8 * SMALL_BYTES - 1000))

            assert len(await staying.reader.readexactly(8 * SMALL_BYTES)) == 8 * SMALL_BYTES
        assert told.paths == [COLD]

    play(loop, act)


def test_what_came_between_two_looks_at_it_is_not_fetched_again(loop: Loop) -> None:
    async def scene() -> None:
        clock, request = VirtualClock(), Request("GET", COLD, {b"host": b"t"})
        async with obedient_origin() as (told, origin_port):
            upstream = Upstream(f"http://{HOST}:{origin_port}", clock)
            one = Edge(region="east", upstream=upstream, cache_bytes=1 << 20, clock=clock)
            assert one.at_once(request) is None
            first = asyncio.ensure_future(one.later(request))
            _, writer = await told.asked.get()
            assert one.at_once(request) is None
            writer.write(head_of(3) + b"one")
            pieces = (await first).pieces
            assert pieces is not None
            assert [bytes(piece) async for piece in pieces] == [b"one"]
            await pieces.aclose()
            await until(lambda: one.statistics().objects)
            second = await one.later(request)
            await one.close()

        assert (second.verdict, bytes(second.body), told.paths) == (Verdict.HIT, b"one", [COLD])

    loop(patiently(scene()))


@pytest.mark.parametrize(
    ("size", "sent", "finished"),
    [(SMALL_BYTES, 10, True), (8 * SMALL_BYTES, 5 * SMALL_BYTES, True), (8 * SMALL_BYTES, 10, False)],
)
def test_when_all_have_left_a_fetch_goes_on_only_if_it_is_small_or_half_done(
    loop: Loop, size: int, sent: int, *, finished: bool
) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with connected(port, limit=1 << 23) as leaving:
            await send(leaving)
            _, writer = await told.asked.get()
            writer.write(head_of(size) + bytes(sent))
            await leaving.head()
            await leaving.reader.readexactly(sent)
        await until(lambda: writer.is_closing() or finished)
        if finished:
            writer.write(bytes(size - sent))
            while not (await statistics(port))["objects"]:
                pass

        reply = asyncio.ensure_future(ask(port, COLD))
        if not finished:
            _, writer = await told.asked.get()
            writer.write(head_of(size) + bytes(size))

        assert (await reply).fields["x-cache"] == ("hit" if finished else "fill")
        assert worth_finishing(sent, size) == finished

    play(loop, act)


def test_a_playlist_that_still_grows_is_asked_for_again_after_a_second_and_not_before(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, clock: VirtualClock) -> None:
        found = []
        for content, wait_s in ((b"one", 0.99), (b"", 0.01), (b"three", 0.0)):
            asking = asyncio.ensure_future(ask(port, LIVE))
            if content:
                _, writer = await told.asked.get()
                writer.write(head_of(len(content)) + content)
            reply = await asking
            found.append((reply.body, reply.fields["x-cache"]))
            clock.advance(wait_s)

        assert found == [(b"one", "fill"), (b"one", "hit"), (b"three", "fill")]

    play(loop, act)


def test_an_absence_is_believed_for_two_seconds(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, clock: VirtualClock) -> None:
        verdicts = []
        for pause_s in (0, 1.9, 0.2):
            clock.advance(pause_s)
            reply = asyncio.ensure_future(ask(port, COLD))
            if pause_s != 1.9:
                _, writer = await told.asked.get()
                writer.write(head_of(2, status="404 Not Found") + b"no")
            verdicts.append(((await reply).status, (await reply).fields["x-cache"]))

        assert verdicts == [(404, "fill"), (404, "hit"), (404, "fill")]

    play(loop, act)


@pytest.mark.parametrize(
    "nonsense",
    [
        head_of(0, status="500 Oops"),
        head_of(0, status="206 Partial Content"),
        b"HTTP/1.1 200 OK\r\n\r\nbody without a length",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"X" * 40_000,
        b"",
        b"HTTP/1.1 200",
    ],
    ids=lambda told: told[:24].decode() or "nothing",
)
def test_an_origin_that_answers_nonsense_is_502_and_asked_again(loop: Loop, nonsense: bytes) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        for _ in range(2):
            reply = asyncio.ensure_future(ask(port, COLD))
            _, writer = await told.asked.get()
            writer.write(nonsense)
            writer.close()

            assert ((await reply).status, (await reply).problem.code) == (502, "delivery.origin_failed")
            assert (await reply).fields["retry-after"] == "1"

    play(loop, act)


def test_an_origin_that_says_nothing_is_504_when_its_time_is_over(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, clock: VirtualClock) -> None:
        reply = asyncio.ensure_future(ask(port, COLD))
        await told.asked.get()
        while not reply.done():
            clock.advance(HEAD_S / 8)
            await asyncio.wait({reply}, timeout=0.01)

        assert ((await reply).status, (await reply).problem.code) == (504, "delivery.origin_late")
        assert clock.monotonic_ns() >= HEAD_S * 1e9

    play(loop, act)


def test_without_its_origin_an_edge_serves_what_it_has_and_says_502_of_the_rest(loop: Loop) -> None:
    async def scene() -> None:
        async with contextlib.AsyncExitStack() as stack:
            told, origin_port = await stack.enter_async_context(down := obedient_origin())
            port = await stack.enter_async_context(edge(origin_port, VirtualClock()))
            first = asyncio.ensure_future(ask(port, COLD))
            _, writer = await told.asked.get()
            writer.write(head_of(len(BODY)) + BODY)
            await first
            await down.__aexit__(None, None, None)

            assert (await ask(port, COLD)).body == BODY
            other = await ask(port, "/media/a/2.m4s")
            assert (other.status, other.problem.code) == (502, "delivery.origin_unreachable")
            assert "retry-after" in other.fields
            assert (await ask(port, "/healthz")).status == 200
            stack.pop_all().push_async_exit(lambda *_: asyncio.get_running_loop().create_future())

    loop(patiently(scene()))


def test_a_kept_connection_that_has_gone_stale_is_replaced_unseen(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        first = asyncio.ensure_future(ask(port, COLD))
        _, writer = await told.asked.get()
        writer.write(head_of(2) + b"ok")
        await first
        second = asyncio.ensure_future(ask(port, "/media/a/2.m4s"))
        _, stale = await told.asked.get()
        assert stale is writer
        stale.close()
        _, fresh = await told.asked.get()
        fresh.write(head_of(2) + b"ok")

        assert ((await second).status, told.connections) == (200, 2)

    play(loop, act)


def test_many_fetches_use_one_connection_when_they_come_one_after_another(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        for number in range(10):
            reply = asyncio.ensure_future(ask(port, f"/media/a/{number}.m4s"))
            _, writer = await told.asked.get()
            writer.write(head_of(2, status="404 Not Found" if number % 2 else "200 OK") + b"ok")
            await reply

        assert told.connections == 1

    play(loop, act)


def test_an_object_too_large_to_keep_is_only_handed_on_with_its_ranges(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        first = asyncio.ensure_future(ask(port, COLD))
        _, writer = await told.asked.get()
        writer.write(head_of(len(BODY)))
        _, writer = await told.asked.get()
        writer.write(head_of(len(BODY)) + BODY)
        second = asyncio.ensure_future(ask(port, COLD, Range="bytes=0-1", If_None_Match='"x"'))
        assert ((await first).body, (await first).fields["x-cache"]) == (BODY, "pass")
        _, writer = await told.asked.get()
        writer.write(head_of(2, status="206 Partial Content", more="Content-Range: bytes 0-1/99\r\n") + b"ab")

        assert ((await second).status, (await second).body) == (206, b"ab")
        assert (await second).fields["content-range"] == "bytes 0-1/99"
        assert b'Range: bytes=0-1\r\nIf-None-Match: "x"' in told.heads[-1]
        assert ((await statistics(port))["objects"], (await statistics(port))["passed"]) == (0, 2)

    play(loop, act, cache_bytes=len(BODY))


def test_head_of_a_cold_object_fetches_no_body(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        reply = asyncio.ensure_future(ask(port, COLD, "HEAD"))
        _, writer = await told.asked.get()
        writer.write(head_of(len(BODY)))

        assert (await reply).fields["content-length"] == str(len(BODY))
        assert told.heads[0].startswith(b"HEAD /media/a/1.m4s HTTP/1.1\r\n")

    play(loop, act)


def test_a_viewer_who_does_not_read_what_is_handed_on_stops_the_origin_too(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        async with connected(port) as lazy:
            await send(lazy)
            for sent in (0, 1 << 27):
                _, writer = await told.asked.get()
                writer.write(head_of(1 << 27) + bytes(sent))
            left = -1
            while left != (left := writer.transport.get_write_buffer_size()):
                await REAL.sleep(0.05)

            assert left > 1 << 26

    play(loop, act, cache_bytes=1 << 20)


def test_the_memory_of_objects_that_come_all_at_once_stays_within_its_bound(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, _clock: VirtualClock) -> None:
        replies = [asyncio.ensure_future(ask(port, f"/media/a/{n}.m4s")) for n in range(12)]
        answered = 0
        while not all(reply.done() for reply in replies):
            with contextlib.suppress(TimeoutError):
                _, writer = await asyncio.wait_for(told.asked.get(), 0.05)
                writer.write(head_of(20_000) + bytes(20_000))
                answered += 1

        counted = await statistics(port)
        assert [len((await reply).body) for reply in replies] == [20_000] * 12
        assert counted["cached_bytes"] <= 100_000
        assert counted["fills"] + counted["passed"] == 12
        assert answered == counted["origin_fetches"]

    play(loop, act, cache_bytes=100_000)


def test_age_is_the_time_in_memory_and_date_that_of_the_fill(loop: Loop) -> None:
    async def act(told: ObedientOrigin, port: int, clock: VirtualClock) -> None:
        first = asyncio.ensure_future(ask(port, COLD))
        _, writer = await told.asked.get()
        writer.write(head_of(2) + b"ok")
        await first
        clock.advance(90)
        fields = (await ask(port, COLD)).fields

        assert (fields["age"], fields["date"]) == ("90", "Thu, 01 Jan 1970 00:00:00 GMT")

    play(loop, act)
