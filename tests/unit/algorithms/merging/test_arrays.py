"""Merged arrays beside one stable sort."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bijou.algorithms.merging import merge_arrays, merge_order
from bijou.algorithms.merging.arrays import merge_blocks

SHAPES: dict[str, Callable[[np.random.Generator], list[NDArray[Any]]]] = {
    "random": lambda chance: [np.sort(chance.integers(0, 10**9, 2000)) for _ in range(17)],
    "logs": lambda chance: blocks(chance, 20, 30_000),
    "two": lambda chance: blocks(chance, 2, 30_000),
    "equal": lambda _: [np.full(9000, 7)] * 3,
    "with empty ones": lambda chance: [
        np.empty(0, np.int64),
        *blocks(chance, 3, 20_000),
        np.empty(0, np.int64),
    ],
    "floats": lambda chance: [np.sort(chance.random(9000)).round(3) for _ in range(4)],
    "floats with NaN": lambda chance: [np.append(np.sort(chance.random(9000)), np.nan) for _ in range(3)],
    "words": lambda _: [np.array(["a", "c"] * 2).astype("U1"), np.array(["b"])][::-1],
}


def blocks(chance: np.random.Generator, count: int, size: int) -> list[NDArray[np.int64]]:
    """Deal blocks of 64 neighbours to runs, as logs of one time are."""
    owners = chance.integers(0, count, size // 64 + 1).repeat(64)[:size]
    return [np.flatnonzero(owners == owner) // 3 for owner in range(count)]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_positions_are_those_of_a_stable_sort(shape: str, *, native: bool) -> None:
    if native:
        pytest.importorskip("numba")
    runs = SHAPES[shape](np.random.default_rng(4))

    found = merge_order(*runs, native=native)

    assert np.array_equal(found, np.argsort(np.concatenate(runs), kind="stable"))


@pytest.mark.parametrize("shape", SHAPES)
def test_arrays_merge_to_the_sorted_array(shape: str) -> None:
    runs = SHAPES[shape](np.random.default_rng(4))

    found = merge_arrays(*runs)

    assert np.array_equal(found, np.sort(np.concatenate(runs)), equal_nan=found.dtype.kind == "f")


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=30).map(sorted), min_size=1, max_size=9))
def test_the_loser_tree_is_stable_for_any_runs(runs: list[list[int]]) -> None:
    items = np.array([item for run in runs for item in run])
    stops = np.cumsum([len(run) for run in runs])
    at = stops - [len(run) for run in runs]
    positions = np.empty(len(items), np.int64)

    done = merge_blocks(items, at, stops, positions, 1, 0)

    assert done == len(items)
    assert np.array_equal(positions, np.argsort(items, kind="stable"))


def test_runs_that_were_merged_are_left_as_they_were() -> None:
    first, second = np.array([1, 3]), np.array([2])

    merge_arrays(first, second)

    assert first.tolist() == [1, 3]


def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="no run was given"):
        merge_arrays()
    with pytest.raises(ValueError, match="a run has 2 dimensions"):
        merge_order(np.zeros((2, 2)))


def test_numbers_stay_what_they_are() -> None:
    assert merge_arrays(np.array([]), np.array([2**53 + 1])).tolist() == [2**53 + 1]
    assert merge_arrays(np.array([1], np.int32), np.array([0.5])).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("other", [np.array([0.5]), np.array([1], np.uint64)])
def test_types_that_would_round_are_refused(other: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="would round; give all one type"):
        merge_arrays(np.array([2**53 + 1]), other)
