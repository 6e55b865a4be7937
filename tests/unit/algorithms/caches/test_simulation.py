"""What policies keep of a trace, and what no policy can do better."""

from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.caches import (
    FrequencySketch,
    Lfu,
    Lru,
    MissRatioCurve,
    OrderedLru,
    Policy,
    S3Fifo,
    Sieve,
    SinglyLinkedLru,
    SoonestExpiry,
    WTinyLfu,
    best_possible,
    simulate,
)
from bijou.algorithms.caches.ghosts import Ghosts

LRUS: list[Callable[[], Policy[int, Any]]] = [Lru, SinglyLinkedLru, OrderedLru]
POLICIES: list[Callable[[], Policy[int, Any]]] = [*LRUS, Lfu, Sieve, S3Fifo, WTinyLfu, SoonestExpiry]
TRACES = st.lists(st.integers(0, 9), min_size=1, max_size=60)


def skewed(requests: int, objects: int, seed: int) -> list[int]:
    chance = Random(seed)
    return [int(objects * chance.random() ** 3) * 7919 for _ in range(requests)]


def brute_force(trace: tuple[int, ...], capacity: int) -> float:
    """The most hits over every choice of what to keep after each request."""

    @cache
    def most(now: int, kept: frozenset[int]) -> int:
        if now == len(trace):
            return 0
        grown = kept | {trace[now]}
        choices = [grown] if len(grown) <= capacity else [grown - {key} for key in grown]
        return (trace[now] in kept) + max(most(now + 1, choice) for choice in choices)

    return most(0, frozenset()) / len(trace)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(trace=st.lists(st.integers(0, 4), min_size=1, max_size=12), capacity=st.integers(1, 3))
def test_the_best_possible_is_what_trying_everything_finds(trace: list[int], capacity: int) -> None:
    assert best_possible(trace, capacity) == brute_force(tuple(trace), capacity)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(trace=TRACES, capacity=st.integers(1, 8))
def test_no_policy_beats_the_one_that_knows_the_future(trace: list[int], capacity: int) -> None:
    best = best_possible(trace, capacity)

    for policy in POLICIES:
        assert simulate(policy(), trace, capacity) <= best


@settings(derandomize=True, max_examples=60, deadline=None)
@given(trace=TRACES, capacity=st.integers(1, 8))
def test_a_larger_lru_holds_whatever_a_smaller_one_holds(trace: list[int], capacity: int) -> None:
    for make in LRUS:
        small, large = make(), make()
        simulate(small, trace, capacity)
        simulate(large, trace, capacity + 1)

        assert {entry.key for entry in small} <= {entry.key for entry in large}


def test_a_scan_empties_an_lru_and_not_what_resists_it() -> None:
    wanted = [key for _ in range(30) for key in range(50)]
    trace = wanted + list(range(1000, 1400)) + wanted

    emptied = simulate(Lru(), trace, 60)

    assert simulate(S3Fifo(), trace, 60) > emptied
    assert simulate(WTinyLfu(), trace, 60) > emptied


def miss_ratios(trace: list[int], sizes: list[int]) -> list[float]:
    """The true curve: how far down the stack each request finds its key."""
    stack: OrderedDict[int, None] = OrderedDict()
    depths = []
    for key in trace:
        depths.append(len(stack) - list(stack).index(key) if key in stack else 1 << 60)
        stack[key] = None
        stack.move_to_end(key)
    return [sum(depth > size for depth in depths) / len(depths) for size in sizes]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_watched_share_tells_the_miss_ratio_of_every_size_within_three_points(seed: int) -> None:
    trace, sizes = skewed(40_000, 2000, seed), [50, 100, 200, 400, 800, 1600]
    true = [1 - simulate(OrderedLru(), trace, size) for size in sizes]
    sampled, shrunk = MissRatioCurve(share=0.25), MissRatioCurve(most=300, share=1)
    for key in trace:
        sampled.note(key)
        shrunk.note(key)

    for curve in (sampled, shrunk):
        assert curve.at(sizes) == pytest.approx(true, abs=0.03)
    assert len(shrunk._watched) <= 300


@settings(derandomize=True, max_examples=60, deadline=None)
@given(trace=TRACES)
def test_watching_every_key_gives_the_true_curve(trace: list[int]) -> None:
    curve, sizes = MissRatioCurve(most=12, share=1), list(range(1, 11))
    for key in trace:
        curve.note(key)

    assert curve.at(sizes) == pytest.approx(miss_ratios(trace, sizes))


def test_a_curve_that_saw_nothing_expects_only_misses() -> None:
    assert MissRatioCurve().at([0, 10]) == [1.0, 1.0]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(keys=st.lists(st.integers(0, 30), max_size=300), fade=st.integers(1, 20))
def test_a_sketch_never_counts_less_than_was_seen(keys: list[int], fade: int) -> None:
    sketch, seen, added = FrequencySketch(8, fade=fade), dict.fromkeys(range(31), 0), 0
    for key in keys:
        sketch.add(key)
        seen[key] = min(63, seen[key] + 1)
        added += 1
        if added >= 8 * fade:
            seen, added = {key: count // 2 for key, count in seen.items()}, added // 2

    assert all(sketch.count(key) >= count for key, count in seen.items())


def test_a_sketch_seldom_counts_more_than_was_seen() -> None:
    sketch = FrequencySketch(1000)
    for key in skewed(8000, 1000, 5):
        sketch.add(key)

    assert sum(sketch.count(f"never {key}") > 1 for key in range(1000)) < 20


@settings(derandomize=True, max_examples=100, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 4)), max_size=60))
def test_ghosts_are_the_last_that_left_and_did_not_come_back(steps: list[tuple[bool, int, int]]) -> None:
    ghosts = Ghosts()
    left: list[int | None] = []
    for is_leaving, key, most in steps:
        if is_leaving:
            left = [None if each == key else each for each in left]
            left = [*left, key][max(0, len(left) + 1 - most) :]
            ghosts.remember(key, most)
        else:
            assert ghosts.recall(key) == (key in left)
            left = [None if each == key else each for each in left]
        assert len(ghosts) == len(set(left) - {None})


def test_bounds_of_sketch_and_curve_are_refused_with_their_values() -> None:
    with pytest.raises(ValueError, match="keys 0"):
        FrequencySketch(0)
    with pytest.raises(ValueError, match="share 0"):
        MissRatioCurve(share=0)
