from fractions import Fraction
from math import ceil, inf, isnan, nan, nextafter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from bijou.algorithms.sketches import QuantileSketch, buckets
from tests.unit.algorithms.machines import Machine, run_machine

VALUES = st.one_of(
    st.floats(0, 1e308, allow_subnormal=True),
    st.sampled_from([0.0, 1.0, 2.0, 4.0, 5e-324, 2.0**-1022, 1.7976931348623157e308]),
    st.integers(-64, 64).map(buckets.upper_bound),
)
SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.99, 1.0]))


def exact(values: list[float], q: float) -> float:
    """The value of rank ceil(q n)."""
    return sorted(values)[max(1, ceil(Fraction(q) * len(values))) - 1]


class SketchMachine(Machine):
    """Three sketches, and every value that each has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.sketches = [QuantileSketch(native=False) for _ in range(3)]
        self.seen: list[list[float]] = [[], [], []]

    @rule(who=st.integers(0, 2), value=VALUES)
    def add(self, who: int, value: float) -> None:
        self.sketches[who].add(value)
        self.seen[who].append(value)

    @rule(who=st.integers(0, 2), values=st.lists(VALUES))
    def add_many(self, who: int, values: list[float]) -> None:
        self.sketches[who].add_many(values)
        self.seen[who] += values

    @rule(to=st.integers(0, 2), by=st.integers(1, 2))
    def merge(self, to: int, by: int) -> None:
        if len(self.seen[to]) < 100:
            other = (to + by) % 3
            self.sketches[to].merge(self.sketches[other])
            self.seen[to] += self.seen[other]

    @rule(who=st.integers(0, 2), q=SHARES)
    def quantile(self, who: int, q: float) -> None:
        said, seen = self.sketches[who].quantile(q), self.seen[who]
        if not seen:
            assert isnan(said)
            return
        true = exact(seen, q)
        tiny = 0 < true < 2.0**-1022  # such numbers share one bucket
        assert tiny or abs(said - true) <= 0.011 * true
        assert min(seen) <= said <= max(seen)

    @invariant()
    def a_merged_sketch_is_the_sketch_of_all(self) -> None:
        for sketch, seen in zip(self.sketches, self.seen, strict=True):
            whole = QuantileSketch(native=False)
            whole.add_many(seen)
            assert (sketch.count, sketch.zeros) == (len(seen), seen.count(0.0))
            assert sketch.buckets() == whole.buckets()


def test_every_quantile_is_within_its_error_after_any_merges() -> None:
    run_machine(SketchMachine)


@given(st.floats(2.0**-1022, 1.7976931348623157e308))
def test_a_value_lies_in_its_bucket_by_exact_arithmetic(value: float) -> None:
    bucket = buckets.bucket_of(value)
    power = Fraction(value) ** 32
    assert Fraction(2) ** bucket < power <= Fraction(2) ** (bucket + 1)


@pytest.mark.parametrize("bucket", [*range(-40, 40), -3000, 3000])
def test_a_bound_belongs_to_the_bucket_that_it_closes(bucket: int) -> None:
    bound = buckets.upper_bound(bucket)
    assert buckets.bucket_of(bound) == bucket
    assert buckets.bucket_of(nextafter(bound, inf)) == bucket + 1


@pytest.mark.parametrize("native", [False, True])
def test_arrays_fall_into_the_buckets_of_their_single_values(*, native: bool) -> None:
    edges = np.array([buckets.upper_bound(i) for i in range(-200, 200)])
    chance = np.random.default_rng(5)
    spread = np.exp(chance.uniform(-700, 700, 4000))
    values = np.concatenate(
        [edges, np.nextafter(edges, np.inf), np.nextafter(edges, 0), spread, [0.0, 5e-324]]
    )
    whole, singly = QuantileSketch(native=native), QuantileSketch()
    whole.add_many(values)
    for value in values.tolist():
        singly.add(value)
    assert whole.buckets() == singly.buckets()
    assert (whole.count, whole.zeros) == (singly.count, singly.zeros)


@pytest.mark.parametrize("bad", [-1.0, -0.5, nan, inf])
def test_what_is_no_size_is_refused_and_nothing_is_counted(bad: float) -> None:
    sketch = QuantileSketch()
    with pytest.raises(ValueError, match="0 or more, and finite"):
        sketch.add(bad)
    with pytest.raises(ValueError, match="0 or more, and finite"):
        sketch.add_many([1.0, bad, 2.0])
    assert (sketch.count, sketch.buckets()) == (0, {})


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="q is 50"):
        QuantileSketch().quantile(50)


def test_weights_count_as_that_many_values() -> None:
    weighted, plain = QuantileSketch(), QuantileSketch()
    chance = Random(1)
    for _ in range(50):
        value, count = chance.expovariate(0.1), chance.randint(1, 9)
        weighted.add(value, count)
        plain.add_many([value] * count)
    assert weighted.buckets() == plain.buckets()
    assert weighted.total == pytest.approx(plain.total)
