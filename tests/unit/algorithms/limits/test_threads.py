"""Limiters under threads: every history could have happened one call at a time."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from random import Random
from typing import Any

import pytest

from bijou.algorithms.limits import (
    GCRA,
    Claim,
    KeyedLimits,
    Limiter,
    SlidingWindowCounter,
    SlidingWindowLog,
    admit_all,
)
from tests.unit.algorithms.limits.specifications import BucketSpec, CounterSpec, LogSpec, answer
from tests.unit.algorithms.linearizability import Call, is_linearizable, record

LIMITERS: list[tuple[Callable[[], Limiter], Callable[[], Any]]] = [
    (partial(SlidingWindowLog, 3, 20), partial(LogSpec, 3, 20)),
    (partial(SlidingWindowCounter, 3, 20, 5), partial(CounterSpec, 3, 20, 5)),
    (partial(GCRA, 1, 7, 3), partial(BucketSpec, 1, 7, 3)),
]
IDS = ["log", "counter", "gcra"]


def step(make_spec: Callable[[], Any], state: Any, operation: Any) -> tuple[Any, Any]:
    spec = make_spec()
    for name, value in state or ():
        setattr(spec, name, list(value) if isinstance(value, tuple) else value)
    result = spec.admit(*operation)
    fields = sorted(vars(spec).items())
    return result, tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in fields)


def history(limiter: Limiter, seed: int) -> list[Call]:
    chance = Random(seed)
    # Times that grow along each thread's script and mix between threads, as clocks read early do.
    scripts = [
        [(10 * turn + chance.randrange(12), chance.choice((1, 1, 2))) for turn in range(6)] for _ in range(4)
    ]
    return record(scripts, lambda operation: answer(limiter.admit(*operation)), seed=seed)


@pytest.mark.parametrize(("make", "make_spec"), LIMITERS, ids=IDS)
def test_threads_see_what_one_caller_after_the_other_could(
    make: Callable[[], Limiter], make_spec: Callable[[], Any]
) -> None:
    for seed in range(25):
        assert is_linearizable(history(make(), seed), partial(step, make_spec), None)


@pytest.mark.parametrize(("make", "make_spec"), LIMITERS, ids=IDS)
def test_the_check_catches_a_limiter_without_its_lock(
    make: Callable[[], Limiter], make_spec: Callable[[], Any]
) -> None:
    def is_caught(seed: int) -> bool:
        mutant = make()
        mutant.lock = nullcontext()  # type: ignore[assignment]
        try:
            calls = history(mutant, seed)
        except IndexError:  # the race broke the ring itself
            return True
        return not is_linearizable(calls, partial(step, make_spec), None)

    assert any(is_caught(seed) for seed in range(50))


KEYS = range(12)
SWEEP = -1


def admitted_while_keys_are_dropped(make: Callable[[Any], Limiter], seed: int) -> list[int]:
    """Return how often each key passed at a moment at which what it did before may be forgotten."""
    table: KeyedLimits[int] = KeyedLimits(make, shards=1)
    for key in KEYS:
        table.admit(key, now_ns=0)

    def perform(key: int) -> bool:
        return table.sweep(now_ns=100) > 0 if key == SWEEP else table.admit(key, now_ns=100).allowed

    calls = record([[*KEYS], [*KEYS], [*KEYS], [SWEEP] * 6], perform, seed=seed)
    return [sum(bool(call.result) for call in calls if call.operation == key) for key in KEYS]


def test_a_keyed_table_loses_no_admission_while_keys_come_and_go() -> None:
    for seed in range(25):
        assert admitted_while_keys_are_dropped(partial(SlidingWindowLog, 2, 50), seed) == [2] * len(KEYS)


class Clingy(SlidingWindowLog):
    """The planted fault: it does not notice that its table let it go."""

    @property
    def dropped(self) -> bool:
        return False

    @dropped.setter
    def dropped(self, dropped: bool) -> None: ...


def test_the_check_catches_a_limiter_that_is_charged_after_it_was_dropped() -> None:
    assert any(max(admitted_while_keys_are_dropped(partial(Clingy, 2, 50), seed)) > 2 for seed in range(200))


def test_claims_taken_in_opposite_orders_neither_deadlock_nor_overrun() -> None:
    for _ in range(10):
        left, right = SlidingWindowLog(5, 10**6), GCRA(1, 10**6, 7)
        orders = [[Claim.on(left), Claim.on(right)], [Claim.on(right), Claim.on(left)]]

        calls = record(
            [[orders[thread % 2]] * 4 for thread in range(4)], lambda claims: admit_all(claims, 0).allowed
        )

        assert sum(call.result for call in calls) == 5
        assert (left.peek(0).allowed, right.peek(0).remaining) == (False, 1)
