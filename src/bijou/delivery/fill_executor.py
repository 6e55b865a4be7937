"""Carries out an order to fill: one object after another, in its windows, at its rate, behind all viewers."""

import asyncio
from collections.abc import Callable
from typing import Final

from bijou.algorithms.limits import GCRA
from bijou.delivery.fetching import Fetching
from bijou.delivery.fill import TooLarge
from bijou.delivery.fill_orders import FillOrder, Wanted
from bijou.delivery.model import BodyCut
from bijou.delivery.reserve import NoRoom, Reserve
from bijou.ports import BijouError, Clock, NotFound
from bijou.runtime.logs import get_logger
from bijou.runtime.race import roused

ORDER_NOTE: Final = "order"

_BURST_BYTES: Final = 256 * 1024
_LOOK_S: Final = 60.0
_CROWDED_S: Final = 5.0
_FAILED_S: Final = 5.0
_LONGEST_S: Final = 300.0

_log = get_logger()


class FillExecutor:
    """Fetches what an order wants and is not here, the most worthy first.

    Nothing is begun that would not end with its window. Where a viewer asks
    for what is being fetched it joins, and nothing waits any more; where the
    edge is nearly full, the upstream fails, or there is no room, nothing more
    is begun for a while; what failed is tried again after all others. A newer
    order replaces what its forerunner has not fetched; what is not wanted any
    more is served until its room is needed.

    Threads: one event loop.

    Args:
        crowded: Tells whether viewers need all there is.
        clock: By which windows and rate are kept.
    """

    def __init__(
        self, fetching: Fetching, reserve: Reserve, clock: Clock, crowded: Callable[[], bool]
    ) -> None:
        self.order: FillOrder | None = None
        self.state = "watching"
        self.why = ""
        self.fetched = self.fetched_bytes = self.wanted_bytes = 0
        self.gone: set[str] = set()
        self._fetching = fetching
        self._reserve = reserve
        self._clock = clock
        self._crowded = crowded
        self._stirred = asyncio.Event()
        self._bucket = GCRA(1, 1, 1)
        self._at = 0
        self._failures = 0
        self._again = False

    async def open(self) -> None:
        """Take up the order that an earlier process had."""
        order = await self._reserve.noted(ORDER_NOTE, FillOrder)
        if order is not None:
            self._begin(order)
            await self._reserve.shrink([each.path for each in order.wanted])

    async def take(self, order: FillOrder) -> None:
        """Carry out this one from now on."""
        await self._reserve.note(ORDER_NOTE, order)
        self._begin(order)

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._stirred.clear()
            try:
                rest_s = await self._step()
            except Exception:  # noqa: BLE001 - a fill that ends for ever would be worse than one lost step
                _log.exception("fill.crashed")
                rest_s = self._pause("something broke on our side; it is in the log", _LONGEST_S)
            if rest_s:
                await roused(self._stirred, self._clock, rest_s)

    def _begin(self, order: FillOrder) -> None:
        rate = max(1, order.rate_bps // 8)
        self.order = order
        self._at = self._failures = 0
        self._again = False
        self._bucket = GCRA(rate, 1_000_000_000, _BURST_BYTES)
        self.gone = set()
        self.wanted_bytes = sum(each.size_bytes for each in order.wanted)
        self._reserve.prefer([each.path for each in order.wanted])
        self._told("waiting")
        self._stirred.set()

    async def _step(self) -> float:
        """Do the next thing; return for how long to rest after it."""
        wanted = self._next()
        if self.order is None or wanted is None:
            self._told("watching" if self.order is None else "done")
            return _LOOK_S
        now_s = self._clock.now() / 1e6
        takes_s = wanted.size_bytes * 8 / self.order.rate_bps
        window = next((each for each in self.order.windows if max(now_s, each[0]) + takes_s <= each[1]), None)
        if window is None:
            self._told("done")
            return _LOOK_S
        if now_s < window[0]:
            self._told("waiting")
            return min(_LOOK_S, window[0] - now_s)
        if self._crowded():
            return self._pause("the edge is nearly full of viewers", _CROWDED_S)
        return await self._bring(wanted)

    def _next(self) -> Wanted | None:
        """Return the most worthy that is not here; those that failed come after all others."""
        wanted = self.order.wanted if self.order else []
        while True:
            while self._at < len(wanted):
                one = wanted[self._at]
                if one.path not in self._reserve and one.path not in self.gone:
                    return one
                self._at += 1
            if not self._again:
                return None
            self._at, self._again = 0, False

    async def _bring(self, wanted: Wanted) -> float:
        self._told("filling")
        try:
            await self._reserve.make_room(wanted.size_bytes)
            cached, fetched = await self._fetching.ahead(wanted.path, self._pace)
            if cached.size_bytes > wanted.size_bytes:  # it is another than was planned with
                await self._reserve.make_room(cached.size_bytes)
            await self._reserve.keep(cached)
        except (NotFound, TooLarge) as error:
            if isinstance(error, TooLarge) and not self._fetching.is_oversize(wanted.path):
                return self._pause("memory is full of what viewers wait for", _CROWDED_S)
            _log.info("fill.passed_over", path=wanted.path, why=str(error) or "it is too large to be kept")
            self.gone.add(wanted.path)
            return 0.0
        except NoRoom as error:
            return self._pause(str(error), _LOOK_S)
        except (BijouError, BodyCut, OSError) as error:
            if wanted is self._next():  # and not of an order that was replaced meanwhile
                self._at += 1
                self._again = True
            self._failures += 1
            wait_s = min(_LONGEST_S, _FAILED_S * 2.0 ** (self._failures - 1))
            return self._pause(f"{wanted.path}: {str(error) or 'the origin cut its answer'}", wait_s)
        self._failures = 0
        self._fetching.moved(wanted.path)
        if fetched:
            self.fetched += 1
            self.fetched_bytes += cached.size_bytes
        return 0.0

    async def _pace(self, size_bytes: int, hurried: asyncio.Event) -> None:
        """Wait until the rate has room for bytes that came; not at all once somebody waits for more."""
        while size_bytes and not hurried.is_set():
            part = min(size_bytes, _BURST_BYTES)
            decision = self._bucket.admit(self._clock.monotonic_ns(), part)
            if decision.allowed:
                size_bytes -= part
            else:
                await roused(hurried, self._clock, decision.retry_after_ns / 1e9)

    def _pause(self, why: str, for_s: float) -> float:
        if why != self.why:
            _log.warning("fill.paused", why=why)
        self._told("paused", why)
        return for_s

    def _told(self, state: str, why: str = "") -> None:
        self.state, self.why = state, why
