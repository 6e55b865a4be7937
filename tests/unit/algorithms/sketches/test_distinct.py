from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.sketches import DistinctCounter, hash64, hash64_array
from tests.unit.algorithms.machines import Machine, run_machine


def registers_of(items: Iterable[int], precision: int) -> list[int]:
    """The definition: of each place the highest level, and whether the two below it were reached."""
    reached: list[set[int]] = [set() for _ in range(1 << precision)]
    for item in items:
        bits = f"{hash64(item):064b}"
        reached[int(bits[:precision], 2)].add(len(bits[precision:].split("1", maxsplit=1)[0]) + 1)
    return [
        4 * max(levels) + 2 * (max(levels) - 1 in levels) + (max(levels) - 2 in levels) if levels else 0
        for levels in reached
    ]


class DistinctMachine(Machine):
    """Two counters, and the set of what each has seen."""

    @initialize(precision=st.integers(4, 6))
    def begin(self, precision: int) -> None:
        self.precision = precision
        self.counters = [DistinctCounter(precision) for _ in range(2)]
        self.seen: list[set[int]] = [set(), set()]

    @rule(who=st.integers(0, 1), item=st.integers(0, 200))
    def add(self, who: int, item: int) -> None:
        self.counters[who].add(item)
        self.seen[who].add(item)

    @rule(who=st.integers(0, 1), first=st.integers(0, 200), count=st.integers(0, 40))
    def add_many(self, who: int, first: int, count: int) -> None:
        self.counters[who].add_many(range(first, first + count))
        self.seen[who] |= set(range(first, first + count))

    @rule(to=st.integers(0, 1))
    def merge(self, to: int) -> None:
        self.counters[to].merge(self.counters[1 - to])
        self.seen[to] |= self.seen[1 - to]

    @rule(who=st.integers(0, 1))
    def write_and_read(self, who: int) -> None:
        self.counters[who] = DistinctCounter.from_bytes(self.counters[who].to_bytes())

    @invariant()
    def registers_are_those_of_the_set(self) -> None:
        for counter, seen in zip(getattr(self, "counters", []), getattr(self, "seen", []), strict=True):
            assert counter.registers.tolist() == registers_of(seen, self.precision)


def test_registers_depend_on_the_set_of_items_alone() -> None:
    run_machine(DistinctMachine)


@pytest.mark.parametrize("items", [1, 30, 3000, 100_000, 1_000_000])
def test_the_error_is_what_the_standard_error_says(items: int) -> None:
    errors = []
    for seed in range(12):
        counter = DistinctCounter(12)
        counter.add_many(np.random.default_rng(seed).integers(0, 2**63 - 1, items))
        errors.append(counter.estimate() / items - 1)
    assert abs(float(np.mean(errors))) < counter.standard_error
    assert float(np.std(errors)) < 1.6 * counter.standard_error


def test_nothing_is_nothing_and_a_full_counter_still_answers() -> None:
    counter = DistinctCounter(4)
    assert counter.estimate() == 0.0
    counter.registers[:] = (64 - 4 + 1) << 2 | 3
    assert counter.estimate() > 2**60


def test_items_of_any_kind_hash_alike_in_every_process() -> None:
    assert hash64(0) == 0xE220A8397B1DCDAF
    assert hash64("wren") == hash64(b"wren") == 0x2B0725A39D4C9361
    items = [0, 1, 2**63, 2**64 - 1]
    assert hash64_array(np.array(items, np.uint64)).tolist() == [hash64(item) for item in items]
    assert hash64_array([-1])[0] == hash64(-1)


@pytest.mark.parametrize("precision", [4, 12, 20])
def test_levels_of_arrays_are_those_of_single_hashes(precision: int) -> None:
    counter = DistinctCounter(precision)
    hashes = sorted(
        {max(0, (1 << bit) + by) for bit in range(65) for by in (-2, -1, 0, 1)} - {1 << 64, (1 << 64) + 1}
    )
    assert counter._levels(np.array(hashes, np.uint64)).tolist() == [counter._level(h) for h in hashes]


def test_what_is_no_integer_is_refused_in_bulk_and_alone() -> None:
    counter = DistinctCounter()
    with pytest.raises(TypeError, match="float64 cannot be hashed"):
        counter.add_many(np.array([0.1, 0.2]))
    with pytest.raises(TypeError, match=r"0\.5 is a float"):
        counter.add(0.5)  # type: ignore[arg-type]
    assert counter.estimate() == 0.0


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\0" * 17, b"\1" * 16, b"\xff" * 16, b"\6" * 16])
def test_damaged_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no counter|damaged"):
        DistinctCounter.from_bytes(content)


def test_counters_of_different_precision_do_not_merge() -> None:
    with pytest.raises(ValueError, match="precisions 4 and 5 differ"):
        DistinctCounter(4).merge(DistinctCounter(5))


def test_a_precision_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="precision is 3; it must be 4 to 20"):
        DistinctCounter(3)
