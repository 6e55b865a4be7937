from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.limits import GCRA, Claim, KeyedLimits, Limiter, SlidingWindowLog, admit_all
from tests.unit.algorithms.limits.specifications import most_in_any_window
from tests.unit.algorithms.machines import Machine, run_machine

KEYS = st.integers(0, 9)
COSTS = st.integers(1, 3)
STEPS_NS = st.integers(0, 3) | st.integers(0, 15)


class KeyedMachine(Machine):
    """A table against a dictionary that never forgets: no one can tell them apart."""

    @initialize(
        make=st.sampled_from([partial(SlidingWindowLog, 3, 10), partial(GCRA, 1, 4, 3)]),
        shards=st.sampled_from([1, 4]),
    )
    def start(self, make: Any, shards: int) -> None:
        self.table: KeyedLimits[int] = KeyedLimits(make, shards=shards)
        self.others: KeyedLimits[int] = KeyedLimits(partial(SlidingWindowLog, 2, 15))
        self.make, self.now_ns = make, 0
        self.spec: dict[int, Limiter] = {}
        self.other_spec: dict[int, Limiter] = {}

    def of(self, key: int) -> Limiter:
        return self.spec.setdefault(key, self.make())

    def other(self, key: int) -> Limiter:
        return self.other_spec.setdefault(key, SlidingWindowLog(2, 15))

    @rule(key=KEYS, cost=COSTS, step_ns=STEPS_NS)
    def admit(self, key: int, cost: int, step_ns: int) -> None:
        self.now_ns += step_ns
        assert self.table.admit(key, self.now_ns, cost) == self.of(key).admit(self.now_ns, cost)

    @rule(key=KEYS)
    def come_back_as_told(self, key: int) -> None:
        denial = self.table.peek(key, self.now_ns)
        self.now_ns += denial.retry_after_ns
        self.of(key).admit(self.now_ns)

        assert self.table.admit(key, self.now_ns).allowed

    @rule(key=KEYS, cost=COSTS)
    def peek(self, key: int, cost: int) -> None:
        assert self.table.peek(key, self.now_ns, cost) == self.of(key).peek(self.now_ns, cost)

    @rule(claimed=st.lists(KEYS, min_size=1, max_size=3), other=KEYS, step_ns=STEPS_NS)
    def admit_all_or_none(self, claimed: list[int], other: int, step_ns: int) -> None:
        self.now_ns += step_ns
        demands = [(self.of(key), claimed.count(key)) for key in dict.fromkeys(claimed)]
        demands.append((self.other(other), 1))
        foretold = [limiter.peek(self.now_ns, cost) for limiter, cost in demands]
        passes = all(decision.allowed for decision in foretold)
        if passes:
            for limiter, cost in demands:
                limiter.admit(self.now_ns, cost)

        decision = admit_all([*map(self.table.claim, claimed), self.others.claim(other)], self.now_ns)

        assert decision.allowed == passes
        assert decision.retry_after_ns == max(each.retry_after_ns for each in foretold)

    @rule()
    def sweep(self) -> None:
        self.table.sweep(self.now_ns)

        assert len(self.table) == sum(not limiter.is_idle(self.now_ns) for limiter in self.spec.values())

    @invariant()
    def hold_every_key_that_is_not_as_new(self) -> None:
        live = {key for key, limiter in self.spec.items() if not limiter.is_idle(self.now_ns)}
        assert all(key in self.table for key in live)


def test_a_table_that_forgets_cannot_be_told_from_one_that_does_not() -> None:
    run_machine(KeyedMachine)


