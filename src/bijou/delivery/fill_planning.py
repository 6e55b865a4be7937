"""When an edge plans its fills, and from what: its own ledger, and its origin's stock."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from bijou.delivery.fill_executor import FillExecutor
from bijou.delivery.fill_orders import FillOrder, FillStanding, FillSummary, FillWish
from bijou.delivery.filling.history import DAY_S, HOUR_S, Rendition, TitleMedia
from bijou.delivery.filling.ledger import Ledger, LedgerImage
from bijou.delivery.filling.planner import Habits, order_of
from bijou.delivery.model import BodyCut
from bijou.delivery.reserve import Reserve
from bijou.delivery.sealed import SEAL_FIELD, Seals
from bijou.delivery.shields import Source
from bijou.delivery.stock import STOCK_PATH, Stock
from bijou.ports import BijouError, Clock, Conflict, EngineUnavailable
from bijou.runtime.logs import get_logger

LEDGER_NOTE: Final = "ledger"
TICK_S: Final = 60.0
"""Seconds between two looks at the time, and at most between what was asked for and its being kept."""

_AGAIN_S: Final = 300.0
_LONGEST_BYTES: Final = 256 * 1024 * 1024
_AHEAD_S: Final = 60.0

_log = get_logger()


class FillPlanning:
    """Plans at the hours that were set, and whenever it is told to.

    Needs nobody but the origin: what there is to hold it asks there, what was
    asked for it has counted itself. A plan that cannot be made leaves the one
    before in force, and is tried again five minutes later.

    Threads: one event loop; plans are made by a thread.

    Args:
        hours: Of the day, in UTC, at which to plan; none: only when told to.
        clock: By which hours, windows and counts are kept.
    """

    def __init__(
        self,
        executor: FillExecutor,
        reserve: Reserve,
        source: Source,
        seals: Seals,
        habits: Habits,
        hours: Sequence[int],
        clock: Clock,
    ) -> None:
        self.ledger = Ledger(clock.now() / 1e6)
        self._executor = executor
        self._reserve = reserve
        self._source = source
        self._seals = seals
        self._habits = habits
        self._hours = sorted(set(hours))
        self._clock = clock
        self._planning = asyncio.Lock()
        self._is_noted = True
        self._again_at_s = 0.0

    async def open(self) -> None:
        """Take up what an earlier process has counted."""
        image = await self._reserve.noted(LEDGER_NOTE, LedgerImage)
        if image is not None:
            self.ledger = Ledger.of(image)

    def asked(self, path: str, size_bytes: int) -> None:
        """Count a request for an object of that size, which is served."""
        self.ledger.asked(path, size_bytes, self._clock.now() / 1e6)
        self._is_noted = False

    async def run(self) -> None:
        """Keep the ledger and plan when it is time, until cancelled."""
        while True:
            await self._clock.sleep(TICK_S)
            await self.tick()

    async def tick(self) -> None:
        """Look at the time."""
        if not self._is_noted:
            self._is_noted = True
            await self._reserve.note(LEDGER_NOTE, self.ledger.image())
        now_s = self._clock.now() / 1e6
        if not self.is_due(now_s) or now_s < self._again_at_s:
            return
        try:
            summary = await self.plan(FillWish(self._clock.now()))
        except (BijouError, BodyCut) as error:
            self._again_at_s = now_s + _AGAIN_S
            _log.warning("fill.not_planned", why=str(error), again_in_s=_AGAIN_S)
        except Exception:  # noqa: BLE001 - the next plan may go well
            self._again_at_s = now_s + _AGAIN_S
            _log.exception("fill.planning_crashed")
        else:
            _log.info("fill.planned", objects=summary.objects, fetch_bytes=summary.fetch_bytes)

    def close(self) -> None:
        """Keep the ledger for who comes after us."""
        self._reserve.note_at_last(LEDGER_NOTE, self.ledger.image())

    def is_due(self, now_s: float) -> bool:
        """Tell whether the plan in force is of before the last hour of planning."""
        if now_s - self.ledger.since_s < DAY_S:
            return False
        order = self._executor.order
        last_s = max((each for each in _moments(self._hours, now_s) if each <= now_s), default=None)
        if last_s is None or order is None:
            return last_s is not None
        return not last_s <= order.made_at_s <= now_s + _AHEAD_S  # a clock may have been set back

    async def plan(self, wish: FillWish) -> FillSummary:
        """Make a plan, and carry it out unless the wish is only to see it.

        Raises:
            Conflict: `delivery.fill_order_old`, `delivery.fill_too_early`.
            EngineUnavailable: the origin says nothing of its stock.
            BodyCut: the origin cut its answer.
        """
        async with self._planning:
            now_s = self._clock.now() / 1e6
            made_at_s = wish.made_at / 1e6
            in_force = self._executor.order
            if made_at_s > now_s + _AHEAD_S or (
                in_force is not None and made_at_s < in_force.made_at_s <= now_s + _AHEAD_S
            ):
                raise Conflict(
                    "delivery.fill_order_old",
                    f"the order was made at {made_at_s:.0f}, now is {now_s:.0f}, and the one in force is of "
                    f"{in_force.made_at_s if in_force else 0:.0f}; only what is newer than that counts",
                )
            content = await self._stock()
            image, held = self.ledger.image(), self._reserve.paths
            order, summary = await asyncio.to_thread(self._decided, content, image, held, wish, now_s)
            if not wish.tries:
                await self._executor.take(order)
            return summary

    def standing(self) -> FillStanding:
        """Return how far it is."""
        executor, reserve, now_s = self._executor, self._reserve, self._clock.now() / 1e6
        order = executor.order or FillOrder(0.0, 0, [], [])
        return FillStanding(
            region=self._habits.region,
            state=executor.state,
            why=executor.why,
            order_at_s=order.made_at_s,
            next_plan_s=self._next_s(now_s),
            rate_bps=order.rate_bps,
            windows=[window for window in order.windows if window[1] > now_s],
            wanted=len(order.wanted),
            wanted_bytes=executor.wanted_bytes,
            here=reserve.wanted_here,
            here_bytes=reserve.wanted_here_bytes,
            fetched=executor.fetched,
            fetched_bytes=executor.fetched_bytes,
            gone=len(executor.gone),
            held=len(reserve),
            held_bytes=reserve.used_bytes,
            capacity_bytes=reserve.capacity_bytes,
            hits=reserve.hits,
            hit_bytes=reserve.hit_bytes,
            watched_since_s=self.ledger.since_s,
            titles_seen=len(self.ledger.starts),
        )

    def _next_s(self, now_s: float) -> float:
        """Return when the next plan is made by itself; 0 where none is."""
        if not self._hours:
            return 0.0
        if now_s < self.ledger.since_s + DAY_S:
            return self.ledger.since_s + DAY_S
        if self.is_due(now_s):
            return now_s
        return min(each for each in _moments(self._hours, now_s) if each > now_s)

    def _decided(
        self, content: bytes, image: LedgerImage, held: frozenset[str], wish: FillWish, now_s: float
    ) -> tuple[FillOrder, FillSummary]:
        titles = titles_of(msgspec.json.decode(content, type=Stock))
        return order_of(Ledger.of(image), titles, held, self._habits, wish, now_s)

    async def _stock(self) -> bytes:
        fields = {SEAL_FIELD: self._seals.seal("GET", STOCK_PATH)}
        answer = await self._source.ask("GET", STOCK_PATH, fields, direct=True)
        try:
            if answer.status != 200 or answer.size_bytes > _LONGEST_BYTES:
                told = f"answered {answer.status} with {answer.size_bytes} bytes to {STOCK_PATH}"
                rule = f"an origin of ours tells its stock to edges of its own, in at most {_LONGEST_BYTES}"
                raise EngineUnavailable("delivery.no_stock", f"{self._source.origin_url} {told}; {rule}")
            return b"".join([bytes(piece) async for piece in answer])
        finally:
            await answer.aclose()


def titles_of(stock: Stock) -> list[TitleMedia]:
    """Return an origin's stock as titles that are planned with."""
    return [
        TitleMedia(
            title.name,
            title.available_at_s,
            [
                Rendition(
                    each.name,
                    [
                        f"{title.name}/{each.name}/{number:05}.m4s"
                        for number in range(1, len(each.sizes_bytes) + 1)
                    ],
                    [max(1, size) for size in each.sizes_bytes],
                )
                for each in title.renditions
            ],
        )
        for title in stock.titles
    ]


def _moments(hours: Sequence[int], now_s: float) -> list[float]:
    """Return when plans fall due, from the day before to the day after."""
    midnight_s = now_s // DAY_S * DAY_S
    return [midnight_s + day * DAY_S + hour * HOUR_S for day in (-1, 0, 1) for hour in hours]
