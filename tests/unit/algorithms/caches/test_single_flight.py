"""Threads that load: one call for all who ask, and nothing stored over what came later."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event, get_ident
from typing import Any

import pytest

from bijou.algorithms.caches import Cache, Expiry, SingleFlight
from bijou.algorithms.caches.single_flight import _Flight
from tests.unit.algorithms.linearizability import record

THREADS = 8


class Gate:
    """A load that waits until the test lets it pass, and counts how often it was called."""

    def __init__(self, outcome: Any = "loaded") -> None:
        self.entered, self.open = Event(), Event()
        self.calls = 0
        self.outcome = outcome

    def load(self, key: str) -> str:
        self.calls += 1
        self.entered.set()
        assert self.open.wait(10)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return f"{key} {self.outcome}"


def crowd(
    pool: ThreadPoolExecutor, cache: Cache[str, str], gate: Gate, size: int = THREADS
) -> list["Future[str]"]:
    """Let so many threads ask for "a"; return once all of them wait for one load."""
    asking = [pool.submit(cache.get_or_load, "a", gate.load) for _ in range(size)]
    assert gate.entered.wait(10)
    while waiting_for_a_load(cache) < size - 1:
        pass
    return asking


def waiting_for_a_load(cache: Cache[str, str]) -> int:
    landed: list[Any] = [flight.landed for flight in list(cache._flights._flights.values())]
    return sum(len(event._cond._waiters) for event in landed)


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(THREADS + 1) as pool:
        yield pool


def test_a_crowd_makes_one_load(pool: ThreadPoolExecutor) -> None:
    cache, gate = Cache[str, str](10), Gate()
    asking = crowd(pool, cache, gate)
    gate.open.set()

    assert {each.result() for each in asking} == {"a loaded"}
    assert gate.calls == cache.statistics().loads == 1
    assert not cache._tickets._open


def test_an_error_reaches_the_whole_crowd_and_nobody_later(pool: ThreadPoolExecutor) -> None:
    cache, gate = Cache[str, str](10), Gate(OSError("away"))
    asking = crowd(pool, cache, gate)
    gate.open.set()

    assert all(each.exception() is gate.outcome for each in asking)
    assert cache.get_or_load("a", lambda key: key + " later") == "a later"
    assert cache.statistics().failures == 1


def test_a_load_of_one_key_keeps_nobody_from_another(pool: ThreadPoolExecutor) -> None:
    cache, gate = Cache[str, str](10), Gate()
    asking = crowd(pool, cache, gate, size=1)

    assert cache.get_or_load("b", str.upper) == "B"
    gate.open.set()
    assert asking[0].result() == "a loaded"


@pytest.mark.parametrize(
    ("meanwhile", "kept"),
    [(lambda cache: cache.remove("a"), None), (lambda cache: cache.clear(), None),
     (lambda cache: cache.put("a", "newer"), "newer")],
)  # fmt: skip
def test_a_load_is_not_stored_over_what_came_meanwhile(
    pool: ThreadPoolExecutor, meanwhile: Callable[[Cache[str, str]], object], kept: str | None
) -> None:
    cache, gate = Cache[str, str](10), Gate()
    asking = crowd(pool, cache, gate, size=2)
    meanwhile(cache)
    gate.open.set()

    assert {each.result() for each in asking} == {"a loaded"}
    assert cache.get("a") == kept


def test_whoever_comes_after_a_removal_is_not_served_by_the_load_before_it(pool: ThreadPoolExecutor) -> None:
    cache, old, new = Cache[str, str](10), Gate("old"), Gate("new")
    before = crowd(pool, cache, old, size=1)[0]
    cache.remove("a")
    after = pool.submit(cache.get_or_load, "a", new.load)
    assert new.entered.wait(10)
    new.open.set()
    old.open.set()

    assert (before.result(), after.result()) == ("a old", "a new")
    assert cache.get("a") == "a new"


def test_a_load_may_ask_for_another_key_and_not_for_its_own() -> None:
    cache = Cache[str, str](10)

    assert cache.get_or_load("a", lambda _: cache.get_or_load("b", str.upper)) == "B"
    with pytest.raises(RuntimeError, match="asks for"):
        cache.get_or_load("c", lambda _: cache.get_or_load("c", str.upper))


def ring(caches: list[Cache[str, str]], pool: ThreadPoolExecutor) -> list["Future[str]"]:
    """As many threads as caches: each loads a key of its own cache, and then wants the next one's."""
    keys = [str(number) for number in range(len(caches))]
    entered = Barrier(len(caches))

    def ask(number: int) -> str:
        following = (number + 1) % len(caches)

        def load(key: str) -> str:
            entered.wait(10)
            return key + caches[following].get_or_load(keys[following], str)

        return caches[number].get_or_load(keys[number], load)

    return [pool.submit(ask, number) for number in range(len(caches))]


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("is_one_cache", [True, False])
def test_loads_that_wait_for_each_other_in_a_ring_are_refused(
    pool: ThreadPoolExecutor, size: int, *, is_one_cache: bool
) -> None:
    caches = [Cache[str, str](10) for _ in range(size)]
    asking = ring(caches[:1] * size if is_one_cache else caches, pool)

    for each in asking:
        assert isinstance(each.exception(10), RuntimeError)
    assert not SingleFlight._awaited


