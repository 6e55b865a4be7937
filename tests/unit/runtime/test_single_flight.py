import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bijou.ports import VirtualClock
from bijou.runtime.single_flight import AsyncSingleFlight


class Loader:
    """Loads after a second of virtual time; counts, and fails when told to."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.calls = self.finished = 0
        self.error: Exception | None = None

    async def load(self, key: str) -> str:
        self.calls += 1
        await self.clock.sleep(1)
        self.finished += 1
        if self.error:
            raise self.error
        return f"{key} {self.calls}"


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run until they wait


def scenario(body: Callable[[Loader, AsyncSingleFlight[str, str]], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body(Loader(), AsyncSingleFlight()))


def test_callers_of_one_key_share_one_call_and_later_ones_start_another() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        crowd = asyncio.gather(*(flights.run("a", loader.load) for _ in range(50)))
        other = asyncio.ensure_future(flights.run("b", loader.load))
        await settle()
        loader.clock.advance(1)
        assert set(await crowd) == {"a 2"}
        assert await other == "b 2"
        assert len(flights) == 0

        again = asyncio.ensure_future(flights.run("a", loader.load))
        await settle()
        loader.clock.advance(1)

        assert await again == "a 3"

    scenario(body)


def test_an_error_reaches_every_caller_and_is_not_remembered() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        loader.error = OSError("no")
        crowd = [asyncio.ensure_future(flights.run("a", loader.load)) for _ in range(3)]
        await settle()
        loader.clock.advance(1)
        outcomes = await asyncio.gather(*crowd, return_exceptions=True)
        assert outcomes == [loader.error] * 3

        loader.error = None
        again = asyncio.ensure_future(flights.run("a", loader.load))
        await settle()
        loader.clock.advance(1)

        assert await again == "a 2"

    scenario(body)


def test_a_cancelled_caller_leaves_the_others_their_answer() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        first, second = (asyncio.ensure_future(flights.run("a", loader.load)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        loader.clock.advance(1)

        assert await second == "a 1"
        assert first.cancelled()

    scenario(body)


def test_when_the_last_caller_leaves_the_call_is_cancelled() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        callers = [asyncio.ensure_future(flights.run("a", loader.load)) for _ in range(2)]
        await settle()
        for caller in callers:
            caller.cancel()
        await settle()
        assert len(flights) == 0
        loader.clock.advance(1)
        await settle()

        assert (loader.calls, loader.finished) == (1, 0)

    scenario(body)


def test_a_caller_that_comes_after_everyone_left_gets_a_call_of_its_own() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        gone = asyncio.ensure_future(flights.run("a", loader.load))
        await settle()
        gone.cancel()
        fresh = asyncio.ensure_future(flights.run("a", loader.load))
        await settle()
        loader.clock.advance(1)

        assert await fresh == "a 2"
        with pytest.raises(asyncio.CancelledError):
            await gone

    scenario(body)


def test_a_call_that_asks_for_its_own_key_is_refused_instead_of_waiting_for_ever() -> None:
    async def body(loader: Loader, flights: AsyncSingleFlight[str, str]) -> None:
        async def ask_again(key: str) -> str:
            return await flights.run(key, loader.load)

        with pytest.raises(RuntimeError, match="'a' asks for 'a' again"):
            await flights.run("a", ask_again)

    scenario(body)
