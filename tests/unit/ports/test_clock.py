import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bijou.ports import Instant, VirtualClock


async def sleeper(clock: VirtualClock, seconds: float, name: str, woken: list[str]) -> None:
    await clock.sleep(seconds)
    woken.append(name)


def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    async def scenario() -> list[str]:
        clock, woken = VirtualClock(), list[str]()
        tasks = [asyncio.create_task(sleeper(clock, s, n, woken)) for s, n in ((3, "c"), (1, "a"), (2, "b"))]
        await asyncio.sleep(0)  # noqa: TID251 - lets the sleepers lie down
        clock.advance(2.5)
        await asyncio.wait(tasks[1:])
        half_way = list(woken)
        clock.advance(0.5)
        await tasks[0]
        return [*half_way, "|", *woken[2:]]

    assert asyncio.run(scenario()) == ["a", "b", "|", "c"]


def test_a_virtual_clock_never_moves_by_itself() -> None:
    clock = VirtualClock(Instant(7))

    assert (clock.now(), clock.monotonic_ns()) == (7, 0)


@given(st.integers(0, 253402300799_999999))
def test_an_instant_survives_the_wire(microseconds: int) -> None:
    instant = Instant(microseconds)

    assert Instant.parse(instant.rfc3339()) == instant


def test_an_instant_with_another_offset_is_the_same_moment() -> None:
    assert Instant.parse("2026-11-21T12:00:00+02:00") == Instant.parse("2026-11-21T10:00:00Z")
