"""Choosing and sharing intervals, each beside trying everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.intervals import (
    Interval,
    assign_rooms,
    gaps,
    heaviest_set,
    largest_set,
    merge_intervals,
    rooms_needed,
)
from tests.unit.algorithms.intervals import specifications as spec

Pairs = list[tuple[int, int]]


@st.composite
def pairs(draw: st.DrawFn, most: int = 8) -> Pairs:
    raw = draw(st.lists(st.tuples(st.integers(-9, 20), st.integers(1, 9)), max_size=most))
    return [(start, start + length) for start, length in raw]


CHECKED = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@CHECKED
@given(pairs())
def test_the_largest_set_fits_and_none_is_larger(intervals: Pairs) -> None:
    chosen = largest_set(intervals)

    assert spec.side_by_side([intervals[i] for i in chosen])
    assert len(set(chosen)) == len(chosen) == spec.largest(intervals)
    assert [intervals[i] for i in chosen] == sorted(intervals[i] for i in chosen)


@CHECKED
@given(pairs(), st.data())
def test_the_heaviest_set_fits_and_none_is_heavier(intervals: Pairs, data: st.DataObject) -> None:
    count = len(intervals)
    weights = data.draw(st.lists(st.integers(-3, 12), min_size=count, max_size=count))
    chosen = heaviest_set(intervals, weights)

    assert spec.side_by_side([intervals[i] for i in chosen.indices])
    assert all(weights[i] > 0 for i in chosen.indices)
    assert sum(weights[i] for i in chosen.indices) == chosen.weight == spec.heaviest(intervals, weights)


@CHECKED
@given(pairs(most=20))
def test_rooms_hold_one_at_a_time_and_are_as_many_as_the_busiest_moment(intervals: Pairs) -> None:
    rooms = assign_rooms(intervals)
    busiest = max(
        (sum(a <= moment < b for a, b in intervals) for moment in spec.moments(intervals)), default=0
    )

    assert rooms_needed(intervals) == busiest == max(rooms, default=-1) + 1
    for room in set(rooms):
        assert spec.side_by_side([one for one, where in zip(intervals, rooms, strict=True) if where == room])


def test_an_interval_gets_the_lowest_free_room() -> None:
    assert assign_rooms([(0, 9), (1, 3), (2, 4), (4, 6), (5, 6)]) == [0, 1, 2, 1, 2]


@CHECKED
@given(pairs(most=20), st.integers(-9, 20), st.integers(1, 9))
def test_merged_and_gaps_are_the_moments_covered_and_not(intervals: Pairs, start: int, length: int) -> None:
    within = (start, start + length)
    covered = spec.moments(intervals)

    assert merge_intervals(intervals) == spec.stretches(covered)
    assert gaps(intervals, within) == spec.stretches(spec.moments([within]) - covered)


def test_an_array_of_pairs_serves_as_well_as_a_list() -> None:
    array = np.array([(0, 3), (2, 5), (4, 7)], np.int32)

    assert largest_set(array) == [0, 2]
    assert heaviest_set(array, np.array([2, 5, 2], np.int64)).indices == [1]
    assert rooms_needed(array) == 2
    assert merge_intervals(array) == [Interval(0, 7)]


@pytest.mark.parametrize(
    ("intervals", "words"),
    [
        ([(0, 1), (5, 5)], r"interval 1 is \[5, 5\)"),
        ([(3, 2)], r"interval 0 is \[3, 2\)"),
        ([(0.5, 1.5)], "pairs of integers"),
        ([(0, 1, 2)], "pairs of integers"),
    ],
)
def test_what_is_no_interval_is_refused_with_its_place(intervals: Pairs, words: str) -> None:
    for function in (largest_set, assign_rooms, rooms_needed, merge_intervals):
        with pytest.raises(ValueError, match=words):
            function(intervals)


def test_a_weight_is_asked_for_each_and_is_not_rounded() -> None:
    with pytest.raises(ValueError, match="2 intervals but 1 weights"):
        heaviest_set([(0, 1), (1, 2)], [5])
    with pytest.raises(ValueError, match="weights are float64"):
        heaviest_set([(0, 1), (1, 2)], np.array([0.5, 1.5]))


def test_a_gap_search_in_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"interval 0 is \[4, 4\)"):
        gaps([], (4, 4))
