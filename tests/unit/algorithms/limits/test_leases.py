"""Prepaid permits never let more through than the exact limit would."""

from collections import deque
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bijou.algorithms.limits import (
    CounterRule,
    GcraRule,
    Grant,
    Lease,
    Limiter,
    LogRule,
    SlidingWindowLog,
    grant,
)
from tests.unit.algorithms.limits.specifications import LogSpec, most_in_any_window
from tests.unit.algorithms.machines import Machine, run_machine

WINDOW_NS = 50


class LeaseMachine(Machine):
    """Processes with leases whose calls take time and get lost, beside the exact oracle."""

    @initialize(
        limit=st.integers(1, 12), term_ns=st.integers(2, 60), most=st.integers(1, 8), kind=st.booleans()
    )
    def start(self, limit: int, term_ns: int, most: int, kind: bool) -> None:  # noqa: FBT001
        rule = LogRule(limit, WINDOW_NS) if kind else CounterRule(limit, WINDOW_NS)
        self.shared: Limiter = rule.prepaid(term_ns).limiter()
        self.leases = [Lease(limit=limit, term_ns=term_ns, most=most) for _ in range(3)]
        self.answers: deque[tuple[Lease, Grant, int]] = deque()
        self.oracle = LogSpec(limit, WINDOW_NS)
        self.asked_for = self.now_ns = 0
        self.spent: list[int] = []

    @rule(process=st.integers(0, 2), step_ns=st.integers(0, 4) | st.integers(0, 40), cost=st.integers(1, 3))
    def request(self, process: int, step_ns: int, cost: int) -> None:
        self.now_ns += step_ns
        cost = min(cost, self.shared.limit)
        lease = self.leases[process]
        decision = lease.spend(self.now_ns, cost)
        for _ in range(cost):
            self.oracle.admit(self.now_ns)
        if decision is None:
            self.answers.append(
                (lease, grant(self.shared, self.now_ns, max(lease.wanted, cost)), self.now_ns)
            )
        elif decision.allowed:
            self.spent += [self.now_ns] * cost

        assert most_in_any_window(self.spent, WINDOW_NS) <= self.shared.limit
        assert len(self.spent) <= len(self.oracle.admitted)

    @rule(lost=st.sampled_from([False, False, False, True]))
    def answer_arrives(self, lost: bool) -> None:  # noqa: FBT001
        if self.answers:
            lease, given, asked_ns = self.answers.popleft()
            if not lost:
                lease.refill(given, asked_ns=asked_ns)

    @rule(process=st.integers(0, 2))
    def tell_the_truth_about_nothing_left(self, process: int) -> None:
        lease = self.leases[process]
        if lease.is_spoilt(self.now_ns):
            assert lease.spend(self.now_ns) is None


def test_leases_never_admit_more_than_the_exact_limiter_beside_them() -> None:
    run_machine(LeaseMachine, examples=80)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(
    rate=st.integers(1, 9), burst=st.integers(2, 12), term_ns=st.integers(2, 40), seed=st.integers(0, 10**6)
)
def test_leases_of_a_token_bucket_keep_its_bound(rate: int, burst: int, term_ns: int, seed: int) -> None:
    assume(rate * term_ns <= (burst - 1) * WINDOW_NS)
    shared = GcraRule(rate, WINDOW_NS, burst).prepaid(term_ns).limiter()
    leases = [Lease(limit=shared.limit, term_ns=term_ns, most=4) for _ in range(2)]
    chance, spent = Random(seed), list[int]()
    for now_ns in range(300):
        lease = leases[chance.randrange(2)]
        if lease.spend(now_ns) is None:
            lease.refill(grant(shared, now_ns, lease.wanted), asked_ns=now_ns)
            decision = lease.spend(now_ns)
            spent += [now_ns] * bool(decision and decision.allowed)

    for window_ns in (1, 7, WINDOW_NS, 3 * WINDOW_NS):
        assert most_in_any_window(spent, window_ns) <= burst + rate * window_ns / WINDOW_NS


