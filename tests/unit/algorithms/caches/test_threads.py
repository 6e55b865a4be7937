"""Caches under threads: every history could have happened one call at a time."""

from collections.abc import Callable
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from bijou.algorithms.caches import Cache, Lfu, Lru, OrderedLru, Policy, S3Fifo, Sieve, SinglyLinkedLru
from tests.unit.algorithms.caches.specifications import LruSpec
from tests.unit.algorithms.linearizability import Call, is_linearizable, record

LRUS: list[Callable[[], Policy[int, Any]]] = [Lru, SinglyLinkedLru, OrderedLru]
EVERY: list[Callable[[], Policy[int, Any]]] = [*LRUS, Lfu, Sieve, S3Fifo]
KEYS = 4


def lru_of_two(state: Any, operation: Any) -> tuple[Any, Any]:
    """The specification of a least-recently-used cache of two, its state a tuple of (key, value)."""
    name, key, value = operation
    kept, spec = dict(state), LruSpec(2)
    spec.keys = list(kept)
    if name == "has":
        return key in kept, state
    if name == "get":
        if key in kept:
            spec.touch(key)
        return kept.get(key), tuple((each, kept[each]) for each in spec.keys)
    if key in kept:
        spec.remove(key)
    if name == "put":
        spec.insert(key, 1)
        kept[key] = value
        if len(spec.keys) > 2:
            spec.evict()
    return None, tuple((each, kept[each]) for each in spec.keys)


def dictionary(state: Any, operation: Any) -> tuple[Any, Any]:
    """The specification of a cache that is large enough."""
    name, key, value = operation
    kept = dict(state)
    if name in ("get", "has"):
        return kept.get(key) if name == "get" else key in kept, state
    kept.pop(key, None)
    return None, tuple(sorted((kept | {key: value} if name == "put" else kept).items()))


def scripts(seed: int) -> list[list[tuple[str, int, int]]]:
    chance = Random(seed)
    names = ("get", "has", "put", "put", "remove")
    return [
        [(chance.choice(names), chance.randrange(KEYS), 100 * thread + turn) for turn in range(6)]
        for thread in range(4)
    ]


def history(cache: Cache[int, int], seed: int) -> list[Call]:
    def perform(operation: tuple[str, int, int]) -> int | bool | None:
        name, key, value = operation
        if name in ("get", "has"):
            return cache.get(key) if name == "get" else key in cache
        if name == "put":
            cache.put(key, value)
        else:
            cache.remove(key)
        return None

    return record(scripts(seed), perform, seed=seed)


@pytest.mark.parametrize("policy", LRUS)
def test_an_lru_evicts_as_if_one_thread_came_after_the_other(policy: Callable[[], Policy[int, Any]]) -> None:
    for seed in range(12):
        assert is_linearizable(history(Cache(2, policy()), seed), lru_of_two, ())


@pytest.mark.parametrize("policy", EVERY)
def test_with_room_for_all_threads_see_a_dictionary(policy: Callable[[], Policy[int, Any]]) -> None:
    for seed in range(8):
        assert is_linearizable(history(Cache(KEYS, policy()), seed), dictionary, ())


@pytest.mark.parametrize("policy", LRUS)
def test_the_check_catches_a_cache_without_its_lock(policy: Callable[[], Policy[int, Any]]) -> None:
    def is_caught(seed: int) -> bool:
        mutant = Cache[int, int](2, policy())
        mutant._lock = mutant._tickets._lock = nullcontext()  # type: ignore[assignment]
        try:
            calls = history(mutant, seed)
        except (KeyError, AttributeError, StopIteration, TypeError):  # the race broke the order itself
            return True
        return not is_linearizable(calls, lru_of_two, ())

    assert any(is_caught(seed) for seed in range(40))


@pytest.mark.parametrize("policy", [Sieve, S3Fifo])
def test_hits_without_the_lock_never_return_another_keys_value(
    policy: Callable[[], Policy[int, Any]],
) -> None:
    for seed in range(8):
        cache = Cache[int, int](2, policy())

        def perform(operation: tuple[str, int, int], cache: Cache[int, int] = cache) -> int | None:
            name, key, value = operation
            if name in ("get", "has"):
                return cache.get(key)
            cache.put(key, 1000 * key + value)
            assert cache.weight <= 2
            return None

        calls = record(scripts(seed), perform, seed=seed)

        seen = {(call.operation[1], call.result // 1000) for call in calls if call.result is not None}
        assert all(key == owner for key, owner in seen)
        assert len(cache) == sum(1 for _ in cache._policy) <= 2
