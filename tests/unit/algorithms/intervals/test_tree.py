"""The interval tree, held to a plain list of its entries."""

from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bijou.algorithms.intervals import IntervalTree
from tests.unit.algorithms.machines import Machine, run_machine

# Few intervals, so that many hold several values, and removing the last of them moves others up.
STARTS = st.integers(-2, 3)
LENGTHS = st.integers(1, 3)
VALUES = st.sampled_from("abc")


class TreeMachine(Machine):
    """The specification is a list in order of coming; sorting is stable."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: IntervalTree[str] = IntervalTree()
        self.entries: list[tuple[int, int, str]] = []

    @rule(some=st.lists(st.tuples(STARTS, LENGTHS, VALUES), min_size=1, max_size=8))
    def add(self, some: list[tuple[int, int, str]]) -> None:
        for start, length, value in some:
            self.tree.add(start, start + length, value)
            self.entries.append((start, start + length, value))

    @rule(start=STARTS, length=LENGTHS, value=VALUES)
    def remove_what_may_be_missing(self, start: int, length: int, value: str) -> None:
        if (start, start + length, value) in self.entries:
            self.tree.remove(start, start + length, value)
            self.entries.remove((start, start + length, value))
            return
        with pytest.raises(KeyError, match="nothing was removed"):
            self.tree.remove(start, start + length, value)

    @rule(data=st.data())
    def remove_one_that_stands(self, data: st.DataObject) -> None:
        if self.entries:
            entry = data.draw(st.sampled_from(self.entries))
            self.tree.remove(*entry)
            self.entries.remove(entry)

    @rule(start=STARTS, length=LENGTHS)
    def ask(self, start: int, length: int) -> None:
        ordered = sorted(self.entries, key=lambda entry: entry[:2])
        end = start + length

        assert list(self.tree) == ordered
        assert len(self.tree) == len(ordered)
        assert self.tree.at(start) == [entry for entry in ordered if entry[0] <= start < entry[1]]
        assert self.tree.overlapping(start, end) == [e for e in ordered if e[0] < end and start < e[1]]


def test_the_tree_answers_as_a_list_of_its_entries() -> None:
    run_machine(TreeMachine)


@pytest.mark.parametrize("step", [1, -1])
def test_a_tree_filled_in_order_stays_low(step: int) -> None:
    tree: IntervalTree[int] = IntervalTree()
    for start in range(0, 2000 * step, step):
        tree.add(start, start + 3, start)
    for start in range(0, 1000 * step, step):
        tree.remove(start, start + 3, start)

    assert tree._root is not None
    assert tree._root.height <= 1.45 * log2(1000 + 2)
    assert [entry.value for entry in tree.at(1500 * step)] == [1500 * step - 2, 1500 * step - 1, 1500 * step]


def test_an_interval_without_a_moment_is_refused() -> None:
    tree: IntervalTree[str] = IntervalTree()

    for attempt in (lambda: tree.add(4, 4, "x"), lambda: tree.overlapping(4, 3)):
        with pytest.raises(ValueError, match="holds no moment"):
            attempt()


@pytest.mark.parametrize("moment", [0.5, 2.0, float("nan"), float("inf")])
def test_only_whole_moments_are_taken(moment: float) -> None:
    tree: IntervalTree[str] = IntervalTree()
    tree.add(0, 4, "x")
    whole: Any = moment

    for attempt in (
        lambda: tree.add(whole, 9, "y"),
        lambda: tree.add(-9, whole, "y"),
        lambda: tree.remove(0, whole, "x"),
        lambda: tree.at(whole),
        lambda: tree.overlapping(whole, 9),
    ):
        with pytest.raises(ValueError, match="must be integers"):
            attempt()
    assert list(tree) == [(0, 4, "x")]


def test_moments_of_numpy_are_kept_as_integers() -> None:
    tree: IntervalTree[str] = IntervalTree()
    start, end = np.array([3, 5])
    tree.add(start, end, "x")

    assert [type(end) for end in tree.at(4)[0][:2]] == [int, int]