def test_without_the_longer_window_leases_would_overrun() -> None:
    """The planted fault: a source that forgets the term lets twice the limit through."""
    shared = SlidingWindowLog(10, 100)
    lease = Lease(limit=10, term_ns=100, most=10)
    spent = []
    lease.refill(grant(shared, 0, 10), asked_ns=0)
    spent += [98] * sum(bool(lease.spend(98)) for _ in range(10))
    lease.refill(grant(shared, 100, 10), asked_ns=100)
    spent += [100] * sum(bool(lease.spend(100)) for _ in range(10))

    assert most_in_any_window(spent, 100) == 20


def calls_for(requests_per_s: int, limit: int, seconds: int, *, most: int) -> tuple[int, int]:
    """Return (calls to the shared limit, requests passed) of one process at a steady rate."""
    window_ns, term_ns = 10**9, 10**8
    shared = SlidingWindowLog(limit, window_ns + term_ns)
    lease = Lease(limit=limit, term_ns=term_ns, most=most)
    calls = passed = 0
    for turn in range(requests_per_s * seconds):
        now_ns = turn * 10**9 // requests_per_s
        decision = lease.spend(now_ns)
        if decision is None:
            calls += 1
            lease.refill(grant(shared, now_ns, lease.wanted), asked_ns=now_ns)
            decision = lease.spend(now_ns)
        passed += bool(decision and decision.allowed)
    return calls, passed


def test_at_ten_thousand_a_second_a_lease_asks_two_hundred_times_less_often() -> None:
    calls, passed = calls_for(10_000, 20_000, 3, most=1000)

    assert passed == 30_000
    assert calls * 200 <= 30_000


def test_under_twice_the_limit_a_lease_still_asks_rarely_and_uses_nine_tenths() -> None:
    calls, passed = calls_for(10_000, 5000, 4, most=1000)

    assert calls * 20 <= 40_000
    assert 0.85 * 4 * 5000 <= passed <= 5 * 5000


def test_a_closed_limit_is_not_asked_again_before_it_opens() -> None:
    shared = SlidingWindowLog(1, 1000)
    shared.admit(0)
    lease = Lease(limit=1, term_ns=100)
    assert lease.spend(10) is None
    lease.refill(grant(shared, 10, 1), asked_ns=10)

    denials = [lease.spend(now_ns) for now_ns in (11, 500, 999)]

    assert [denial.retry_after_ns for denial in denials if denial] == [989, 500, 1]
    assert lease.spend(1000) is None


def test_permits_spoil_a_little_before_their_term_ends() -> None:
    lease = Lease(limit=9, term_ns=10_000)
    lease.refill(Grant(9), asked_ns=0)

    assert lease.spend(9_989) is not None
    assert lease.spend(9_990) is None


@pytest.mark.parametrize("bad", [{"limit": 0}, {"term_ns": 1}, {"most": 0}])
def test_a_lease_that_means_nothing_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        Lease(**{"limit": 1, "term_ns": 2, "most": 1, **bad})
    with pytest.raises(ValueError, match="permits 0 must be at least 1"):
        grant(SlidingWindowLog(1, 1), 0, 0)
    with pytest.raises(ValueError, match="can never pass"):
        Lease(limit=1, term_ns=2).spend(0, 2)


def test_a_process_that_fell_quiet_asks_for_little_again() -> None:
    shared, lease = SlidingWindowLog(1000, 1100), Lease(limit=1000, term_ns=100, most=64)
    asked = []
    for now_ns in [0] * 200 + list(range(2000, 3000, 100)):
        if lease.spend(now_ns) is None:
            asked.append(lease.wanted)
            lease.refill(grant(shared, now_ns, lease.wanted), asked_ns=now_ns)
            lease.spend(now_ns)

    assert max(asked) == 64
    assert asked[-1] == 1


@pytest.mark.parametrize("asked", [(float("nan"), 1), (5.0, 1), (5, 1.5), (5, float("nan"))])
def test_a_lease_takes_only_whole_times_and_costs(asked: Any) -> None:
    lease = Lease(limit=9, term_ns=1000)
    lease.refill(Grant(3), asked_ns=0)

    with pytest.raises(TypeError, match="must be an integer"):
        lease.spend(*asked)
    assert [bool(lease.spend(5)) for _ in range(4)] == [True, True, True, False]
