"""The cache under every policy: weights, time, and whom it tells."""

import gc
import weakref
from collections import Counter
from collections.abc import Callable
from math import nan
from random import Random
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.caches import (
    Cache,
    Entry,
    Expiry,
    Lfu,
    Lru,
    MissRatioCurve,
    OrderedLru,
    Policy,
    Reason,
    S3Fifo,
    Sieve,
    SinglyLinkedLru,
    SoonestExpiry,
    WTinyLfu,
)
from tests.unit.algorithms.machines import Machine, run_machine

POLICIES: dict[str, Callable[[], Policy[int, Any]]] = {
    "lru": Lru,
    "singly linked lru": SinglyLinkedLru,
    "ordered lru": OrderedLru,
    "lfu": Lfu,
    "sieve": Sieve,
    "s3-fifo": S3Fifo,
    "w-tinylfu": WTinyLfu,
    "soonest expiry": SoonestExpiry,
}
KEYS = st.integers(0, 9)
TTLS_NS = st.none() | st.integers(1, 40)
CAPACITY = 12
GRACE_NS = 10


class CacheMachine(Machine):
    """A cache beside a dictionary that never evicts: it may know less than that, and nothing else."""

    policy: Callable[[], Policy[int, Any]]

    @initialize()
    def open(self) -> None:
        self.now_ns = self.serial = self.reserved = 0
        self.truth: dict[int, tuple[int, int, int]] = {}
        self.told: Counter[int] = Counter()
        self.entered: set[int] = set()
        self.weights: dict[int, int] = {}
        self.gone_ns: dict[int, int] = {}
        self.cache: Cache[int, int] = Cache(
            CAPACITY,
            type(self).policy(),
            weigher=lambda _, value: self.weights[value],
            expiry=Expiry(clock_ns=lambda: self.now_ns, ttl_ns=30, grace_ns=GRACE_NS),
            on_leave=self.leave,
        )

    def leave(self, _: int, value: int, reason: Reason) -> None:
        self.told[value] += 1
        assert reason is not Reason.EXPIRED or self.gone_ns[value] <= self.now_ns

    @rule(key=KEYS, weight=st.integers(0, CAPACITY + 1), ttl_ns=TTLS_NS)
    def put(self, key: int, weight: int, ttl_ns: int | None) -> None:
        self.serial += 1
        self.weights[self.serial] = weight
        stale_ns = self.now_ns + (30 if ttl_ns is None else ttl_ns)
        self.truth[key] = self.serial, stale_ns, stale_ns + GRACE_NS
        self.gone_ns[self.serial] = stale_ns + GRACE_NS
        if weight <= CAPACITY - self.reserved:
            self.entered.add(self.serial)
        is_here = self.cache.put(key, self.serial, ttl_ns=ttl_ns)
        assert is_here == (key in self.cache)
        if not is_here:
            del self.truth[key]

    @rule(key=KEYS)
    def ask(self, key: int) -> None:
        value, stale_ns, gone_ns = self.truth.get(key, (None, 0, 0))
        fresh, found = self.cache.get(key), self.cache.lookup(key)
        assert fresh in ((value, None) if self.now_ns < stale_ns else (None,))
        assert found is None or (found == (value, stale_ns <= self.now_ns) and self.now_ns < gone_ns)
        assert fresh is None or found == (fresh, False)

    @rule(key=KEYS)
    def remove(self, key: int) -> None:
        self.cache.remove(key)
        self.truth.pop(key, None)
        assert key not in self.cache

    @rule(weight=st.integers(-5, 5))
    def reserve_or_give_back(self, weight: int) -> None:
        if weight < 0:
            given_back = min(-weight, self.reserved)
            self.cache.unreserve(given_back)
            self.reserved -= given_back
        else:
            fits = self.reserved + weight <= CAPACITY
            assert self.cache.reserve(weight) is fits
            self.reserved += weight * fits

    @rule(step_ns=st.integers(1, 25), expires=st.booleans())
    def wait(self, step_ns: int, *, expires: bool) -> None:
        self.now_ns += step_ns
        if expires:
            before = len(self.cache)
            assert self.cache.expire() == before - len(self.cache)
            assert all(entry.gone_ns > self.now_ns for entry in self.cache._policy)

    @invariant()
    def nothing_outgrows_the_capacity(self) -> None:
        if hasattr(self, "cache"):
            statistics = self.cache.statistics()
            assert statistics.weight + statistics.reserved <= CAPACITY
            kept = [entry for entry in self.cache._policy if entry.gone_ns > self.now_ns]
            assert all(self.truth[entry.key][0] == entry.value for entry in kept)
            assert statistics.weight == sum(self.weights[entry.value] for entry in self.cache._policy)

    @invariant()
    def whoever_came_and_is_not_here_was_told_of_once(self) -> None:
        if hasattr(self, "cache"):
            here = {entry.value for entry in self.cache._policy}
            assert here | set(self.told) == self.entered
            assert not here & set(self.told)
            assert set(self.told.values()) <= {1}


