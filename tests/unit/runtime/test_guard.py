"""Turns: few at a time, a short and fair line, and a moment to come back for everybody else."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.ports import EngineUnavailable, VirtualClock
from bijou.runtime.guard import LONGEST_AWAY_S, Turns

pytestmark = pytest.mark.anyio


def busy(away_s: float) -> EngineUnavailable:
    return EngineUnavailable("t.busy", "everybody works", retry_after_s=away_s)


class Work:
    """Calls that end when they are told to, and what became of their callers."""

    def __init__(self, **wished: Any) -> None:
        self.clock = VirtualClock()
        self.turns = Turns(self.clock, Random(1), busy, **wished)
        self.begun: list[str] = []
        self.ends: list[asyncio.Event] = []
        self.running = self.most = 0

    def call(self, key: str, name: str = "") -> "asyncio.Task[str]":
        caller = asyncio.create_task(self.turns.run(key, lambda: self._work(name or key)))
        caller.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return caller

    async def _work(self, name: str) -> str:
        self.begun.append(name)
        self.running += 1
        self.most = max(self.most, self.running)
        self.ends.append(end := asyncio.Event())
        await end.wait()
        self.running -= 1
        return name

    async def end(self, number: int = 0) -> None:
        self.ends.pop(number).set()
        await settle()

    async def end_all(self) -> None:
        while self.ends:
            await self.end()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run until they wait


def away_s(caller: "asyncio.Task[str]") -> float:
    error = caller.exception()
    assert isinstance(error, EngineUnavailable)
    assert (error.code, error.status) == ("t.busy", 503)
    assert error.retry_after_s is not None
    return error.retry_after_s


async def test_so_many_at_once_and_the_rest_in_the_order_in_which_they_came() -> None:
    work = Work(at_once=2)
    callers = [work.call(name) for name in "abcd"]
    await settle()

    assert work.begun == ["a", "b"]
    await work.end()
    assert work.begun == ["a", "b", "c"]
    await work.end_all()
    assert [caller.result() for caller in callers] == ["a", "b", "c", "d"]
    assert work.turns.statistics().served == 4


async def test_an_address_with_many_callers_keeps_nobody_elses_waiting() -> None:
    work = Work(at_once=1)
    for number in range(6):
        work.call("crowd", f"crowd {number}")
    await settle()
    work.call("ada")
    await settle()

    await work.end_all()

    assert work.begun.index("ada") == 2


async def test_a_full_line_gives_up_the_newest_of_the_longest_for_who_has_none() -> None:
    work = Work(at_once=1, room=3)
    crowd = [work.call("crowd", f"crowd {number}") for number in range(5)]
    await settle()
    assert [caller.done() for caller in crowd] == [False, False, False, False, True]

    ada = work.call("ada")
    await settle()
    assert [caller.done() for caller in crowd] == [False, False, False, True, True]
    assert away_s(crowd[3]) >= 1

    await work.end_all()
    assert ada.result() == "ada"


async def test_whoever_would_wait_longer_than_patience_is_told_at_once() -> None:
    work = Work(at_once=1, usual_s=2.0, patience_s=5.0)
    callers = [work.call(f"{number}") for number in range(5)]
    await settle()

    assert [caller.done() for caller in callers] == [False, False, False, True, True]
    await work.end_all()


async def test_whoever_has_waited_out_patience_is_told_then_and_leaves_the_line() -> None:
    work = Work(at_once=1, patience_s=5.0)
    one, other = work.call("one"), work.call("other")
    await settle()

    work.clock.advance(4.999)
    await settle()
    assert not other.done()
    work.clock.advance(0.001)
    await settle()
    assert away_s(other) >= 1
    assert work.turns.statistics().waiting == 0
    await work.end()
    assert one.result() == "one"
    assert work.begun == ["one"]
    assert not work.clock.sleepers


async def test_those_sent_away_come_back_one_after_the_other_at_the_pace_of_the_work() -> None:
    work = Work(at_once=2, usual_s=1.0, room=4)
    callers = [work.call(f"{number}") for number in range(46)]
    await settle()
    moments = [away_s(caller) for caller in callers if caller.done()]

    assert len(moments) == 40
    for number, moment in enumerate(moments):
        due_s = (4 + number + 1) * 0.5
        assert due_s <= moment <= 1.25 * due_s
    await work.end_all()


async def test_an_endless_crowd_is_spread_over_a_minute_and_a_half() -> None:
    work = Work(at_once=1, usual_s=1.0, room=1)
    callers = [work.call(f"{number}") for number in range(1000)]
    await settle()
    moments = [away_s(caller) for caller in callers if caller.done()]

    assert max(moments) <= 1.5 * LONGEST_AWAY_S
    late = Counter(int(moment) for moment in moments if moment > 1.3 * LONGEST_AWAY_S)
    assert max(late.values()) < 40
    await work.end_all()


async def test_a_caller_who_leaves_the_line_is_passed_over() -> None:
    work = Work(at_once=1)
    _one, other, third = work.call("one"), work.call("other"), work.call("third")
    await settle()

    other.cancel()
    await settle()
    await work.end()

    assert work.begun == ["one", "third"]
    await work.end_all()
    assert third.done()
    assert not work.clock.sleepers


async def test_a_caller_who_leaves_in_the_moment_of_its_turn_hands_it_on() -> None:
    work = Work(at_once=1)
    _one, other, third = work.call("one"), work.call("other"), work.call("third")
    await settle()

    work.ends.pop().set()
    while work.turns.statistics().waiting == 2:  # noqa: ASYNC110 - to the very moment
        await asyncio.sleep(0)  # noqa: TID251 - as above
    other.cancel()
    await settle()

    assert work.begun == ["one", "third"]
    await work.end_all()
    assert third.result() == "third"


async def test_a_call_whose_caller_has_left_keeps_its_place_until_it_has_ended() -> None:
    work = Work(at_once=1)
    one, other = work.call("one"), work.call("other")
    await settle()

    one.cancel()
    await settle()
    assert work.begun == ["one"]

    await work.end()
    assert work.begun == ["one", "other"]
    assert work.most == 1
    await work.end_all()
    assert other.done()


async def test_a_call_that_fails_fails_its_caller_alone() -> None:
    turns = Turns(VirtualClock(), Random(1), busy, at_once=1)

    async def fails() -> None:
        raise KeyError("x")

    for _ in range(3):
        with pytest.raises(KeyError):
            await turns.run("a", fails)
    assert turns.statistics().running == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 3)),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("leave"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=60,
)


@given(at_once=st.integers(1, 3), room=st.integers(1, 5), steps=STEPS)
async def test_whatever_comes_the_bounds_hold_and_nobody_is_forgotten(
    at_once: int, room: int, steps: list[tuple[str, int]]
) -> None:
    work = Work(at_once=at_once, room=room, patience_s=3.0)
    callers: list[tuple[asyncio.Task[str], str, float]] = []
    for number, (step, value) in enumerate(steps):
        now_s = work.clock.monotonic_ns() / 1e9
        if step == "call":
            callers.append((work.call(f"{value}", f"call {number}"), f"call {number}", now_s))
        elif step == "end" and work.ends:
            work.ends.pop(value % len(work.ends)).set()
        elif step == "leave" and callers:
            callers[value % len(callers)][0].cancel()
        elif step == "wait":
            work.clock.advance(value / 10)
        if number % 3:
            continue  # several things in one moment, too
        await settle()
        told = work.turns.statistics()
        now_s = work.clock.monotonic_ns() / 1e9

        assert work.running == told.running <= at_once
        assert told.waiting <= room
        assert told.waiting == 0 or told.running == at_once
        for task, name, came_s in callers:
            assert task.done() or name in work.begun or now_s - came_s < 3.0

    await settle()
    await work.end_all()
    await settle()
    assert work.most <= at_once
    assert all(task.done() for task, _, _ in callers)
    assert work.turns.statistics().running == work.turns.statistics().waiting == 0
    assert not work.clock.sleepers


@pytest.mark.parametrize("wished", [{"at_once": 0}, {"room": 0}, {"patience_s": 0.0}, {"usual_s": 0.0}])
async def test_bounds_that_let_nobody_through_are_refused(wished: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Work(**wished)
