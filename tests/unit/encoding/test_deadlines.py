from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding.deadlines import Due, feasible
from bijou.ports import Instant

NOW = Instant(1_000_000_000)

tasks = st.lists(
    st.builds(
        Due,
        task=st.sampled_from("abcdef"),
        work_s=st.integers(0, 9).map(float),
        deadline_at=st.none() | st.integers(0, 20).map(NOW.plus_s),
    ),
    max_size=5,
)


def ends_of(order: tuple[Due, ...], workers: int) -> list[tuple[Due, int]]:
    """Let workers take tasks in an order; the slowest obvious way."""
    free = [int(NOW)] * workers
    ends = []
    for task in order:
        first = free.index(min(free))
        free[first] += round(task.work_s * 1e6)
        ends.append((task, free[first]))
    return ends


def latest_s(order: tuple[Due, ...], workers: int) -> float:
    late = [end - task.deadline_at for task, end in ends_of(order, workers) if task.deadline_at is not None]
    return max(0, *late, 0) / 1e6


@given(tasks)
def test_with_one_worker_no_order_is_less_late(due: list[Due]) -> None:
    forecast = max((one.late_s for one in feasible(due, 1, NOW)), default=0.0)

    assert forecast == min(latest_s(order, 1) for order in permutations(due))


@given(tasks, st.integers(1, 3))
def test_what_is_hopeless_no_order_saves(due: list[Due], workers: int) -> None:
    if any(one.hopeless for one in feasible(due, workers, NOW)):
        assert min(latest_s(order, workers) for order in permutations(due)) > 0


@given(tasks, st.integers(1, 3))
def test_nobody_idles_while_there_is_work_and_nobody_does_two_things(due: list[Due], workers: int) -> None:
    forecasts = feasible(due, workers, NOW)

    ordered = tuple(sorted(due, key=lambda one: (one.deadline_at is None, one.deadline_at or 0, one.task)))
    assert [int(one.ends_at) for one in forecasts] == [end for _, end in ends_of(ordered, workers)]
    for one in forecasts:
        busy = sum(other.begins_at <= one.begins_at < other.ends_at for other in forecasts)
        assert busy <= workers


def test_a_worker_more_saves_what_is_hopeless() -> None:
    due = [Due(name, 300, NOW.plus_s(600)) for name in "abcd"]

    assert [one.late_s for one in feasible(due, 1, NOW)] == [0.0, 0.0, 300.0, 600.0]
    assert all(one.hopeless for one in feasible(due, 1, NOW))
    assert not any(one.late_s or one.hopeless for one in feasible(due, 2, NOW))


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        feasible([], 0, NOW)
    with pytest.raises(ValueError, match="at least 0"):
        feasible([Due("a", -1)], 1, NOW)
