"""What callers see when Redis dies, hangs, restarts, or cannot be used at all."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from bijou.algorithms.limits import LogRule
from bijou.engines.redis_limits import RedisLimits
from bijou.ports import EngineUnavailable, VirtualClock
from tests.contract.redis_limits.server import RedisServer

pytestmark = pytest.mark.anyio

HOUR_NS = 3600 * 10**9
TIMEOUT_S = 0.2
PAUSE_S = 0.5


@pytest.fixture
async def limits(own_redis: RedisServer, clock: VirtualClock) -> AsyncIterator[RedisLimits]:
    limits = RedisLimits(own_redis.url, clock, timeout_s=TIMEOUT_S, pause_s=PAUSE_S)
    yield limits
    await limits.close()


async def test_a_killed_redis_passes_nothing_and_comes_back_knowing_what_it_allowed(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    limit = limits.keyed("sign-in", LogRule(3, HOUR_NS))
    assert [(await limit.admit("ann")).allowed for _ in range(2)] == [True, True]

    own_redis.kill()
    with pytest.raises(EngineUnavailable, match="nothing passes until it answers") as caught:
        await limit.admit("ann")
    assert (caught.value.code, caught.value.retry_after_s) == ("limits.unavailable", PAUSE_S)

    own_redis.start()
    clock.advance(PAUSE_S)
    assert [(await limit.admit("ann")).allowed for _ in range(2)] == [True, False]


async def test_permits_in_hand_are_spent_while_redis_is_down_and_no_longer(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    prepaid = limits.prepaid("decide", LogRule(100, HOUR_NS), term_s=10)
    passed = [await prepaid.admit("all") for _ in range(9)]  # taken as 1, 2, 4 and 8
    own_redis.kill()

    in_hand = [await prepaid.admit("all") for _ in range(6)]
    assert all(decision.allowed for decision in passed + in_hand)
    with pytest.raises(EngineUnavailable, match=r"limits"):
        await prepaid.admit("all")


async def test_permits_in_hand_spoil_though_nobody_can_be_asked_for_more(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    prepaid = limits.prepaid("decide", LogRule(100, HOUR_NS), term_s=10)
    for _ in range(2):
        await prepaid.admit("all")
    own_redis.kill()

    clock.advance(10)

    with pytest.raises(EngineUnavailable, match=r"nothing passes"):
        await prepaid.admit("all")


async def test_a_redis_that_hangs_is_given_up_on_in_time_then_left_alone(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    limit = limits.keyed("sign-in", LogRule(3, HOUR_NS))
    await limit.admit("ann")

    own_redis.signal(signal.SIGSTOP)
    with pytest.raises(EngineUnavailable, match=r"no answer in 0\.2 s"):
        await limit.admit("ann")
    own_redis.signal(signal.SIGCONT)
    with pytest.raises(EngineUnavailable, match=r"asked again in 0\.500 s"):
        await limit.admit("ann")

    clock.advance(PAUSE_S)
    # What was asked in vain may have been charged when the server woke up, or not.
    assert (await limit.peek("ann")).remaining in {0, 1}


async def test_answers_that_come_too_late_reach_nobody_else(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    large, small = limits.keyed("large", LogRule(1000, HOUR_NS)), limits.keyed("small", LogRule(7, HOUR_NS))
    await asyncio.gather(*(large.admit("ann") for _ in range(8)))

    own_redis.signal(signal.SIGSTOP)
    late = await asyncio.gather(*(large.admit("ann") for _ in range(8)), return_exceptions=True)
    own_redis.signal(signal.SIGCONT)
    clock.advance(PAUSE_S)

    assert all(isinstance(answer, EngineUnavailable) for answer in late)
    assert [(await small.admit("bob")).remaining for _ in range(7)] == [6, 5, 4, 3, 2, 1, 0]


async def test_after_the_pause_one_call_tries_and_the_others_wait_for_its_outcome(
    own_redis: RedisServer, limits: RedisLimits, clock: VirtualClock
) -> None:
    limit = limits.keyed("sign-in", LogRule(3, HOUR_NS))
    own_redis.signal(signal.SIGSTOP)
    with pytest.raises(EngineUnavailable):
        await limit.admit("ann")
    clock.advance(PAUSE_S)

    outcomes = await asyncio.gather(*(limit.admit("ann") for _ in range(5)), return_exceptions=True)
    own_redis.signal(signal.SIGCONT)

    assert sum("no answer" in str(outcome) for outcome in outcomes) == 1
    assert sum("failed before" in str(outcome) for outcome in outcomes) == 4


async def test_a_redis_without_memory_left_is_the_operator_s_to_mend(
    own_redis: RedisServer, limits: RedisLimits
) -> None:
    await limits._redis.config_set("maxmemory", 1)

    with pytest.raises(EngineUnavailable, match="maxmemory"):
        await limits.keyed("sign-in", LogRule(3, HOUR_NS)).admit("ann")


@pytest.fixture
def mute() -> Iterator[str]:
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


async def test_something_that_is_no_redis_is_given_up_on_in_time(mute: str, clock: VirtualClock) -> None:
    limits = RedisLimits(mute, clock, timeout_s=0.1)

    with pytest.raises(EngineUnavailable, match=r"no answer in 0\.1 s"):
        await limits.keyed("sign-in", LogRule(3, HOUR_NS)).admit("ann")
    await limits.close()


def test_a_missing_driver_is_one_sentence(monkeypatch: pytest.MonkeyPatch, clock: VirtualClock) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    with pytest.raises(EngineUnavailable, match=r"pip install 'bijou\[redis\]'") as caught:
        RedisLimits("redis://127.0.0.1:1/0", clock)

    assert caught.value.code == "limits.no_driver"
