"""Caches under threads: every history could have happened one call at a time."""

from collections.abc import Callable
from contextlib import nullcontext
from random import Random
from typing import Any, ClassVar

import pytest

from bijou.algorithms.caches import (
    Cache,
    Expiry,
    Lfu,
    Lru,
    OrderedLru,
    Policy,
    S3Fifo,
    Sieve,
    SinglyLinkedLru,
)
from bijou.algorithms.caches.sieve import MarkedEntry
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


class Interruptible(MarkedEntry[str, str]):
    """An entry at whose n-th access, to be set before, something else happens first."""

    __slots__ = ()
    left: ClassVar[int] = 0
    happens: ClassVar[Callable[[], None]]

    def __getattribute__(self, name: str) -> Any:
        Interruptible.count()
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        Interruptible.count()
        super().__setattr__(name, value)

    @classmethod
    def count(cls) -> None:
        cls.left -= 1
        if cls.left == 0:
            cls.happens()


def interrupted(at: int, first: str, ask: Callable[[Cache[str, str]], object]) -> list[object]:
    """What a reader saw of a value that is being replaced: both in turn, the first interrupted once."""
    now_ns, seen = [0], list[object]()
    policy = Sieve[str, str]()
    policy.entry_type = Interruptible
    cache = Cache[str, str](2, policy, expiry=Expiry(clock_ns=lambda: now_ns[0], ttl_ns=10, grace_ns=10))
    cache.put("a", "old")
    now_ns[0] = 10

    def read() -> None:
        seen.append(ask(cache))

    def write() -> None:
        cache.put("a", "new")

    begins, Interruptible.happens = (read, write) if first == "reader" else (write, read)
    Interruptible.left = at
    begins()
    return seen if Interruptible.left <= 0 else []


@pytest.mark.parametrize("first", ["reader", "writer"])
def test_a_hit_without_the_lock_never_takes_an_old_value_for_fresh(first: str) -> None:
    gets = [seen for at in range(1, 40) for seen in interrupted(at, first, lambda cache: cache.get("a"))]
    found = [seen for at in range(1, 40) for seen in interrupted(at, first, lambda cache: cache.lookup("a"))]

    assert {"new"} <= set(gets) <= {None, "new"}
    assert {("new", False)} <= set(found) <= {("old", True), ("new", True), ("new", False)}
