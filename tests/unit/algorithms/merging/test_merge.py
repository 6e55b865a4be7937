"""`merge` beside `heapq.merge` and beside one stable sort."""

import heapq
from collections.abc import Callable, Iterator
from functools import total_ordering
from itertools import count, islice
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.merging import merge
from tests.unit.algorithms.merging.specification import Spied, failing, merged, until_it_fails


class Tagged(NamedTuple):
    """An item that says where it came from."""

    key: int
    run: int
    place: int


@st.composite
def tagged_runs(draw: st.DrawFn, *, reverse: bool) -> list[list[Tagged]]:
    """Runs of all shapes: empty, tiny, long; few keys, so that many are equal; apart or interleaved."""
    spread = draw(st.sampled_from([1, 3, 50, 10**6]))
    rungs = draw(st.sampled_from([0, 1, 40]))
    lengths = draw(
        st.lists(st.sampled_from([0, 1, 2, 5, 33, 70, 200]), max_size=draw(st.sampled_from([3, 12])))
    )
    chance = draw(st.randoms(use_true_random=False))
    runs = []
    for number, length in enumerate(lengths):
        keys = sorted((chance.randrange(spread) + rungs * number for _ in range(length)), reverse=reverse)
        runs.append([Tagged(key, number, place) for place, key in enumerate(keys)])
    return runs


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("read_ahead", [1, 2, 7, 1024])
def test_items_come_in_stable_order_whatever_the_runs(*, reverse: bool, read_ahead: int) -> None:
    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(tagged_runs(reverse=reverse))
    def check(runs: list[list[Tagged]]) -> None:
        key = itemgetter(0)
        sources = [iter(run) if run and run[0].run % 2 else (item for item in run) for run in runs]

        found = list(merge(*sources, key=key, reverse=reverse, read_ahead=read_ahead))

        assert found == merged(runs, key, reverse=reverse)

    check()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("read_ahead", [2, 1024])
def test_without_a_key_equal_items_still_come_by_run(*, reverse: bool, read_ahead: int) -> None:
    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(tagged_runs(reverse=reverse))
    def check(runs: list[list[Tagged]]) -> None:
        keyed = [[OnlyLess(item) for item in run] for run in runs]

        found = list(merge(*map(iter, keyed), reverse=reverse, read_ahead=read_ahead))

        assert [item.tagged for item in found] == merged(runs, itemgetter(0), reverse=reverse)

    check()


@total_ordering
class OnlyLess:
    """Ordered by its key alone, and equal by it."""

    def __init__(self, tagged: Tagged) -> None:
        self.tagged = tagged

    def __lt__(self, other: "OnlyLess") -> bool:
        return self.tagged.key < other.tagged.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OnlyLess) and self.tagged.key == other.tagged.key

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("with_key", [False, True])
def test_an_error_comes_right_after_what_came_before_it(*, reverse: bool, with_key: bool) -> None:
    @settings(max_examples=50, derandomize=True, database=None, deadline=None)
    @given(tagged_runs(reverse=reverse), st.integers(0, 250), st.integers(0, 11))
    def check(runs: list[list[Tagged]], after: int, which: int) -> None:
        key = itemgetter(0) if with_key else None

        def sources() -> Iterator[Iterator[Any]]:
            for number, run in enumerate(runs):
                items = run if with_key else [item.key for item in run]
                yield failing(items, after=after) if number == which else iter(items)

        expected = until_it_fails(iter(heapq.merge(*sources(), key=key, reverse=reverse)))

        assert until_it_fails(merge(*sources(), key=key, reverse=reverse, read_ahead=64)) == expected

    check()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [3, 500])
def test_an_error_of_the_key_comes_in_its_turn(*, reverse: bool, size: int) -> None:
    runs = [sorted(range(start, 3 * size, 3), reverse=reverse) for start in range(3)]

    def key(item: int) -> float:
        return 1 / (item - size) if item == size else item

    expected = until_it_fails(iter(heapq.merge(*runs, key=key, reverse=reverse)))

    assert until_it_fails(merge(*runs, key=key, reverse=reverse)) == expected
    assert expected[1] == "ZeroDivisionError"


def test_after_an_error_nothing_more_comes() -> None:
    found = merge(failing(range(1000), after=400), iter(range(1000)))
    until_it_fails(found)

    assert list(found) == []


def test_little_that_cannot_be_compared_fails_where_heapq_fails() -> None:
    runs: list[list[Any]] = [[1, 2, "three"], [1, 2]]

    assert until_it_fails(merge(*runs)) == until_it_fails(iter(heapq.merge(*runs)))


@pytest.mark.parametrize("key", [None, lambda item: item // 3])
def test_endless_runs_are_merged(key: Callable[[int], int] | None) -> None:
    found = merge(count(0, 2), count(1, 2), iter([0, 1, 5000]), key=key)

    taken = list(islice(found, 10_000))

    assert taken == list(islice(heapq.merge(count(0, 2), count(1, 2), [0, 1, 5000], key=key), 10_000))


def test_nothing_is_read_before_it_is_asked_for() -> None:
    spied = Spied()
    found = merge(spied, iter([3]))

    assert spied.read == 0
    assert next(found) == 0
    assert spied.read == 1


def test_the_first_items_are_read_one_by_one() -> None:
    spied = Spied()

    beside = Spied()

    taken = list(islice(merge(spied, count()), 60))

    assert taken == list(islice(heapq.merge(beside, count()), 60))
    assert spied.read == beside.read


def test_no_more_than_two_reads_of_a_run_are_held() -> None:
    spied = Spied()
    found = merge(spied, count(), read_ahead=64)

    for number, item in enumerate(islice(found, 5000)):
        assert spied.read - item <= 2 * 64, number


def test_each_key_is_computed_once() -> None:
    seen: list[int] = []

    def key(item: int) -> int:
        seen.append(item)
        return item

    list(merge((item for item in range(0, 900, 2)), (item for item in range(1, 900, 2)), key=key))

    assert sorted(seen) == list(range(900))


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.lists(st.lists(st.one_of(st.integers(0, 99), st.just(float("nan"))), max_size=200), max_size=12))
def test_unsorted_runs_lose_nothing(runs: list[list[float]]) -> None:
    numbered = [[(item, place) for place, item in enumerate(run)] for run in runs]

    found = list(merge(*map(iter, numbered), key=itemgetter(0), read_ahead=8))

    assert sorted(map(repr, found)) == sorted(repr(item) for run in numbered for item in run)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_thousand_runs_are_merged(*, reverse: bool) -> None:
    runs = [sorted(range(start, start + 40), reverse=reverse) for start in range(1000)]

    found = list(merge(*map(iter, runs), reverse=reverse))

    assert found == merged(runs, None, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_of_many_runs_an_error_still_comes_in_its_turn(*, reverse: bool) -> None:
    runs = [sorted(range(start, start + 400, 7), reverse=reverse) for start in range(100)]

    def sources() -> list[Iterator[int]]:
        return [failing(run, after=40) if number == 50 else iter(run) for number, run in enumerate(runs)]

    expected = until_it_fails(iter(heapq.merge(*sources(), reverse=reverse)))

    assert until_it_fails(merge(*sources(), reverse=reverse)) == expected


def test_reading_less_than_one_item_is_refused() -> None:
    with pytest.raises(ValueError, match="read_ahead is 0; a run is read one item or more"):
        merge([1], read_ahead=0)
