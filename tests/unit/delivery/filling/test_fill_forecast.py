"""What a forecast makes of what was asked for."""

from random import Random

import numpy as np
import pytest

from bijou.delivery.filling import Forecast, History, Rendition
from bijou.ports import InvalidRequest
from tests.unit.delivery.filling.titles import DAY, HOUR, some_history, title, watch, watched_daily

EVENING = (2 * DAY, 3 * DAY)


def daily_starts(history: History, name: str, *, day: int) -> float:
    return float(Forecast(history, day * DAY).starts(name, day * DAY, (day + 1) * DAY).sum())


def test_a_title_is_expected_to_go_on_as_it_was() -> None:
    history, steady = History(0.0), title(1)
    history.publish(steady)
    watched_daily(history, steady, [40] * 6)

    assert daily_starts(history, steady.name, day=6) == pytest.approx(40, rel=0.1)


def test_recent_days_count_more() -> None:
    history, rising, falling = History(0.0), title(1), title(2)
    for one in (rising, falling):
        history.publish(one)
    watched_daily(history, rising, [5, 5, 5, 50])
    watched_daily(history, falling, [50, 5, 5, 5])

    assert daily_starts(history, rising.name, day=4) > 2 * daily_starts(history, falling.name, day=4)


def test_a_newcomer_is_expected_to_do_as_newcomers_did() -> None:
    history, old = History(0.0), title(0)
    history.publish(old)
    watched_daily(history, old, [1] * 6)
    for day in range(1, 6):
        fresh = title(day, available_at_s=day * DAY)
        history.publish(fresh)
        for _ in range(60):
            watch(history, fresh, day * DAY + 20 * HOUR)
    unseen, dull = title(8, available_at_s=6 * DAY), title(9)
    history.publish(unseen)
    history.publish(dull)

    assert daily_starts(history, unseen.name, day=6) > 25
    assert daily_starts(history, dull.name, day=6) < 5


def test_nothing_is_expected_before_a_title_can_be_watched() -> None:
    history, late = History(0.0), title(1, available_at_s=2 * DAY + 12 * HOUR)
    history.publish(late)
    watched_daily(history, title(2), [10] * 2)

    starts = Forecast(history, 2 * DAY).starts(late.name, *EVENING)

    assert starts[:12].sum() == 0
    assert starts[12:].min() > 0


def test_starts_are_expected_at_the_hours_of_the_day_at_which_they_were() -> None:
    history, films, cartoons = History(0.0), title(1), title(2)
    for one in (films, cartoons):
        history.publish(one)
    watched_daily(history, films, [200] * 3, hour=21)
    watched_daily(history, cartoons, [200] * 3, hour=8)

    forecast = Forecast(history, 3 * DAY)
    by_hour = [forecast.starts(one.name, 3 * DAY, 4 * DAY) for one in (films, cartoons)]

    assert [int(hours.argmax()) for hours in by_hour] == [21, 8]


def test_positions_and_renditions_are_learnt_from_all_titles() -> None:
    history, seen, unseen = History(0.0), title(1, length=20), title(2, length=20)
    history.publish(seen)
    history.publish(unseen)
    for day in range(3):
        for turn in range(100):
            watch(history, seen, day * DAY + 20 * HOUR, row=int(turn % 4 != 0), until=3 if turn % 2 else None)

    expected = Forecast(history, 3 * DAY).requests(unseen.name, 3 * DAY, 4 * DAY).requests

    assert expected[:, 10].sum() / expected[:, 0].sum() == pytest.approx(0.5, abs=0.1)
    assert expected[1, 10] / expected[0, 10] > 0.9
    assert expected[1, 0] / expected[0, 0] == pytest.approx(3, rel=0.2)


def test_short_titles_do_not_say_that_long_ones_are_left_early() -> None:
    history, short, long = History(0.0), title(1, length=2), title(2, length=20)
    for one in (short, long):
        history.publish(one)
        watched_daily(history, one, [100] * 2)

    expected = Forecast(history, 2 * DAY).requests(long.name, 2 * DAY, 3 * DAY).requests.sum(axis=0)

    assert expected[15] / expected[0] > 0.9


def test_positions_fade_by_a_fifth_a_day() -> None:
    history, one = History(0.0), title(1, length=1)
    history.publish(one)
    watched_daily(history, one, [10, 0, 1])

    assert history.positions[0] == pytest.approx(10 * 0.8**2 + 1)
    assert history.could_reach()[0] == pytest.approx(10 * 0.8**2 + 1)


def test_expected_requests_add_up_to_those_that_came() -> None:
    history = some_history(Random(1), titles=12, days=8)
    came = history.positions.sum()

    forecast = Forecast(history, 8 * DAY)
    expected = sum(forecast.requests(name, 8 * DAY, 9 * DAY).requests.sum() for name in history.titles)

    faded_days = sum(0.8**day for day in range(8))
    assert expected == pytest.approx(came / faded_days, rel=0.25)


def test_what_comes_after_now_changes_no_forecast() -> None:
    early, late = some_history(Random(2), titles=6, days=3), some_history(Random(2), titles=6, days=3)
    watch(late, next(iter(late.titles.values())), 3 * DAY + HOUR, until=1)
    name = next(iter(late.titles))

    without, with_it = (
        Forecast(history, 3 * DAY).starts(name, 3 * DAY, 4 * DAY) for history in (early, late)
    )

    assert np.array_equal(without, with_it)


def test_no_flood_of_unknown_names_takes_memory() -> None:
    history = History(0.0)
    history.publish(title(1))
    for number in range(1000):
        history.asked(f"/media/nobody/{number:05}.m4s", float(number))

    assert len(history.slots) == 0
    assert not history.starts


def test_a_withdrawn_title_is_filled_no_more_and_counted_no_more() -> None:
    history, gone = History(0.0), title(1)
    history.publish(gone)
    watch(history, gone, 10.0)
    history.withdraw(gone.name)
    watch(history, gone, 20.0)

    assert gone.name not in history.titles
    assert history.positions.sum() == 4


def test_hours_older_than_two_weeks_are_forgotten() -> None:
    history, one = History(0.0), title(1)
    history.publish(one)
    watch(history, one, 3 * DAY)
    watch(history, one, 20 * DAY)

    assert list(history.starts[one.name]) == [20 * 24]
    assert len(history.slots) == 1


@pytest.mark.parametrize(("paths", "sizes"), [([], []), (["/a"], [1, 2]), (["/a"], [0])])
def test_a_rendition_needs_a_size_for_each_object(paths: list[str], sizes: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="needs a size of at least 1"):
        Rendition("v0", paths, sizes)
