"""From what was asked for and what there is, to an order: forecast, placement, windows and plan in one."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from bijou.delivery.fill_orders import FillOrder, FillSummary, FillWish, Wanted
from bijou.delivery.filling.forecast import Floats, Forecast
from bijou.delivery.filling.history import DAY_S, SLOT_S, History, TitleMedia
from bijou.delivery.filling.ledger import Ledger
from bijou.delivery.filling.placement import EdgeDisk, Placed, Shelf, place
from bijou.delivery.filling.planning import plan_fill
from bijou.delivery.filling.windows import busy_weights, demand_curve, quiet_windows
from bijou.ports import Conflict

RATE_SHARE: Final = 0.15
"""Of the busiest five minutes' demand: how fast is fetched where no rate is said."""
LEAST_BPS: Final = 1_000_000
"""Slowest rate where none is said; far below it an origin would take us for one that reads nothing."""

_STICKING: Final = 1.25


class Habits(msgspec.Struct, frozen=True):
    """How an edge plans.

    Args:
        capacity_bytes: Of the filled part.
        rate_bps: 0: a share of the peak of demand.
        quiet: Share of the peak of demand up to which it is quiet.
    """

    region: str
    capacity_bytes: int
    rate_bps: int = 0
    quiet: float = 0.6


def order_of(
    ledger: Ledger,
    titles: Sequence[TitleMedia],
    held: Collection[str],
    habits: Habits,
    wish: FillWish,
    now_s: float,
) -> tuple[FillOrder, FillSummary]:
    """Return what to hold for the coming day, and that in figures.

    Cost: 0.4 s of CPU for 360,000 objects.

    Args:
        held: Paths that are on the filled part.

    Raises:
        Conflict: `delivery.fill_too_early`: less than a day was watched, so nothing is known of
            when it is quiet.
    """
    if not wish.for_s:
        _check_known(ledger, habits.region, now_s)
    history = History(ledger.since_s, ledger)
    for title in titles:
        history.publish(title)
    curve = demand_curve(history.slots, history.since_s, now_s)
    shelf = _shelf(history, int(now_s), busy_weights(curve))
    disk, here = EdgeDisk(habits.region, habits.capacity_bytes), {habits.region: held}
    placed = place(shelf, [disk], held=here, sticking=_STICKING)
    windows = _windows(curve, int(now_s), wish.for_s, habits.quiet)
    peak_bps = float(curve.max()) * 8 / SLOT_S
    rate_bps = wish.rate_bps or habits.rate_bps or max(LEAST_BPS, int(RATE_SHARE * peak_bps))
    plan = plan_fill(placed, windows, rate_bps=rate_bps, held=here)
    order = FillOrder(now_s, rate_bps, windows, [Wanted(one.path, one.size_bytes) for one in placed])
    summary = FillSummary(
        region=habits.region,
        made_at_s=now_s,
        carried_out=not wish.tries,
        rate_bps=rate_bps,
        windows=windows,
        objects=len(placed),
        object_bytes=sum(one.size_bytes for one in placed),
        fetches=len(plan.steps),
        fetch_bytes=plan.fetched_bytes,
        left_out=plan.left_out,
        titles=(len({one.path.split("/", 3)[2] for one in placed}), len(titles)),
        expected_share=_share(shelf, placed),
    )
    return order, summary


def _check_known(ledger: Ledger, region: str, now_s: float) -> None:
    watched_s = now_s - ledger.since_s
    if watched_s < DAY_S:
        raise Conflict(
            "delivery.fill_too_early",
            f"{region} has watched for {watched_s / 3600:.1f} h; after a day it knows when it is quiet, "
            "until then say for how long to fetch from now on",
        )


def _windows(curve: Floats, now_s: int, for_s: int, quiet: float) -> list[tuple[int, int]]:
    if for_s:
        return [(now_s, now_s + for_s)]
    return [(each.start, each.end) for each in quiet_windows(curve, (now_s, now_s + DAY_S), quiet=quiet)]


def _shelf(history: History, start_s: int, weights: Floats) -> Shelf:
    if not any(history.starts.values()):  # nobody watched: one title is as good as another
        return Shelf([])
    forecast = Forecast(history, start_s)
    return Shelf(forecast.requests(name, start_s, start_s + DAY_S, weights) for name in history.titles)


def _share(shelf: Shelf, placed: Sequence[Placed]) -> float:
    whole = float((shelf.expected * shelf.sizes_bytes).sum())
    return sum(one.expected * one.size_bytes for one in placed) / whole if whole else 0.0
