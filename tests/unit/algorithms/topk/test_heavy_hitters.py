from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.topk import Hitter, MisraGries, SpaceSaving
from tests.unit.algorithms.machines import Machine, run_machine

KEYS = st.integers(0, 12)
STREAMS = st.lists(KEYS, max_size=60)


def check(said: list[Hitter[int]], truth: Counter[int], slack: float) -> None:
    """Bounds hold, no interval is wider than allowed, and no heavy key is missing."""
    for key, at_least, at_most in said:
        assert at_least <= truth[key] <= at_most
        assert at_most - at_least <= slack
    assert {key for key, n in truth.items() if n > slack} <= {hitter.key for hitter in said}
    assert all(one.at_most >= other.at_most for one, other in pairwise(said))


class MisraGriesMachine(Machine):
    """Three summaries and the plain counts of what each has seen."""

    @initialize(capacity=st.integers(1, 6))
    def begin(self, capacity: int) -> None:
        self.capacity = capacity
        self.summaries = [MisraGries[int](capacity) for _ in range(3)]
        self.truths: list[Counter[int]] = [Counter() for _ in range(3)]

    @rule(who=st.integers(0, 2), key=KEYS, count=st.integers(1, 9))
    def add(self, who: int, key: int, count: int) -> None:
        self.summaries[who].add(key, count)
        self.truths[who][key] += count

    @rule(who=st.integers(0, 2), keys=STREAMS)
    def add_many(self, who: int, keys: list[int]) -> None:
        self.summaries[who].add_many(keys)
        self.truths[who].update(keys)

    @rule(to=st.integers(0, 2), by=st.integers(1, 2))
    def merge(self, to: int, by: int) -> None:
        other = (to + by) % 3
        self.summaries[to].merge(self.summaries[other])
        self.truths[to].update(self.truths[other])

    @invariant()
    def counts_are_low_by_no_more_than_promised(self) -> None:
        for summary, truth in zip(getattr(self, "summaries", []), getattr(self, "truths", []), strict=True):
            assert summary.total == truth.total()
            assert summary.error * (self.capacity + 1) <= summary.total
            check(summary.hitters(), truth, summary.total / (self.capacity + 1))
            assert len(summary.hitters()) <= self.capacity
            assert all(summary[key].at_least <= n <= summary[key].at_most for key, n in truth.items())


class SpaceSavingMachine(Machine):
    """One summary that is asked after every arrival."""

    @initialize(capacity=st.integers(1, 6))
    def begin(self, capacity: int) -> None:
        self.summary = SpaceSaving[int](capacity)
        self.truth: Counter[int] = Counter()

    @rule(key=KEYS, count=st.integers(1, 9))
    def add(self, key: int, count: int) -> None:
        self.summary.add(key, count)
        self.truth[key] += count

    @rule(keys=st.lists(KEYS, max_size=20))
    def add_several(self, keys: list[int]) -> None:
        for key in keys:
            self.add(key, 1)

    @invariant()
    def counts_are_high_by_no_more_than_promised(self) -> None:
        if not hasattr(self, "summary"):
            return
        said = self.summary.hitters()
        assert sum(hitter.at_most for hitter in said) == self.summary.total == self.truth.total()
        check(said, self.truth, self.summary.total / self.summary.capacity)
        assert all(self.summary[k].at_least <= n <= self.summary[k].at_most for k, n in self.truth.items())


def test_misra_gries_keeps_its_bounds_through_any_adding_and_merging() -> None:
    run_machine(MisraGriesMachine)


def test_space_saving_keeps_its_bounds_after_every_arrival() -> None:
    run_machine(SpaceSavingMachine)


@given(st.lists(STREAMS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_merging_in_any_order_keeps_every_heavy_key(streams: list[list[int]], chance: Random) -> None:
    summaries = [MisraGries[int](3) for _ in streams]
    for summary, stream in zip(summaries, streams, strict=True):
        summary.add_many(stream)
    chance.shuffle(summaries)
    whole = summaries[0]
    for summary in summaries[1:]:
        whole.merge(summary)
    truth = Counter(key for stream in streams for key in stream)
    check(whole.hitters(), truth, whole.total / 4)


@pytest.mark.parametrize("summary", [MisraGries(64), SpaceSaving(64)])
def test_a_crowd_of_strangers_does_not_drive_out_the_favourites(summary: Any) -> None:
    chance = Random(3)
    favourites = [k for k in range(10) for _ in range(400)]
    stream = favourites + [chance.randrange(10, 10**9) for _ in range(20_000)]
    chance.shuffle(stream)
    for key in stream:
        summary.add(key)
    assert {hitter.key for hitter in summary.hitters(10)} == set(range(10))


def test_counters_stay_as_few_as_promised_however_many_keys_come() -> None:
    summary: SpaceSaving[int] = SpaceSaving(16)
    for key in range(20_000):
        summary.add(key)
    assert max(len(summary._counts), len(summary._doubts), len(summary._guesses)) <= 16


@pytest.mark.parametrize("kind", [MisraGries, SpaceSaving])
def test_asking_changes_nothing_and_a_key_that_cannot_be_counted_neither(kind: Any) -> None:
    summary = kind(1)
    summary.add("a")
    summary.add("b")
    before = [summary["a"], summary["b"], summary.total]
    with pytest.raises(ValueError, match="size is -1; it must be 1 or more"):
        summary.hitters(-1)
    with pytest.raises(TypeError, match="unhashable"):
        summary.add([])
    assert len(summary.hitters()) == 1
    assert [summary["a"], summary["b"], summary.total] == before


def test_summaries_of_different_capacity_do_not_merge() -> None:
    with pytest.raises(ValueError, match="capacities 2 and 3 differ; they must be equal"):
        MisraGries[int](2).merge(MisraGries[int](3))


@pytest.mark.parametrize("kind", [MisraGries, SpaceSaving])
def test_capacity_and_counts_below_one_are_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="capacity is 0; it must be 1 or more"):
        kind(0)
    summary = kind(1)
    with pytest.raises(ValueError, match="count is -2; it must be 1 or more"):
        summary.add("key", -2)
    assert summary.total == 0
