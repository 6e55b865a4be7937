"""A channel's day, beside every possible day."""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.intervals import ChannelDay, Programme, gaps, schedule_day
from tests.unit.algorithms.intervals.specifications import best_day

GRID = 10
PROGRAMMES = st.builds(
    Programme,
    duration=st.integers(1, 35),
    appeal=st.integers(0, 9),
    cues=st.just(()),
    at_most=st.integers(1, 3),
)
CHECKED = settings(max_examples=150, derandomize=True, database=None, deadline=None)


def cells(programme: Programme, least_break: int) -> int:
    return -(-(programme.duration + least_break) // GRID)


def assert_stands(
    day: ChannelDay, programmes: list[Programme], audience: list[int], least_break: int
) -> None:
    assert all(one.end <= other.start for one, other in pairwise(day.airings))
    counts = Counter(airing.programme for airing in day.airings)
    assert all(count <= programmes[number].at_most for number, count in counts.items())
    worth = 0
    for airing in day.airings:
        one = programmes[airing.programme]
        assert airing.start % GRID == 0
        assert airing.end - airing.start == cells(one, least_break) * GRID <= len(audience) * GRID
        assert sum(b.end - b.start for b in airing.breaks) == airing.end - airing.start - one.duration
        assert sum(b.end - b.start for b in airing.breaks) >= least_break
        worth += one.appeal * sum(audience[airing.start // GRID : airing.end // GRID])
    assert day.value == worth


@CHECKED
@given(st.lists(PROGRAMMES, max_size=4), st.lists(st.integers(0, 9), max_size=6), st.integers(0, 4))
def test_a_day_stands_and_the_best_lies_between_its_value_and_its_bound(
    programmes: list[Programme], audience: list[int], least_break: int
) -> None:
    day = schedule_day(programmes, audience, grid=GRID, least_break=least_break)
    lengths = [cells(one, least_break) for one in programmes]
    best, _ = best_day(programmes, audience, lengths, [one.at_most for one in programmes])

    assert_stands(day, programmes, audience, least_break)
    assert day.value <= best <= day.bound
    assert day.value >= 0.6 * best


@CHECKED
@given(st.lists(PROGRAMMES, max_size=4), st.lists(st.integers(0, 9), max_size=6))
def test_where_limits_do_not_bind_the_day_is_the_best_and_of_the_best_the_fullest(
    programmes: list[Programme], audience: list[int]
) -> None:
    free = [one._replace(at_most=9) for one in programmes]
    day = schedule_day(free, audience, grid=GRID)
    filled = sum(airing.end - airing.start for airing in day.airings) // GRID

    assert (day.value, filled) == best_day(free, audience, [cells(one, 0) for one in free], [9] * len(free))
    assert day.value == day.bound


def library(chance: Random) -> list[Programme]:
    """Eighty programmes of 5 to 110 minutes, cut every ten, each on air three times a day at most."""
    minutes = chance.choices([5, 22, 44, 50, 95, 110], k=80)
    return [
        Programme(60 * long, chance.randrange(1, 10), tuple(range(600, 60 * long - 300, 600)), at_most=3)
        for long in minutes
    ]


@pytest.mark.parametrize("cell_s", [300, 1800])
def test_a_day_of_24_hours_is_filled_with_its_breaks_on_the_grid(cell_s: int) -> None:
    programmes = library(Random(7))
    audience = [0 if cell < 12 else 1000 + 10 * cell for cell in range(86_400 // cell_s)]

    day = schedule_day(programmes, audience, grid=cell_s, slot=30, least_break=120)

    assert gaps([(airing.start, airing.end) for airing in day.airings], (0, 86_400)) == []
    assert all(b.start % 30 == b.end % 30 == 0 for airing in day.airings for b in airing.breaks)
    assert all(airing.start % cell_s == 0 for airing in day.airings)
    assert max(Counter(airing.programme for airing in day.airings).values()) <= 3
    assert 0.97 * day.bound <= day.value <= day.bound


def test_breaks_at_cues_last_whole_slots_and_the_last_takes_the_rest() -> None:
    day = schedule_day([Programme(3001, 1, cues=(1000, 2000))], [1, 1], grid=1800, slot=60)

    (airing,) = day.airings
    assert airing.breaks == ((1000, 1180), (2180, 2360), (3361, 3600))


def test_a_booked_programme_stands_where_it_was_booked() -> None:
    programmes = [Programme(10, 9, at_most=4), Programme(20, 1)]
    day = schedule_day(programmes, [5, 5, 5, 5], grid=GRID, booked={1: 1})

    assert [(airing.programme, airing.start) for airing in day.airings] == [(0, 0), (1, 10), (0, 30)]
    assert day.value == day.bound == 9 * 10 + 10


def test_breaks_stand_at_the_cues_and_at_the_end() -> None:
    day = schedule_day([Programme(22, 1, cues=(7, 15))], [1, 1, 1], grid=GRID, least_break=3)

    (airing,) = day.airings
    assert airing.breaks == ((7, 9), (17, 20), (27, 30))
    assert airing.end == 30


@pytest.mark.parametrize(
    ("booked", "words"),
    [
        ({0: 1, 1: 0}, "must not overlap"),
        ({3: 1}, "end with the day"),
        ({0: 0, 1: 0}, "booked 2 times; its limit is 1"),
    ],
)
def test_bookings_that_cannot_stand_are_refused(booked: dict[int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        schedule_day([Programme(10, 1), Programme(20, 1)], [1, 1, 1, 1], grid=GRID, booked=booked)


@pytest.mark.parametrize(
    "programme",
    [
        Programme(0, 1),
        Programme(5, -1),
        Programme(5, 1, at_most=0),
        Programme(5, 1, cues=(3, 3)),
        Programme(5, 1, cues=(5,)),
    ],
)
def test_a_programme_that_means_nothing_is_refused(programme: Programme) -> None:
    with pytest.raises(ValueError, match="programme 0 is"):
        schedule_day([programme], [1], grid=GRID)


@pytest.mark.parametrize(
    ("programme", "audience"), [((22.5, 2), 1), ((22, 2.5), 1), ((22, 2, (11.0,)), 1), ((22, 2), 1.5)]
)
def test_a_day_of_fractions_is_refused(programme: Any, audience: Any) -> None:
    with pytest.raises(ValueError, match="must be integers"):
        schedule_day([Programme(*programme)], [1, audience], grid=GRID)


def test_a_grid_or_an_audience_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="grid 0"):
        schedule_day([], [], grid=0)
    with pytest.raises(ValueError, match="grid 60, slot 7, least break 0; a slot"):
        schedule_day([], [], grid=60, slot=7)
    with pytest.raises(ValueError, match="audiences are at least 0"):
        schedule_day([Programme(5, 1)], [-1], grid=GRID)
    with pytest.raises(ValueError, match="value times cells below"):
        schedule_day([Programme(5, 1 << 20)], [1 << 27], grid=GRID)