def test_a_flood_of_keys_neither_resets_a_limit_nor_stays() -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(SlidingWindowLog, 1, 1000))
    assert table.admit("victim", 0).allowed

    for turn in range(20_000):
        table.admit(f"flood {turn}", turn // 20)
        assert turn % 100 or not table.admit("victim", turn // 20).allowed
    largest = len(table)
    for turn in range(60_000):
        table.admit(f"later {turn}", 2000 + turn)
        largest = max(largest, len(table))

    assert largest < 25_000
    assert len(table) < 4000


def test_a_denied_newcomer_leaves_nothing_behind() -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(SlidingWindowLog, 1, 10))
    full = SlidingWindowLog(1, 10)
    full.admit(0)

    denied = admit_all([table.claim("new"), Claim.on(full)], 1)

    assert (denied.allowed, denied.retry_after_ns) == (False, 9)
    assert len(table) == 0


@pytest.mark.parametrize("seed", range(20))
def test_past_its_most_keys_a_table_denies_early_and_never_admits_twice(seed: int) -> None:
    table: KeyedLimits[int] = KeyedLimits(partial(SlidingWindowLog, 2, 30), most_keys=4, shards=1)
    chance = Random(seed)
    admitted: dict[int, list[int]] = {}
    now_ns = 0
    for _ in range(400):
        now_ns += chance.choice((0, 1, 2, 25))
        key = chance.randrange(9)
        if table.admit(key, now_ns).allowed:
            admitted.setdefault(key, []).append(now_ns)

        assert len(table) <= 4

    assert all(most_in_any_window(times, 30) <= 2 for times in admitted.values())
    assert len(admitted) == 9


def test_claims_need_at_least_one_and_a_cost_that_can_pass() -> None:
    with pytest.raises(ValueError, match="no claim"):
        admit_all([], 0)

    free = SlidingWindowLog(5, 10)
    with pytest.raises(ValueError, match="cost 4 can never pass"):
        admit_all([Claim.on(free, 5), Claim.on(SlidingWindowLog(3, 10), 4)], 0)
    assert free.peek(0).remaining == 4


def test_two_claims_on_one_limiter_add_up() -> None:
    limiter = SlidingWindowLog(3, 10)

    decisions = [admit_all([Claim.on(limiter), Claim.on(limiter)], 0).allowed for _ in range(2)]

    assert decisions == [True, False]
    assert limiter.peek(0).allowed


def test_a_key_that_comes_back_late_is_decided_at_the_time_at_which_it_was_dropped() -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(SlidingWindowLog, 1, 10), shards=1)
    for key, now_ns in (("a", 0), ("b", 10)):
        table.admit(key, now_ns)
    assert "a" not in table

    late = table.admit("a", 5)

    assert (late.allowed, late.reset_after_ns) == (True, 10)
    assert [table.admit("a", now_ns).retry_after_ns for now_ns in (5, 15, 19, 20)] == [10, 5, 1, 0]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("most_keys", [None, 3])
def test_no_late_caller_is_let_through_twice(most_keys: int | None, seed: int) -> None:
    """A limiter's own time, `_newest_ns`, is when an admission counts; a table must not turn it back."""
    table: KeyedLimits[int] = KeyedLimits(partial(SlidingWindowLog, 2, 10), most_keys=most_keys, shards=1)
    chance = Random(seed)
    counted: dict[int, list[int]] = {}
    now_ns = 0
    for _ in range(500):
        now_ns += chance.choice((0, 1, 2, 9))
        key, told_ns = chance.randrange(6), now_ns - chance.choice((0, 0, 3, 12))
        if table.admit(key, told_ns).allowed:
            limiter = table._limiters.get(key, table._shards[0]._spare)
            counted.setdefault(key, []).append(limiter._newest_ns)

    assert all(times == sorted(times) for times in counted.values())
    assert all(most_in_any_window(times, 10) <= 2 for times in counted.values())
    assert len(counted) == 6


def test_a_question_while_a_table_is_full_keeps_no_later_key_out() -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(SlidingWindowLog, 1, 10), most_keys=2, shards=1)
    for key, now_ns in (("a", 0), ("b", 5), ("c", 10)):  # the last in the place of the first
        table.admit(key, now_ns)
    table.peek("d", 11)

    table.admit("e", 15)

    assert "e" in table


@pytest.mark.parametrize("now_ns", [float("inf"), float("nan"), 20.0])
def test_a_time_that_is_no_integer_drops_no_key(now_ns: Any) -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(GCRA, 1, 10, 1), shards=1)
    table.admit("old", 0)

    for ask in (
        lambda: table.admit("new", now_ns),
        lambda: table.peek("new", now_ns),
        lambda: admit_all([table.claim("new")], now_ns),
        lambda: table.sweep(now_ns),
    ):
        with pytest.raises(TypeError, match="must be an integer"):
            ask()
    assert list(table._limiters) == ["old"]
    assert not table.admit("old", 5).allowed


def test_claims_of_a_fraction_are_refused_and_charge_nothing() -> None:
    table: KeyedLimits[str] = KeyedLimits(partial(GCRA, 1, 10, 3))

    with pytest.raises(TypeError, match="cost nan must be an integer"):
        admit_all([table.claim("a"), table.claim("b", float("nan"))], 0)  # type: ignore[arg-type]
    assert len(table) == 0


@pytest.mark.parametrize("known", [0, 1, 2])
def test_new_keys_claimed_together_never_exceed_the_most_keys(known: int) -> None:
    table: KeyedLimits[int] = KeyedLimits(partial(SlidingWindowLog, 5, 10), most_keys=2, shards=1)
    for key in range(known):
        table.admit(key, 0)

    for now_ns in (1, 30):  # those of before are live, then gone
        assert admit_all([table.claim(key) for key in range(4)], now_ns).allowed
        assert len(table) == 2
    assert table.peek(3, 30).remaining == 3 - 1