def test_a_load_that_waits_for_one_that_waits_for_nobody_is_no_ring(pool: ThreadPoolExecutor) -> None:
    cache, gate = Cache[str, str](10), Gate()
    first = pool.submit(cache.get_or_load, "a", gate.load)
    assert gate.entered.wait(10)
    others = [pool.submit(cache.get_or_load, key, lambda _: cache.get_or_load("a", str)) for key in "bc"]
    while waiting_for_a_load(cache) < 2:
        pass
    gate.open.set()

    assert {each.result(10) for each in (first, *others)} == {"a loaded"}


def test_a_call_that_has_ended_makes_no_ring_though_its_waiter_still_sleeps(pool: ThreadPoolExecutor) -> None:
    flights, ended, under_way = SingleFlight[str, str](), _Flight[str](), _Flight[str]()
    ended.landed.set()  # this thread made that call, and is free to wait for others now
    under_way.pilot = -1
    flights._flights["a"] = under_way
    SingleFlight._awaited[-1] = ended
    me = get_ident()

    def land() -> None:
        while me not in SingleFlight._awaited:
            pass
        under_way.values.append("landed")
        under_way.landed.set()

    landing = pool.submit(land)
    try:
        assert flights.run("a", str.upper) == "landed"
    finally:
        SingleFlight._awaited[me] = SingleFlight._awaited.pop(-1)  # lets `land` end, whatever came of it
        landing.result(10)
        del SingleFlight._awaited[me]


def stale_cache() -> tuple[Cache[str, str], list[int]]:
    """A cache whose "a" is stale now and gone at 20."""
    now_ns = [0]
    cache = Cache[str, str](10, expiry=Expiry(clock_ns=lambda: now_ns[0], ttl_ns=10, grace_ns=10))
    cache.put("a", "old")
    now_ns[0] = 10
    return cache, now_ns


def test_a_stale_value_is_returned_at_once_and_loaded_again_by_one(pool: ThreadPoolExecutor) -> None:
    cache, _ = stale_cache()
    gate, spawned = Gate(), []

    def spawn(refresh: Callable[[], None]) -> None:
        spawned.append(pool.submit(refresh))

    assert [cache.get_or_load("a", gate.load, spawn=spawn) for _ in range(5)] == ["old"] * 5
    gate.open.set()
    spawned[0].result()
    assert len(spawned) == gate.calls == 1
    assert cache.get("a") == "a loaded"


def test_without_a_place_to_spawn_the_first_caller_waits_for_the_new_value() -> None:
    cache, _ = stale_cache()

    assert cache.get_or_load("a", str.upper) == "A"


def test_a_stale_value_survives_a_failing_load_until_it_is_gone() -> None:
    cache, now_ns = stale_cache()
    failing = Gate(OSError("away"))
    failing.open.set()

    assert cache.get_or_load("a", failing.load) == "old"
    now_ns[0] = 20
    with pytest.raises(OSError, match="away"):
        cache.get_or_load("a", failing.load)
    assert cache.statistics().failures == 2


def test_a_spawn_that_refuses_leaves_the_next_caller_free_to_load() -> None:
    cache, _ = stale_cache()

    def closed(refresh: Callable[[], None]) -> None:
        raise RuntimeError("cannot schedule after shutdown")

    with pytest.raises(RuntimeError, match="cannot schedule"):
        cache.get_or_load("a", str.upper, spawn=closed)
    assert cache.get_or_load("a", str.upper) == "A"


def test_no_history_of_threads_loads_a_key_twice() -> None:
    for seed in range(6):
        loaded: list[int] = []
        cache = Cache[int, int](10)

        def load(key: int, loaded: list[int] = loaded) -> int:
            loaded.append(key)
            return -key

        def perform(key: int, cache: Cache[int, int] = cache, load: Any = load) -> int:
            return cache.get_or_load(key, load)

        calls = record([[1, 2, 3], [3, 2, 1], [2, 2, 3], [1, 3, 2]], perform, seed=seed)

        assert sorted(loaded) == [1, 2, 3]
        assert all(call.result == -call.operation for call in calls)


class Quit(BaseException):
    """What tells one thread to stop."""


def test_a_pilot_that_is_told_to_stop_hands_the_call_to_a_waiter(pool: ThreadPoolExecutor) -> None:
    flights, gate = SingleFlight[str, str](), Gate(Quit())
    pilot = pool.submit(flights.run, "a", gate.load)
    assert gate.entered.wait(10)
    waiter = pool.submit(flights.run, "a", str.upper)
    gate.open.set()

    assert waiter.result() == "A"
    assert isinstance(pilot.exception(), Quit)
    assert len(flights) == 0
