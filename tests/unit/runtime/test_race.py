import asyncio

import pytest

from bijou.ports import VirtualClock
from bijou.runtime.race import roused

pytestmark = pytest.mark.anyio


async def waiting(event: asyncio.Event, clock: VirtualClock) -> "asyncio.Task[None]":
    task = asyncio.create_task(roused(event, clock, 10))
    for _ in range(8):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run until they wait
    assert clock.sleepers
    return task


async def test_whoever_rests_is_roused_by_the_event_and_leaves_nothing_behind() -> None:
    event, clock = asyncio.Event(), VirtualClock()
    task = await waiting(event, clock)

    event.set()
    await task

    assert not clock.sleepers


async def test_whoever_rests_goes_on_after_the_time_and_not_before() -> None:
    event, clock = asyncio.Event(), VirtualClock()
    task = await waiting(event, clock)

    clock.advance(9.999)
    done, _ = await asyncio.wait({task}, timeout=0)
    assert not done
    clock.advance(0.001)
    await task

    assert not event.is_set()
