"""Every limiter, held to its specification step by step."""

from collections.abc import Callable
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bijou.algorithms.limits import GCRA, Limiter, SlidingWindowCounter, SlidingWindowLog
from tests.unit.algorithms.limits.specifications import BucketSpec, CounterSpec, LogSpec, answer
from tests.unit.algorithms.machines import Machine, run_machine

LIMITS = st.integers(1, 12)
SPANS = st.integers(1, 40)
STARTS = st.sampled_from([0, 7, 10**6, 1_700_000_000 * 10**9])
# Mostly short steps, so that windows overlap, and some long ones.
STEPS_NS = st.integers(0, 6) | st.integers(0, 6) | st.integers(0, 100)
COSTS = st.just(1) | st.just(1) | st.integers(1, 12)


class LimiterMachine(Machine):
    limiter: Limiter
    spec: Any
    now_ns: int

    def begin(self, limiter: Limiter, spec: Any, now_ns: int) -> None:
        self.limiter, self.spec, self.now_ns = limiter, spec, now_ns

    @rule(step_ns=STEPS_NS, cost=COSTS)
    def admit(self, step_ns: int, cost: int) -> None:
        self.now_ns += step_ns
        if cost > self.limiter.limit:
            with pytest.raises(ValueError, match="can never pass"):
                self.limiter.admit(self.now_ns, cost)
            return

        assert answer(self.limiter.admit(self.now_ns, cost)) == self.spec.admit(self.now_ns, cost)

    @rule(late_ns=st.integers(1, 40))
    def admit_late(self, late_ns: int) -> None:
        told_ns = self.now_ns - late_ns

        assert answer(self.limiter.admit(told_ns)) == self.spec.admit(told_ns)

    @rule(step_ns=STEPS_NS, cost=COSTS)
    def peek(self, step_ns: int, cost: int) -> None:
        cost = min(cost, self.limiter.limit)
        seen = self.limiter.peek(self.now_ns + step_ns, cost)

        assert answer(seen) == self.spec.admit(self.now_ns + step_ns, cost, charge=False)

    @rule(cost=COSTS)
    def come_back_as_told(self, cost: int) -> None:
        cost = min(cost, self.limiter.limit)
        denial = self.limiter.peek(self.now_ns, cost)
        if denial.allowed or denial.retry_after_ns == 0:
            return
        newest_ns = max(self.now_ns, self.limiter._newest_ns)

        assert not self.limiter.peek(newest_ns + denial.retry_after_ns - 1, cost).allowed
        assert self.limiter.peek(newest_ns + denial.retry_after_ns, cost).allowed

    @rule()
    def be_idle_when_reset(self) -> None:
        newest_ns = max(self.now_ns, self.limiter._newest_ns)
        full = self.spec.admit(newest_ns, self.limiter.limit, charge=False)

        assert self.limiter.is_idle(newest_ns) == full.allowed
        assert self.limiter.is_idle(newest_ns + self.limiter.peek(newest_ns).reset_after_ns)


class LogMachine(LimiterMachine):
    @initialize(limit=LIMITS, window_ns=SPANS, start_ns=STARTS)
    def start(self, limit: int, window_ns: int, start_ns: int) -> None:
        self.begin(SlidingWindowLog(limit, window_ns), LogSpec(limit, window_ns), start_ns)


class CounterMachine(LimiterMachine):
    @initialize(limit=LIMITS, window_ns=SPANS, parts=st.integers(1, 7), start_ns=STARTS)
    def start(self, limit: int, window_ns: int, parts: int, start_ns: int) -> None:
        limiter = SlidingWindowCounter(limit, window_ns, parts)
        self.begin(limiter, CounterSpec(limit, window_ns, parts), start_ns)


class GcraMachine(LimiterMachine):
    @initialize(rate=LIMITS, period_ns=SPANS, burst=LIMITS, start_ns=STARTS)
    def start(self, rate: int, period_ns: int, burst: int, start_ns: int) -> None:
        self.begin(GCRA(rate, period_ns, burst), BucketSpec(rate, period_ns, burst), start_ns)


@pytest.mark.parametrize("machine", [LogMachine, CounterMachine, GcraMachine])
def test_a_limiter_answers_as_its_specification(machine: type[Machine]) -> None:
    run_machine(machine, examples=80)


@pytest.mark.parametrize(
    "make",
    [
        partial(SlidingWindowLog, 0, 1),
        partial(SlidingWindowLog, 1, 0),
        partial(SlidingWindowCounter, 1, 1, 0),
        partial(GCRA, 0, 1, 1),
        partial(GCRA, 1, 0, 1),
        partial(GCRA, 1, 1, 0),
    ],
)
def test_a_rule_that_means_nothing_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"must be (at least 1|above 0)"):
        make()


def test_a_cleared_limiter_is_as_new() -> None:
    for limiter in (SlidingWindowLog(2, 10), SlidingWindowCounter(2, 10, 5), GCRA(2, 10, 2)):
        first = limiter.admit(3, 2)
        limiter.admit(3)
        limiter.clear()

        assert limiter.admit(3, 2) == first


def test_a_denial_from_before_an_admission_no_longer_stands() -> None:
    log = SlidingWindowLog(3, 10)
    log.admit(0, 3)
    assert not log.admit(9).allowed
    log.admit(10, 2)

    late = log.admit(9)

    assert late.allowed
    assert late.remaining == 0


MAKES: list[Callable[..., Limiter]] = [SlidingWindowLog, SlidingWindowCounter, partial(GCRA, 1)]


@pytest.mark.parametrize("make", MAKES, ids=["log", "counter", "gcra"])
@pytest.mark.parametrize("asked", [(nan, 1), (inf, 1), (5.5, 1), (5, nan), (5, 1.5), (5, 2.0), (5, "1")])
def test_only_whole_times_and_costs_are_taken(make: Callable[..., Limiter], asked: Any) -> None:
    limiter, untouched = make(3, 10), make(3, 10)
    for each in (limiter, untouched):
        each.admit(0, 2)

    for ask in (limiter.admit, limiter.peek):
        with pytest.raises(TypeError, match="must be an integer"):
            ask(*asked)
    assert [limiter.admit(at) for at in (5, 5, 6)] == [untouched.admit(at) for at in (5, 5, 6)]


@pytest.mark.parametrize("make", MAKES, ids=["log", "counter", "gcra"])
def test_integers_of_numpy_are_taken_as_what_they_are(make: Callable[..., Limiter]) -> None:
    given, plain = make(3, 10), make(3, 10)
    for at, cost in ((0, 2), (5, 2), (9, 1), (1 << 60, 3)):
        numbers: Any = np.array([at, cost])
        decision = given.admit(*numbers)

        assert decision == plain.admit(at, cost)
        assert type(decision.reset_after_ns) is int


@pytest.mark.parametrize(
    ("make", "numbers", "words"),
    [
        (SlidingWindowLog, (2.5, 10), "limit 2.5 must be an integer"),
        (SlidingWindowLog, (2, 0.5), "window_ns 0.5 must be an integer"),
        (SlidingWindowCounter, (2, nan), "window_ns nan must be an integer"),
        (SlidingWindowCounter, (2, 10, 1.0), "parts 1.0 must be an integer"),
        (GCRA, (nan, 10, 1), "rate nan must be an integer"),
        (GCRA, (1, 1e9, 1), "period_ns 1000000000.0 must be an integer"),
        (GCRA, (1, 10, inf), "limit inf must be an integer"),
    ],
)
def test_a_rule_of_fractions_is_refused(make: Any, numbers: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make(*numbers)