@pytest.mark.parametrize("name", POLICIES)
def test_a_cache_knows_the_last_value_or_none_and_never_one_that_is_gone(name: str) -> None:
    machine = type("CacheMachineOf", (CacheMachine,), {"policy": staticmethod(POLICIES[name])})

    run_machine(machine, examples=60)


class Payload:
    """Something that a weak reference can watch."""


class Oldest(Policy[str, Entry[str, Any]]):
    """What another room might bring: first in, first out."""

    def __init__(self) -> None:
        super().__init__(Entry)

    def insert(self, entry: Entry[str, Any]) -> None:
        self._index[entry.key] = entry

    def touch(self, entry: Entry[str, Any]) -> None:
        pass

    def remove(self, entry: Entry[str, Any]) -> None:
        del self._index[entry.key]

    def evict(self) -> Entry[str, Any]:
        oldest = next(iter(self))
        self.remove(oldest)
        return oldest


def at(now_ns: list[int], **options: Any) -> Expiry:
    return Expiry(clock_ns=lambda: now_ns[0], **options)


def test_a_policy_of_ones_own_needs_four_methods() -> None:
    cache = Cache[str, bytes](10, Oldest(), weigher=lambda _, value: len(value))

    stored = [cache.put(key, bytes(4)) for key in "abc"]

    assert stored == [True] * 3
    assert [key for key in "abc" if key in cache] == ["b", "c"]


@pytest.mark.parametrize("policy", [S3Fifo, Sieve])
def test_hits_go_on_while_a_writer_holds_the_lock(policy: Callable[[], Policy[str, Any]]) -> None:
    cache = Cache[str, int](10, policy())
    cache.put("a", 1)

    with cache._lock:
        assert cache.get("a") == 1
        assert cache.lookup("a") == (1, False)
        assert cache.get("b") is None


def test_what_is_gone_leaves_before_what_could_still_be_found() -> None:
    now_ns, left = [0], []
    cache = Cache[str, int](
        2, Lru(), expiry=at(now_ns, ttl_ns=100), on_leave=lambda key, _, reason: left.append((key, reason))
    )
    cache.put("long", 1)
    cache.put("short", 2, ttl_ns=5)
    now_ns[0] = 5

    cache.put("new", 3)

    assert left == [("short", Reason.EXPIRED)]
    assert "long" in cache


def test_a_value_is_fresh_until_its_time_and_gone_at_the_end_of_its_grace() -> None:
    now_ns = [0]
    cache = Cache[str, int](2, expiry=at(now_ns, ttl_ns=10, grace_ns=5))
    cache.put("a", 1)
    seen = []
    for now_ns[0] in (9, 10, 14, 15):
        seen.append((cache.get("a"), cache.lookup("a"), "a" in cache))

    assert seen == [
        (1, (1, False), True),
        (None, (1, True), False),
        (None, (1, True), False),
        (None, None, False),
    ]


@pytest.mark.parametrize("name", POLICIES)
def test_no_value_outlives_its_entry(name: str) -> None:
    cache = Cache[int, Payload](3, POLICIES[name](), expiry=at([0], ttl_ns=9))
    watched = []
    for key in range(6):
        payload = Payload()
        watched.append(weakref.ref(payload))
        cache.put(key, payload)
        cache.put(key + 100, Payload())
        cache.remove(key + 100)
    del payload
    cache.remove(5)
    gc.collect()

    assert sum(reference() is not None for reference in watched) == len(cache)


def test_deadlines_of_what_left_are_swept_out_even_when_time_stands_still() -> None:
    cache = Cache[int, int](4, SoonestExpiry(), expiry=at([0], ttl_ns=9))
    for turn in range(5000):
        cache.put(1, turn)
        cache.remove(1)

    policy: Any = cache._policy
    assert len(cache._shelf._deadlines) < 100
    assert len(policy._deadlines) < 100


def test_the_soonest_to_expire_leaves_first_by_its_latest_deadline() -> None:
    left: list[tuple[int, Reason]] = []
    cache = Cache[int, int](
        3, SoonestExpiry(), expiry=at([0]), on_leave=lambda key, _, reason: left.append((key, reason))
    )
    for key, ttl_ns in ((1, 50), (2, 40), (3, 60), (2, 70), (4, 55), (5, 90), (6, 80)):
        cache.put(key, 0, ttl_ns=ttl_ns)

    assert [key for key, reason in left if reason is Reason.EVICTED] == [1, 4, 3]


def test_jitter_takes_at_most_its_share_of_the_time_to_live() -> None:
    expiry = at([0], ttl_ns=1000, jitter=0.2, draw=Random(1).random)

    lives = [expiry.deadlines(0, None)[0] for _ in range(2000)]

    assert 800 < min(lives) < 805
    assert 995 < max(lives) <= 1000


def test_a_callback_may_use_the_cache() -> None:
    second = Cache[int, str](10)
    first: Cache[int, str] = Cache(
        1, Lru(), on_leave=lambda key, value, _: second.put(key, value) and first.get(key)
    )
    first.put(1, "one")
    first.put(2, "two")

    assert (first.get(2), second.get(1)) == ("two", "one")


