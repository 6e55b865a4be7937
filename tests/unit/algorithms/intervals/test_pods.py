"""Pods, beside every subset of the candidates."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.intervals import Candidate, pack_pod, pack_pod_greedily
from tests.unit.algorithms.intervals.specifications import best_pod, may_stand

CANDIDATES = st.builds(
    Candidate,
    duration=st.sampled_from([5, 10, 15, 20, 30, 7]),
    value=st.integers(-2, 20),
    labels=st.frozensets(st.sampled_from("abcdef"), max_size=3),
)
MOST = st.none() | st.integers(0, 4)


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(st.lists(CANDIDATES, max_size=9), st.integers(0, 75), MOST)
def test_a_pod_fits_keeps_competitors_apart_and_none_is_worth_more(
    candidates: list[Candidate], duration: int, most: int | None
) -> None:
    pod = pack_pod(candidates, duration, most=most)
    greedy = pack_pod_greedily(candidates, duration, most=most)

    for found in (pod, greedy):
        shown = [candidates[i] for i in found.indices]
        assert may_stand(shown, duration, most)
        assert found.value == sum(one.value for one in shown)
        assert found.duration == sum(one.duration for one in shown)
    assert greedy.value <= pod.value == best_pod(candidates, duration, most)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([15, 20, 30]), st.integers(1, 99), st.integers(0, 5)), max_size=11),
    MOST,
)
def test_leaving_out_what_no_best_pod_needs_costs_nothing(
    spots: list[tuple[int, int, int]], most: int | None
) -> None:
    candidates = [
        Candidate(length, value, frozenset({firm} if firm else ())) for length, value, firm in spots
    ]

    assert pack_pod(candidates, 60, most=most).value == best_pod(candidates, 60, most)


def crossing(chance: Random, count: int) -> list[Candidate]:
    """Creatives of firms that sell in several categories."""
    return [
        Candidate(
            chance.choice([6, 10, 15, 20, 30]),
            chance.randrange(9, 14),
            frozenset({f"firm {i // 2}", f"category {chance.randrange(12)}"}),
        )
        for i in range(count)
    ]


def test_what_labels_are_called_does_not_change_the_pod() -> None:
    for seed in range(20):
        spots = crossing(Random(seed), 30)
        names = {
            label: -number for number, label in enumerate({label for one in spots for label in one.labels})
        }
        renamed = [one._replace(labels=frozenset(names[label] for label in one.labels)) for one in spots]

        assert pack_pod(renamed, 60) == pack_pod(spots, 60)


def test_labels_that_cross_too_much_are_refused_before_they_fill_the_memory() -> None:
    chance = Random(1)
    spots = [
        Candidate(1, 1000 + chance.randrange(9), frozenset(chance.sample(range(60), 4))) for _ in range(200)
    ]

    with pytest.raises(ValueError, match="give fewer labels that span groups"):
        pack_pod(spots, 2000)


def test_durations_in_nanoseconds_need_no_more_cells_than_in_seconds() -> None:
    spots = [Candidate(length * 10**9, 10 + length) for length in (15, 30, 20)]

    assert pack_pod(spots, 60 * 10**9 + 1).indices == [1, 2]


def test_labels_that_all_cross_are_still_packed_exactly() -> None:
    spots = crossing(Random(5), 120)
    shuffled = spots[::-1]

    pod = pack_pod(spots, 90)

    assert may_stand([spots[i] for i in pod.indices], 90, None)
    assert pod.value == pack_pod(shuffled, 90).value >= pack_pod_greedily(spots, 90).value


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([Candidate(15, 1), Candidate(0, 1)], "candidate 1 lasts 0 ticks"),
        ([Candidate(15, 1 << 60)], "below 2\\^60"),
        ([Candidate(15.5, 1)], "candidate 0 lasts 15.5 ticks and is worth 1; both must be integers"),  # type: ignore[arg-type]
        ([Candidate(15, float("nan"))], "is worth nan; both must be integers"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_packed_is_refused(candidates: list[Candidate], words: str) -> None:
    for pack in (pack_pod, pack_pod_greedily):
        with pytest.raises(ValueError, match=words):
            pack(candidates, 60)


@pytest.mark.parametrize(("duration", "most"), [(-1, None), (60, -1), (0.5, None), (60, 1.5)])
def test_a_break_that_means_nothing_is_refused(duration: Any, most: Any) -> None:
    for pack in (pack_pod, pack_pod_greedily):
        with pytest.raises(ValueError, match=f"{duration} ticks and {most} slots.* at least 0"):
            pack([Candidate(15, 1)], duration, most=most)
