import asyncio

import pytest

from bijou.algorithms.limits import GCRA, Grant, SlidingWindowLog, grant
from bijou.ports import EngineUnavailable, VirtualClock
from bijou.runtime.limits import PrepaidLimits, wait_to_pass

SECOND_NS = 10**9


class SharedLog:
    """A source in this process, a network's delay away."""

    def __init__(self, clock: VirtualClock, limit: int, window_ns: int, *, delay_s: float = 0) -> None:
        self.clock, self.delay_s = clock, delay_s
        self.limit, self.window_ns = limit, window_ns
        self.logs: dict[str, SlidingWindowLog] = {}
        self.calls = 0

    async def take(self, key: str, permits: int) -> Grant:
        self.calls += 1
        log = self.logs.setdefault(key, SlidingWindowLog(self.limit, self.window_ns))
        given = grant(log, self.clock.monotonic_ns(), permits)
        await self.clock.sleep(self.delay_s)
        return given


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run until they wait


def test_a_waiter_passes_at_the_first_moment_that_it_may() -> None:
    async def scenario() -> list[bool]:
        clock = VirtualClock()
        gcra = GCRA(rate=2, period_ns=SECOND_NS, burst=1)
        gcra.admit(0)
        waiter = asyncio.ensure_future(wait_to_pass(gcra.admit, clock))
        await settle()
        clock.advance(0.499)
        await settle()
        before = waiter.done()
        clock.advance(0.001)
        return [before, (await waiter).allowed]

    assert asyncio.run(scenario()) == [False, True]


def test_many_waiters_all_pass_one_after_the_other() -> None:
    async def scenario() -> list[int]:
        clock = VirtualClock()
        gcra = GCRA(rate=1, period_ns=SECOND_NS, burst=1)
        passed: list[int] = []

        async def wait() -> None:
            await wait_to_pass(gcra.admit, clock)
            passed.append(clock.monotonic_ns() // SECOND_NS)

        waiters = [asyncio.ensure_future(wait()) for _ in range(5)]
        for _ in range(5):
            await settle()
            clock.advance(1)
        await asyncio.gather(*waiters)
        return passed

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_a_wait_in_vain_is_answered_at_once() -> None:
    gcra = GCRA(rate=1, period_ns=SECOND_NS, burst=1)
    gcra.admit(0)

    decision = asyncio.run(wait_to_pass(gcra.admit, VirtualClock(), timeout_s=0.999))

    assert (decision.allowed, decision.retry_after_ns) == (False, SECOND_NS)


def test_a_crowd_shares_calls_and_passes_no_more_than_the_limit() -> None:
    async def scenario() -> tuple[int, int, int]:
        clock = VirtualClock()
        shared = SharedLog(clock, 100, 11 * SECOND_NS // 10)
        limits = PrepaidLimits(shared, clock, limit=100, term_s=0.1)
        decisions = await asyncio.gather(*(limits.admit("a") for _ in range(300)))
        other = await limits.admit("b")
        return sum(decision.allowed for decision in decisions), shared.calls, other.remaining

    passed, calls, _ = asyncio.run(scenario())

    assert passed == 100
    assert calls <= 10


def test_two_processes_share_one_limit() -> None:
    async def scenario() -> int:
        clock = VirtualClock()
        shared = SharedLog(clock, 10, 11 * SECOND_NS // 10)
        processes = [PrepaidLimits(shared, clock, limit=10, term_s=0.1) for _ in range(2)]
        decisions = [await processes[turn % 2].admit("a") for turn in range(40)]
        return sum(decision.allowed for decision in decisions)

    assert 5 <= asyncio.run(scenario()) <= 10


def test_permits_that_come_too_late_are_an_engine_s_fault_and_not_spent() -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        limits = PrepaidLimits(SharedLog(clock, 10, SECOND_NS, delay_s=0.2), clock, limit=10, term_s=0.1)
        asked = asyncio.ensure_future(limits.admit("a"))
        await settle()
        clock.advance(0.2)
        await asked

    with pytest.raises(EngineUnavailable, match=r"came after 0\.200 s and are good for 0\.100 s"):
        asyncio.run(scenario())


def test_leases_of_keys_that_went_away_are_dropped() -> None:
    async def scenario() -> int:
        clock = VirtualClock()
        limits = PrepaidLimits(SharedLog(clock, 10, SECOND_NS), clock, limit=10, term_s=0.1)
        for key in range(5000):
            await limits.admit(str(key))
            clock.advance(0.001)
        return len(limits)

    assert asyncio.run(scenario()) <= 1024