def test_everybody_is_told_though_the_first_who_hears_of_it_raises() -> None:
    told: list[int] = []

    def leave(key: int, _: int, __: Reason) -> None:
        told.append(key)
        raise OSError(f"{key} is deaf")

    cache = Cache[int, int](5, on_leave=leave)
    for key in range(5):
        cache.put(key, key)

    with pytest.raises(OSError, match="0 is deaf"):
        cache.clear()
    assert told == [0, 1, 2, 3, 4]
    assert len(cache) == 0


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_refuses_a_second_cache(name: str) -> None:
    policy = POLICIES[name]()
    Cache[int, int](3, policy)

    with pytest.raises(ValueError, match="serves a cache of capacity 3 already"):
        Cache[int, int](3, policy)


def test_no_more_is_given_back_than_was_set_aside() -> None:
    cache = Cache[int, int](10)
    cache.reserve(4)
    for weight in (5, -1, nan):
        with pytest.raises(ValueError, match=f"weight {weight} to give back"):
            cache.unreserve(cast("int", weight))
    cache.unreserve(4)

    assert cache.statistics().reserved == 0


@pytest.mark.parametrize("weight", [-1, nan, -0.5])
def test_a_weight_that_is_none_is_refused_and_the_capacity_holds(weight: float) -> None:
    cache = Cache[int, int](2, weigher=lambda key, _: cast("int", weight) if key % 2 else 1)
    for key in range(20):
        if key % 2:
            with pytest.raises(ValueError, match="must not be below 0"):
                cache.put(key, key)
            with pytest.raises(ValueError, match="must not be below 0"):
                cache.get_or_load(key, lambda key: key)
        else:
            cache.put(key, key)
    with pytest.raises(ValueError, match="to reserve"):
        cache.reserve(cast("int", weight))

    assert (cache.weight, len(cache)) == (2, 2)


def test_a_heavier_value_under_the_same_key_makes_others_leave() -> None:
    for make in (Lru, Lfu, Sieve, S3Fifo, WTinyLfu):
        cache = Cache[int, int](10, make(), weigher=lambda _, value: value)
        for key in range(5):
            cache.put(key, 2)

        cache.put(4, 6)

        assert (cache.weight, len(cache)) == (10, 3) if 4 in cache else cache.weight <= 8


def test_parts_know_what_their_entries_weigh() -> None:
    chance = Random(3)
    policy = WTinyLfu[int, int](window=0.2)
    cache = Cache[int, int](40, policy, weigher=lambda _, value: value)
    for _ in range(3000):
        cache.put(chance.randrange(20), chance.randrange(1, 9))
        cache.get(chance.randrange(20))

        for part in (policy._window, policy._probation, policy._protected):
            assert part.weight == sum(entry.weight for entry in part)
        assert policy._protected.weight <= policy._protected_most + 8


def test_statistics_tell_hits_misses_and_why_entries_left() -> None:
    now_ns = [0]
    cache = Cache[str, int](2, Lru(), expiry=at(now_ns, ttl_ns=10, grace_ns=5), curve=MissRatioCurve(share=1))
    for key in "abca":
        if cache.get(key) is None:
            cache.put(key, 0)
    cache.get("a")
    now_ns[0] = 12
    cache.lookup("a")
    now_ns[0] = 15
    cache.expire()

    statistics = cache.statistics()

    assert (statistics.hits, statistics.stale_hits, statistics.misses) == (1, 1, 4)
    assert (statistics.evicted, statistics.expired, statistics.entries) == (2, 2, 0)
    assert statistics.hit_ratio == pytest.approx(2 / 6)
    assert cache.curve is not None
    assert cache.curve.at([3]) == [pytest.approx(3 / 6)]


def test_arguments_out_of_bounds_are_refused_with_their_values() -> None:
    cache = Cache[str, int](10, weigher=lambda _, value: value)
    for capacity in (0, nan):
        with pytest.raises(ValueError, match=f"capacity {capacity}"):
            Cache[str, int](cast("int", capacity))
    with pytest.raises(ValueError, match="weight -1 of 'a'"):
        cache.put("a", -1)
    with pytest.raises(ValueError, match="ttl_ns 5 of 'a'"):
        cache.put("a", 1, ttl_ns=5)
    with pytest.raises(ValueError, match="weight -2 to reserve"):
        cache.reserve(-2)
    for wrong in (
        {"ttl_ns": 0},
        {"grace_ns": -1},
        {"jitter": 0.1},
        {"jitter": 2.0, "draw": Random(1).random},
    ):
        with pytest.raises(ValueError, match=r"ttl_ns|jitter"):
            at([0], **wrong)
    with pytest.raises(ValueError, match="small 1"):
        S3Fifo[str, int](small=1)
    with pytest.raises(ValueError, match="window 0"):
        WTinyLfu[str, int](window=0)
