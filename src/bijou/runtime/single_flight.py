"""One call for many callers: whoever asks while it runs shares its outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class AsyncSingleFlight(Generic[K, V]):
    """At most one call a key at a time; its value or error reaches every caller.

    Nothing is remembered: whoever comes after the call ended starts another. A
    caller that is cancelled leaves the others alone; when the last one leaves,
    the call is cancelled too. Two calls that ask for each other's key would
    wait for ever: let calls have no circles.

    Cost: one task a call, one future a caller.
    Threads: one event loop.

    Example:
        >>> async def load(key: str) -> str:
        ...     print("loading", key)
        ...     return key.upper()
        >>> async def scenario() -> list[str]:
        ...     flights = AsyncSingleFlight[str, str]()
        ...     return await asyncio.gather(*(flights.run("a", load) for _ in range(3)))
        >>> asyncio.run(scenario())
        loading a
        ['A', 'A', 'A']
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def run(self, key: K, call: Callable[[K], Awaitable[V]]) -> V:
        """Return what `call(key)` returns, or join the call that is under way.

        Raises:
            RuntimeError: called from within the call of the same key.
            Exception: what the call raised, the same object for all callers.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.ensure_future(self._fly(key, flight, call))
        elif flight.task is asyncio.current_task():
            raise RuntimeError(f"the call of {key!r} asks for {key!r} again; it would wait for itself")
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    def __len__(self) -> int:
        return len(self._flights)

    async def _fly(self, key: K, flight: "_Flight[V]", call: Callable[[K], Awaitable[V]]) -> V:
        try:
            return await call(key)
        finally:
            # Before anyone wakes: a caller that comes now must not join what has ended.
            self._forget(key, flight)

    def _forget(self, key: K, flight: "_Flight[V]") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


class _Flight(Generic[V]):
    """A call under way and how many wait for it."""

    task: "asyncio.Future[V]"

    def __init__(self) -> None:
        self.waiting = 0
