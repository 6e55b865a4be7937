"""An event loop's cache: n callers, one load, and nothing stored over what came later."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from bijou.algorithms.caches import Cache, Expiry
from bijou.ports import VirtualClock
from bijou.runtime.loading import LoadingCache

S = 10**9


class World:
    """A cache whose loads take a second; values are fresh for 10 s and stale for 10 more."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.calls = 0
        self.error: Exception | None = None
        expiry = Expiry(clock_ns=self.clock.monotonic_ns, ttl_ns=10 * S, grace_ns=10 * S)
        self.cache = Cache[str, str](10, expiry=expiry)
        self.loading = LoadingCache(self.cache, self.load)

    async def load(self, key: str) -> str:
        self.calls += 1
        number = self.calls
        await self.clock.sleep(1)
        if self.error:
            raise self.error
        return f"{key} {number}"

    async def get(self, key: str) -> str:
        """Ask, and let the load take its second."""
        asked = asyncio.ensure_future(self.loading.get(key))
        await self.pass_s(1)
        return await asked

    async def pass_s(self, seconds: float) -> None:
        await settle()
        self.clock.advance(seconds)
        await settle()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run until they wait


def scenario(body: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        world = World()
        await body(world)
        await world.loading.aclose()

    asyncio.run(run())


def test_a_crowd_is_served_by_one_load_and_later_callers_by_the_cache() -> None:
    async def body(world: World) -> None:
        crowd = asyncio.gather(*(world.loading.get("a") for _ in range(100)))
        await world.pass_s(1)

        assert set(await crowd) == {"a 1"}
        assert await world.loading.get("a") == "a 1"
        assert world.calls == world.cache.statistics().loads == 1

    scenario(body)


def test_a_failed_load_reaches_the_whole_crowd_and_is_not_cached() -> None:
    async def body(world: World) -> None:
        world.error = OSError("origin is away")
        crowd = asyncio.gather(*(world.loading.get("a") for _ in range(3)), return_exceptions=True)
        await world.pass_s(1)
        assert await crowd == [world.error] * 3

        world.error = None

        assert await world.get("a") == "a 2"
        assert world.cache.statistics().failures == 1

    scenario(body)


def test_a_stale_value_is_served_at_once_while_one_task_loads_it_again() -> None:
    async def body(world: World) -> None:
        await world.get("a")
        await world.pass_s(10)

        served = [await world.loading.get("a") for _ in range(5)]

        assert served == ["a 1"] * 5
        await world.pass_s(1)
        assert await world.loading.get("a") == "a 2"
        assert world.calls == 2

    scenario(body)


def test_a_stale_value_outlives_failing_loads_until_it_is_gone() -> None:
    async def body(world: World) -> None:
        await world.get("a")
        world.error = OSError("origin is away")
        await world.pass_s(10)
        assert await world.get("a") == "a 1"
        assert await world.get("a") == "a 1"
        assert world.cache.statistics().failures == 2

        await world.pass_s(10)

        with pytest.raises(OSError, match="away"):
            await world.get("a")

    scenario(body)


def test_what_is_removed_while_it_loads_is_not_brought_back() -> None:
    async def body(world: World) -> None:
        before = asyncio.ensure_future(world.loading.get("a"))
        await settle()
        world.cache.remove("a")
        after = asyncio.ensure_future(world.loading.get("a"))
        await world.pass_s(1)

        assert (await before, await after) == ("a 1", "a 2")
        assert world.cache.get("a") == "a 2"

    scenario(body)


def test_a_refresh_that_is_cancelled_before_it_starts_lets_the_next_one_go() -> None:
    async def body(world: World) -> None:
        await world.get("a")
        await world.pass_s(10)
        await world.loading.get("a")
        await world.loading.aclose()
        assert world.calls == 1

        await world.get("a")

        assert await world.loading.get("a") == "a 2"

    scenario(body)


def test_a_load_that_goes_on_after_its_last_caller_left_is_not_stored_over_what_came_later() -> None:
    async def body(world: World) -> None:
        open_gate = asyncio.Event()

        async def stubborn(key: str) -> str:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await open_gate.wait()
            return f"{key} old"

        loading = LoadingCache(world.cache, stubborn)
        asked = asyncio.ensure_future(loading.get("a"))
        await settle()
        asked.cancel()
        await settle()
        world.cache.put("a", "newer")
        open_gate.set()
        await settle()

        assert world.cache.get("a") == "newer"
        assert world.cache.statistics().loads == 1, "the load came to its end"

    scenario(body)
