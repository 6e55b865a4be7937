"""When it is quiet, and what is fetched then."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.intervals import Interval
from bijou.delivery.filling import HOUR_S, Placed, Step, busy_weights, plan_fill, quiet_windows
from bijou.delivery.filling.windows import demand_curve
from bijou.ports import InvalidRequest
from tests.unit.delivery.filling.titles import DAY

NS = 1_000_000_000
NIGHT = Interval(100, 200)

placements = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 40_000), st.floats(0.001, 100)), max_size=30
).map(
    lambda rows: [
        Placed(edge, f"/media/t/{number:05}.m4s", size, worth)
        for number, (edge, size, worth) in enumerate(sorted(rows, key=lambda row: -row[2]))
    ]
)
stretches = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=6,
)


def carried(steps: list[Step], start_ns: int, end_ns: int) -> float:
    """Return the bits that fetches carry within a stretch, each evenly over its time."""
    return sum(
        step.size_bytes * 8 * max(0, min(end_ns, step.end_ns) - max(start_ns, step.start_ns))
        / (step.end_ns - step.start_ns)
        for step in steps
    )  # fmt: skip


@settings(deadline=None)
@given(
    placed=placements,
    windows=stretches,
    rate_bps=st.integers(3, 50_000),
    edge_rate_bps=st.none() | st.integers(1, 20_000),
    held=st.sets(st.integers(0, 30)),
)
def test_a_plan_keeps_to_its_windows_its_rates_and_the_order_of_worth(
    placed: list[Placed],
    windows: list[tuple[int, int]],
    rate_bps: int,
    edge_rate_bps: int | None,
    held: set[int],
) -> None:
    paths = {f"/media/t/{number:05}.m4s" for number in held}

    plan = plan_fill(
        placed, windows, rate_bps=rate_bps, edge_rate_bps=edge_rate_bps, held=dict.fromkeys("abc", paths)
    )

    for step in plan.steps:
        assert any(start * NS <= step.start_ns < step.end_ns <= end * NS for start, end in _merged(windows))
        assert step.path not in paths
    moments = sorted({moment for step in plan.steps for moment in (step.start_ns, step.end_ns)})
    for start_ns, end_ns in pairwise(moments):
        assert carried(plan.steps, start_ns, end_ns) <= rate_bps * (end_ns - start_ns) / NS * (1 + 1e-9)
    for edge in "abc":
        mine = [step for step in plan.steps if step.edge == edge]
        assert [step.expected for step in mine] == sorted((step.expected for step in mine), reverse=True)
        assert all(one.end_ns <= then.start_ns for one, then in pairwise(mine))
        assert plan.rates_bps.get(edge, 0) <= (edge_rate_bps or rate_bps)
    assert sum(plan.rates_bps.values()) <= rate_bps
    assert len(plan.steps) + plan.left_out + plan.kept == len(placed)
    assert plan.fetched_bytes + plan.left_out_bytes == sum(
        one.size_bytes for one in placed if one.path not in paths
    )


def _merged(windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    seconds = sorted({second for start, end in windows for second in range(start, end)})
    merged: list[tuple[int, int]] = []
    for second in seconds:
        if merged and merged[-1][1] == second:
            merged[-1] = (merged[-1][0], second + 1)
        else:
            merged.append((second, second + 1))
    return merged


def test_a_worked_example() -> None:
    placed = [Placed("east", f"/{name}", size, 1.0) for name, size in (("a", 500), ("b", 700), ("c", 50))]

    plan = plan_fill(placed, [(100, 109), (200, 210)], rate_bps=1000)

    assert [(step.path, step.start_ns / NS, step.end_ns / NS) for step in plan.steps] == [
        ("/a", 100.0, 104.0),
        ("/b", 200.0, 205.6),
        ("/c", 205.6, 206.0),
    ]
    assert plan.left_out == 0


def test_an_object_that_no_window_holds_does_not_stop_those_behind_it() -> None:
    placed = [Placed("east", "/huge", 10**9, 9.0), Placed("east", "/small", 100, 1.0)]

    plan = plan_fill(placed, [NIGHT], rate_bps=8000)

    assert [step.path for step in plan.steps] == ["/small"]
    assert (plan.left_out, plan.left_out_bytes) == (1, 10**9)


def test_rates_are_shared_by_what_each_edge_needs() -> None:
    placed = [Placed("a", "/1", 3000, 2.0), Placed("b", "/2", 1000, 1.0)]

    assert plan_fill(placed, [NIGHT], rate_bps=4002).rates_bps == {"a": 3001, "b": 1001}
    assert plan_fill(placed, [NIGHT], rate_bps=4002, edge_rate_bps=1500).rates_bps == {"a": 1500, "b": 1001}


def test_what_is_here_already_is_not_fetched() -> None:
    placed = [Placed("a", "/1", 3000, 2.0), Placed("a", "/2", 1000, 1.0)]

    plan = plan_fill(placed, [NIGHT], rate_bps=8000, held={"a": {"/1"}})

    assert [step.path for step in plan.steps] == ["/2"]
    assert plan.kept == 1


def test_without_a_quiet_moment_nothing_is_planned() -> None:
    plan = plan_fill([Placed("a", "/1", 3000, 2.0)], [], rate_bps=8000)

    assert (plan.steps, plan.left_out) == ([], 1)


@pytest.mark.parametrize(("rate_bps", "edge_rate_bps"), [(0, None), (1, None), (9, 0)])
def test_a_rate_of_nothing_is_refused(rate_bps: int, edge_rate_bps: int | None) -> None:
    placed = [Placed("a", "/1", 1, 2.0), Placed("b", "/2", 1, 1.0)]
    with pytest.raises(InvalidRequest, match="at least one bit a second"):
        plan_fill(placed, [NIGHT], rate_bps=rate_bps, edge_rate_bps=edge_rate_bps)


def test_the_demand_curve_is_the_recent_days_mean() -> None:
    slots = {day * 288 + slot: (1 + day) * 100 for day in range(3) for slot in range(288)}

    curve = demand_curve(slots, 0, 3 * DAY)

    weights = [0.7**2, 0.7, 1.0]
    mean = sum(weight * 100 * (1 + day) for day, weight in enumerate(weights)) / sum(weights)
    assert curve == pytest.approx(np.full(288, mean))


def test_a_day_that_has_only_begun_does_not_make_its_other_hours_quiet() -> None:
    slots = dict.fromkeys(range(288 + 144), 100)

    curve = demand_curve(slots, 0, 1.5 * DAY)

    assert curve == pytest.approx(np.full(288, 100))


@settings(deadline=None)
@given(
    levels=st.lists(st.integers(0, 100), min_size=24, max_size=24),
    quiet=st.floats(0.05, 0.95),
    start_h=st.integers(0, 60),
)
def test_quiet_windows_hold_no_busy_moment_and_all_long_quiet_ones(
    levels: list[int], quiet: float, start_h: int
) -> None:
    curve = np.repeat(np.array(levels, float), 12)
    within = (start_h * HOUR_S, start_h * HOUR_S + DAY)

    windows = quiet_windows(curve, within, quiet=quiet, least_s=HOUR_S)

    covered = {hour for one in windows for hour in range(one.start // HOUR_S, one.end // HOUR_S)}
    limit = quiet * max(levels)
    assert covered == {hour for hour in range(start_h, start_h + 24) if levels[hour % 24] <= limit}
    assert all(one.end <= then.start for one, then in pairwise(windows))


def test_a_short_lull_is_not_worth_beginning() -> None:
    curve = np.full(288, 100.0)
    curve[100:104] = 1

    assert quiet_windows(curve, (0, DAY)) == []
    assert quiet_windows(curve, (0, DAY), least_s=1200) == [Interval(30_000, 31_200)]


def test_without_any_demand_all_day_is_quiet_and_all_hours_count() -> None:
    assert quiet_windows(np.zeros(288), (0, DAY)) == [Interval(0, DAY)]
    assert busy_weights(np.zeros(288)).tolist() == [1.0] * 24


@pytest.mark.parametrize("quiet", [0.0, 1.0, float("nan")])
def test_quiet_is_a_share(quiet: float) -> None:
    with pytest.raises(InvalidRequest, match="share of the peak"):
        quiet_windows(np.ones(288), (0, DAY), quiet=quiet)
