"""Time as something that is handed in, so that tests and drills can own it."""

import asyncio
import heapq
import itertools
import time
from typing import Protocol

from bijou.ports.instant import Instant


class Clock(Protocol):
    """Tells the time and waits; the only way that bijou does either."""

    def now(self) -> Instant:
        """Return wall-clock time, which may jump."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds from an arbitrary start, never backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Instant:
        """Return wall-clock time."""
        return Instant(time.time_ns() // 1000)

    monotonic_ns = staticmethod(time.monotonic_ns)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that stands still until it is advanced.

    Threads: one event loop; not safe across threads.

    Example:
        >>> clock = VirtualClock(Instant.parse("2026-01-01T00:00:00Z"))
        >>> clock.advance(90)
        >>> clock.now().rfc3339()
        '2026-01-01T00:01:30.000000Z'
    """

    def __init__(self, start: Instant = Instant(0)) -> None:  # noqa: B008 - immutable
        self._start = start
        self._elapsed_ns = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> Instant:
        """Return the start plus all advances."""
        return Instant(self._start + self._elapsed_ns // 1000)

    def monotonic_ns(self) -> int:
        """Return the sum of all advances."""
        return self._elapsed_ns

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has passed `seconds` from now."""
        if seconds <= 0:
            return
        waker = asyncio.get_running_loop().create_future()
        wake_ns = self._elapsed_ns + round(seconds * 1e9)
        heapq.heappush(self._sleepers, (wake_ns, next(self._order), waker))
        await waker

    @property
    def sleepers(self) -> int:
        """How many sleep now; whoever waits for them first advances past nobody."""
        return sum(not waker.done() for _, _, waker in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move time on and wake, in order, whoever's moment has come."""
        self._elapsed_ns += round(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= self._elapsed_ns:
            _, _, waker = heapq.heappop(self._sleepers)
            if not waker.done():
                waker.set_result(None)
