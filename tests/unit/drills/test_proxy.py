import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from bijou.drills.grey import Fault, Pace, Proxy, calm, faults
from bijou.ports import SystemClock, VirtualClock

QUESTION = b"GET /x HTTP/1.1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OPEN = Fault("open", "does nothing")

Ask = Callable[[], Awaitable[bytes]]


async def behind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1000):
        writer.write(ANSWER)
    writer.close()


def through(fault: Fault, tries: int = 1, *, patience_s: float = 5.0) -> list[bytes]:
    """Ask through a proxy, each time over a connection of its own; what came back, b"" for nothing."""

    async def asked(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(QUESTION)
            async with asyncio.timeout(patience_s):
                return await reader.read(1000)
        except (TimeoutError, ConnectionResetError):
            return b""
        finally:
            writer.close()

    async def all_asked() -> list[bytes]:
        server = await asyncio.start_server(behind, "127.0.0.1", 0)
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        clock = SystemClock()
        async with server, Proxy(("127.0.0.1", 0), place, OPEN, clock=clock, chance=Random(3)) as proxy:
            assert await asked(proxy.port) == ANSWER
            proxy.turn(fault)
            return [await asked(proxy.port) for _ in range(tries)]

    return asyncio.run(all_asked())


def test_a_way_without_a_fault_hands_on_both_ways() -> None:
    assert through(calm(0.0)) == [ANSWER]


def test_a_share_of_requests_is_reset_or_refused_and_the_others_answered() -> None:
    came = through(Fault("errors", "", errors=0.5), 40)

    refused = sum(answer.startswith(b"HTTP/1.1 503") for answer in came)
    assert came.count(ANSWER) + refused + came.count(b"") == 40
    assert min(came.count(ANSWER), refused, came.count(b"")) >= 3


def test_a_one_way_cut_takes_the_question_and_never_answers() -> None:
    assert through(Fault("one-way", "", mute=True), patience_s=0.2) == [b""]


def test_what_flaps_is_down_first() -> None:
    assert through(Fault("flapping", "", up_s=1.0, down_s=60.0)) == [b""]


def test_pieces_keep_to_the_rate_together_and_idle_time_is_not_saved_up() -> None:
    pace = Pace()

    waits = [pace.waits_s(1000, 80_000.0, now_s) for now_s in (0.0, 0.0, 0.0, 1.0, 1.0)]

    assert waits == pytest.approx([0.0, 0.1, 0.2, 0.0, 0.1])
    assert pace.waits_s(10**9, 0.0, 2.0) == 0.0


def test_each_fault_changes_one_thing() -> None:
    usual = calm(8e6)
    fields = ("delay_s", "rate_bps", "errors", "mute", "up_s")

    changed = {
        fault.name: [name for name in fields if getattr(fault, name) != getattr(usual, name)]
        for fault in faults(8e6)
    }

    assert changed == {
        "latency": ["delay_s"],
        "errors": ["errors"],
        "bandwidth": ["rate_bps"],
        "flapping": ["up_s"],
        "one-way": ["mute"],
    }


def test_errors_come_as_often_as_said() -> None:
    chance, fault = Random(1), Fault("errors", "", errors=0.05)

    drawn = [fault.spoils(chance) for _ in range(20_000)]

    assert 0.045 < sum(map(bool, drawn)) / len(drawn) < 0.055
    assert 0.4 < drawn.count("reset") / sum(map(bool, drawn)) < 0.6


async def delayed(fault: Fault) -> float:
    """How much virtual time an answer takes."""
    clock = VirtualClock()
    server = await asyncio.start_server(behind, "127.0.0.1", 0)
    place = ("127.0.0.1", server.sockets[0].getsockname()[1])
    async with server, Proxy(("127.0.0.1", 0), place, fault, clock=clock, chance=Random(1)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(QUESTION)
        answer = asyncio.ensure_future(reader.readexactly(len(ANSWER)))
        while not answer.done():
            for _ in range(5):  # let bytes that are under way arrive
                await asyncio.wait([answer], timeout=0.001)
            clock.advance(0.01)
        writer.close()
        return clock.monotonic_ns() / 1e9


def test_latency_is_added_on_the_way_there_and_on_the_way_back() -> None:
    took_s = asyncio.run(delayed(Fault("slow", "", delay_s=0.2)))

    assert took_s >= 0.4
