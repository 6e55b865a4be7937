"""Orders as an edge makes them from its ledger and its origin's stock."""

import pytest

from bijou.delivery.fill_orders import FillWish
from bijou.delivery.filling.ledger import Ledger
from bijou.delivery.filling.placement import KEEP_BYTES
from bijou.delivery.filling.planner import LEAST_BPS, RATE_SHARE, Habits, order_of
from bijou.ports import Conflict, Instant
from tests.unit.delivery.filling.titles import DAY, HOUR, title

WISH = FillWish(Instant(0))
SHELF = [title(number, length=5) for number in range(1, 5)]
EACH = sum(int(one.sizes_bytes.sum()) + len(one.paths) * KEEP_BYTES for one in SHELF[0].renditions)


def evenings(days: int) -> Ledger:
    """The first title begun 8 times each evening, the second 4 times, the others never."""
    ledger = Ledger(0)
    for day in range(days):
        for minute in range(0, 180, 5):
            at_s = day * DAY + 19 * HOUR + minute * 60.0
            for one, times in ((SHELF[0], 8), (SHELF[1], 4)):
                for row in range(2):
                    for number in range(1, 6):
                        for _ in range(times if minute == 0 else 1):
                            ledger.asked(f"{one.name}/v{row}/{number:05}.m4s", 30_000_000, at_s)
    return ledger


def test_what_is_asked_for_most_is_held_where_not_all_fits() -> None:
    habits = Habits("east", EACH)
    order, summary = order_of(evenings(3), SHELF, (), habits, WISH, 3 * DAY)

    assert {one.path.split("/")[2] for one in order.wanted} == {SHELF[0].name.split("/")[2]}
    assert sum(one.size_bytes + KEEP_BYTES for one in order.wanted) <= EACH
    assert summary.titles == (1, 4)
    assert 0.3 < summary.expected_share < 1


def test_it_is_fetched_outside_of_the_evening_at_a_share_of_its_demand() -> None:
    order, summary = order_of(evenings(3), SHELF, (), Habits("east", 10 * EACH), WISH, 3 * DAY)
    begins_s, ends_s = 3 * DAY + 19 * HOUR, 3 * DAY + 22 * HOUR - 1800  # each moment is its hour's mean

    assert order.windows
    assert all(end <= begins_s or start >= ends_s for start, end in order.windows), order.windows
    assert all(3 * DAY <= start < end <= 4 * DAY for start, end in order.windows)
    assert summary.fetches == summary.objects == 40
    busiest_bps = 30_000_000 * 8 * 120 / 300
    assert LEAST_BPS < order.rate_bps <= RATE_SHARE * busiest_bps


@pytest.mark.parametrize(("set_bps", "wished_bps", "comes_bps"), [(7, 0, 7), (7, 9, 9), (0, 9, 9)])
def test_a_rate_that_is_said_is_kept_to(set_bps: int, wished_bps: int, comes_bps: int) -> None:
    wish = FillWish(Instant(0), rate_bps=wished_bps)
    order, _ = order_of(evenings(2), SHELF, (), Habits("east", EACH, set_bps), wish, 2 * DAY)

    assert order.rate_bps == comes_bps


def test_what_is_held_is_wanted_still_and_not_fetched() -> None:
    held = {path for rendition in SHELF[0].renditions for path in rendition.paths}
    order, summary = order_of(evenings(3), SHELF, held, Habits("east", 2 * EACH), WISH, 3 * DAY)

    assert held <= {one.path for one in order.wanted}
    assert summary.fetches == summary.objects - len(held)


def test_where_nobody_watched_nothing_is_wanted() -> None:
    order, summary = order_of(Ledger(0), SHELF, (), Habits("east", EACH), WISH, 2 * DAY)

    assert (order.wanted, summary.objects, summary.expected_share) == ([], 0, 0.0)


def test_until_a_day_was_watched_somebody_must_say_when() -> None:
    with pytest.raises(Conflict, match=r"has watched for 20\.0 h"):
        order_of(evenings(1), SHELF, (), Habits("east", EACH), WISH, 20.0 * HOUR)
    order, _ = order_of(
        evenings(1), SHELF, (), Habits("east", EACH), FillWish(Instant(0), for_s=60), 23.0 * HOUR
    )

    assert order.windows == [(23 * HOUR, 23 * HOUR + 60)]
