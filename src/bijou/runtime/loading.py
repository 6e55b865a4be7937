"""A cache that loads on an event loop: n callers, one load."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from bijou.algorithms.caches import Cache, Ticket
from bijou.runtime.single_flight import AsyncSingleFlight

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadingCache(Generic[K, V]):
    """Values of a cache, loaded where absent: once for all who ask meanwhile.

    A stale value is returned at once while one task loads it again; if that
    load fails, the stale value stays until it is gone, and the failure is
    counted. A value whose key is written or removed while it loads is handed
    to those who waited, and not stored.

    Cost: a hit is one look-up in the cache; a load is one task.
    Threads: one event loop; others may use the cache itself meanwhile.

    Args:
        cache: Where values are; `put`, `remove` and `statistics` are asked of it.
        load: Returns the value of a key.

    Example:
        >>> async def load(key: str) -> str:
        ...     print("loading", key)
        ...     return key.upper()
        >>> async def scenario() -> list[str]:
        ...     titles = LoadingCache(Cache[str, str](10), load)
        ...     crowd = await asyncio.gather(*(titles.get("a") for _ in range(2)))
        ...     return [*crowd, await titles.get("a")]
        >>> asyncio.run(scenario())
        loading a
        ['A', 'A', 'A']
    """

    def __init__(self, cache: Cache[K, V], load: Callable[[K], Awaitable[V]]) -> None:
        self._cache = cache
        self._load = load
        self._flights: AsyncSingleFlight[Ticket[K], V] = AsyncSingleFlight()
        self._refreshes: set[asyncio.Task[None]] = set()

    async def get(self, key: K, *, ttl_ns: int | None = None) -> V:
        """Return the value of `key`, loading it where it is absent.

        Args:
            key: What to find it by.
            ttl_ns: The loaded value's own time to live.

        Raises:
            Exception: what the load raised; all who waited get it, nobody later.
        """
        found = self._cache.lookup(key)
        if found is not None and not found.is_stale:
            return found.value
        ticket = self._cache.hold(key, only_first=found is not None)
        if found is None:
            assert ticket is not None
            try:
                return await self._fly(ticket, ttl_ns)
            finally:
                self._cache.release(ticket)
        if ticket is not None:
            self._refresh_soon(ticket, ttl_ns)
        return found.value

    async def aclose(self) -> None:
        """Cancel the loads that go on in the background, and wait until they ended."""
        refreshes = list(self._refreshes)
        for refresh in refreshes:
            refresh.cancel()
        await asyncio.gather(*refreshes, return_exceptions=True)

    def _refresh_soon(self, ticket: Ticket[K], ttl_ns: int | None) -> None:
        def end(refresh: asyncio.Task[None]) -> None:
            self._refreshes.discard(refresh)
            self._cache.release(ticket)

        refresh = asyncio.ensure_future(self._refresh(ticket, ttl_ns))
        self._refreshes.add(refresh)
        # Not at the end of the task itself: one that is cancelled before it starts has no end.
        refresh.add_done_callback(end)

    async def _refresh(self, ticket: Ticket[K], ttl_ns: int | None) -> None:
        with suppress(Exception):  # counted where it was raised
            await self._fly(ticket, ttl_ns)

    async def _fly(self, ticket: Ticket[K], ttl_ns: int | None) -> V:
        async def load_and_fill(ticket: Ticket[K]) -> V:
            try:
                value = await self._load(ticket.key)
            except Exception:
                self._cache.note_failure()
                raise
            self._cache.fill(ticket, value, ttl_ns=ttl_ns)
            return value

        return await self._flights.run(ticket, load_and_fill)
