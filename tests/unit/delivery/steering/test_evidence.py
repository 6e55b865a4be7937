"""What players met, against a list that keeps everything."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.steering.evidence import (
    FRESH_S,
    LONG_S,
    WINDOW_S,
    Baselines,
    Evidence,
    Failures,
    Moments,
    Sums,
)
from bijou.delivery.steering.judging import Tolerance, wilson_lower, worse

events = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", "c", "d"]), st.booleans()), max_size=80
)


@settings(max_examples=200)
@given(events, st.integers(0, 15))
def test_the_window_counts_what_a_full_record_would(told: list[tuple[int, str, bool]], later: int) -> None:
    evidence, record, now_s = Evidence("east", Baselines()), [], 0
    for wait_s, session, failed in told:
        now_s += wait_s
        evidence.met(session, now_s * 10**9, failed=failed)
        record.append((now_s, session, failed))
    now_s += later

    sums = evidence.sums(now_s * 10**9 + 5)

    window = [(at, who, bad) for at, who, bad in record if at > now_s - WINDOW_S]
    for failures, span_s in ((sums.failures, WINDOW_S), (sums.long, LONG_S)):
        met = {(at, who, bad) for at, who, bad in record if at > now_s - span_s}
        assert failures.good == sum(not bad for _, _, bad in met)
        assert failures.bad == sum(bad for _, _, bad in met)
        worst = Counter(who for _, who, bad in met if bad)
        assert (failures.failed, failures.worst) == (len(worst), max(worst.values(), default=0))
    assert sums.sessions == len({who for _, who, _ in window})
    assert sums.fresh == len({who for at, who, bad in window if not bad and at > now_s - FRESH_S})


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=30), st.integers(0, 30))
def test_moments_of_two_processes_add_up_to_those_of_one(values: list[float], cut: int) -> None:
    whole, one, other = Moments(), Moments(), Moments()
    for at, value in enumerate(values):
        whole.add(value)
        (one if at < cut else other).add(value)
    one.take(other)

    assert one.n == whole.n
    assert one.mean == pytest.approx(whole.mean, abs=1e-9)
    assert one.error == pytest.approx(whole.error, rel=1e-6, abs=1e-9)


def test_a_session_is_compared_with_itself_and_only_once_it_is_known() -> None:
    baselines = Baselines()
    key = ("ses_1", "east", "rate")
    told = [baselines.distance(key, math.log(100), learn=True) for _ in range(4)]

    assert told == [None, None, None, 0.0]
    assert baselines.distance(key, math.log(200), learn=False) == pytest.approx(math.log(2))
    assert baselines.distance(("ses_2", "east", "rate"), math.log(200), learn=False) is None


def test_what_is_not_well_teaches_nothing() -> None:
    baselines = Baselines()
    key = ("ses_1", "east", "rate")
    for _ in range(10):
        baselines.distance(key, 5.0, learn=True)
    for _ in range(100):
        baselines.distance(key, 4.0, learn=False)

    assert baselines.distance(key, 4.0, learn=False) == -1.0


def test_what_is_slow_for_long_stays_slow_where_it_may_not_be_learnt() -> None:
    evidence = Evidence("east", Baselines())
    for second in range(200):
        well = second < 20
        evidence.first_byte("a", second * 10**9, 0.02 if well else 0.06, learn=well)
        evidence.rate("a", second * 10**9, 8e6 if well else 4e6, learn=well)

    sums = evidence.sums(199 * 10**9)
    assert sums.first_byte.mean == pytest.approx(math.log(3))
    assert sums.rate.mean == pytest.approx(-math.log(2))


@given(st.integers(0, 300), st.integers(1, 300), st.floats(0.1, 5))
def test_the_lower_bound_of_a_share_is_below_it_and_rises_with_it(bad: int, more: int, sigmas: float) -> None:
    n = bad + more

    assert -1e-9 <= wilson_lower(bad, n, sigmas) <= bad / n + 1e-9
    assert wilson_lower(bad, n, sigmas) <= wilson_lower(bad + 1, n, sigmas)


def test_three_viewers_must_have_met_it() -> None:
    def why(failed: int) -> str:
        mine = Sums(Failures(good=100, bad=50, failed=failed), sessions=40)
        return worse(mine, Sums(Failures(good=400)), Tolerance())

    assert (why(2), why(3)) == ("", "errors")


def test_what_is_rare_is_found_in_half_a_minute() -> None:
    few = Failures(good=70, bad=3, failed=3, worst=1)

    assert worse(Sums(few, sessions=15), Sums(), Tolerance()) == ""
    assert worse(Sums(few, Failures(210, 13, 9, 2), 15), Sums(), Tolerance()) == "errors"


def test_a_difference_must_be_large_and_certain() -> None:
    def moments(mean: float, n: int, spread: float = 0.3) -> Moments:
        told = Moments()
        for at in range(n):
            told.add(mean + (spread if at % 2 else -spread))
        return told

    def why(mine: Moments, others: Moments) -> str:
        return worse(Sums(sessions=9, first_byte=mine), Sums(sessions=9, first_byte=others), Tolerance())

    assert why(moments(math.log(3), 40), moments(0, 40)) == "first byte"
    assert why(moments(math.log(1.5), 4000), moments(0, 4000)) == ""
    assert why(moments(math.log(3), 10), moments(0, 40)) == ""
    assert why(moments(math.log(3), 22, spread=2.4), moments(0, 40)) == ""
    assert why(moments(math.log(3), 40), moments(math.log(3), 40)) == ""
