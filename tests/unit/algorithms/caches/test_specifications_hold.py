"""Every policy lets the same entries go, in the same order, as its specification."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from bijou.algorithms.caches import Lfu, Lru, OrderedLru, S3Fifo, Sieve, SinglyLinkedLru, WTinyLfu
from tests.unit.algorithms.caches.specifications import LfuSpec, LruSpec, S3FifoSpec, SieveSpec, WTinyLfuSpec
from tests.unit.algorithms.machines import Machine, run_machine

KEYS = st.integers(0, 15)
WEIGHTS = st.sampled_from([1, 1, 1, 2, 3])

PAIRS: dict[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
    "lru": (Lru, LruSpec),
    "singly linked lru": (SinglyLinkedLru, LruSpec),
    "ordered lru": (OrderedLru, LruSpec),
    "lfu": (Lfu, LfuSpec),
    "ageing lfu": (partial(Lfu, ageing=True), partial(LfuSpec, ageing=True)),
    "sieve": (Sieve, SieveSpec),
    "s3-fifo": (S3Fifo, S3FifoSpec),
    "w-tinylfu": (WTinyLfu, WTinyLfuSpec),
}


class PolicyMachine(Machine):
    """Requests, stores, removals and evictions, weighed, on a policy and its specification."""

    make: Callable[[], Any]
    make_spec: Callable[[int], Any]

    @initialize(capacity=st.integers(1, 12))
    def open(self, capacity: int) -> None:
        self.capacity = capacity
        self.weights: dict[int, int] = {}
        self.policy, self.spec = type(self).make(), type(self).make_spec(capacity)
        self.policy.fit(capacity)

    @rule(key=KEYS, weight=WEIGHTS)
    def ask(self, key: int, weight: int) -> None:
        entry = self.policy.find(key)
        assert (entry is not None) == (key in self.weights)
        if entry is not None:
            self.policy.touch(entry)
            self.spec.touch(key)
            return
        self.policy.insert(self.policy.entry_type(key, None, weight))
        self.spec.insert(key, weight)
        self.weights[key] = weight
        while sum(self.weights.values()) > self.capacity:
            self.evict_one()

    @precondition(lambda self: self.weights)
    @rule(pick=st.integers(0))
    def remove(self, pick: int) -> None:
        key = sorted(self.weights)[pick % len(self.weights)]
        self.policy.remove(self.policy.find(key))
        self.spec.remove(key)
        del self.weights[key]

    @precondition(lambda self: self.weights)
    @rule()
    def evict_one(self) -> None:
        evicted, expected = self.policy.evict().key, self.spec.evict()
        assert evicted == expected
        del self.weights[evicted]

    @invariant()
    def the_same_is_kept(self) -> None:
        if hasattr(self, "policy"):
            assert {entry.key: entry.weight for entry in self.policy} == self.weights
            assert len(self.policy) == len(self.weights)


@pytest.mark.parametrize("name", PAIRS)
def test_a_policy_evicts_what_its_specification_evicts(name: str) -> None:
    make, make_spec = PAIRS[name]
    fields = {"make": staticmethod(make), "make_spec": staticmethod(make_spec)}

    run_machine(type("PolicyMachineOf", (PolicyMachine,), fields), examples=50)


@pytest.mark.parametrize("name", PAIRS)
def test_a_long_skewed_trace_makes_the_same_entries_leave(name: str) -> None:
    make, make_spec = PAIRS[name]
    chance, capacity = Random(11), 60
    policy, spec, evicted, expected = make(), make_spec(capacity), [], []
    policy.fit(capacity)
    for _ in range(4000):
        key = int(200 * chance.random() ** 3)
        entry = policy.find(key)
        if entry is not None:
            policy.touch(entry)
            spec.touch(key)
            continue
        policy.insert(policy.entry_type(key, None))
        spec.insert(key, 1)
        if len(policy) > capacity:
            evicted.append(policy.evict().key)
            expected.append(spec.evict())

    assert len(evicted) > 300
    assert evicted == expected
