from collections import deque
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bijou.algorithms.windows import SlidingMax, SlidingRate, SlidingSum, SlidingWindow, TwoStacks
from tests.unit.algorithms.machines import Machine, run_machine

LETTERS = st.text("abc", min_size=1, max_size=2)


class QueueMachine(Machine):
    """Joining text is associative, has no inverse, and minds the order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: TwoStacks[str] = TwoStacks(lambda older, newer: older + newer)
        self.plain: deque[str] = deque()

    @rule(value=LETTERS)
    def push(self, value: str) -> None:
        self.queue.push(value)
        self.plain.append(value)

    @precondition(lambda self: self.plain)
    @rule()
    def pop(self) -> None:
        assert self.queue.pop() == self.plain.popleft()

    @precondition(lambda self: self.plain)
    @rule()
    def fold(self) -> None:
        assert self.queue.fold() == "".join(self.plain)

    @rule()
    def length(self) -> None:
        assert len(self.queue) == len(self.plain)


class WindowMachine(Machine):
    """Keeps every event for ever and folds those of the last seven ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.window: SlidingWindow[str] = SlidingWindow(7, lambda older, newer: older + newer)
        self.events: list[tuple[int, str]] = []
        self.now = 0

    @rule(later=st.integers(-2, 4), value=LETTERS)
    def add(self, later: int, value: str) -> None:
        at = self.now + later
        self.window.add(at, value)
        newest = max([at, *(moment for moment, _ in self.events)])
        self.events.append((newest, value))
        self.now = max(self.now, newest)

    @rule(later=st.integers(0, 9))
    def ask(self, later: int) -> None:
        self.now += later
        live = [value for at, value in self.events if self.now - 7 < at]
        assert self.window.value(self.now) == ("".join(live) or None)
        assert len(self.window) == len(live)


class RateMachine(Machine):
    """Four panes of five ticks; an event counts while its pane is one of the last four."""

    @initialize(start=st.integers(0, 10**6))
    def begin(self, start: int) -> None:
        self.rate = SlidingRate(20, 4)
        self.events: list[int] = []
        self.pane = 0
        self.late = 0
        self.now = start

    def held(self) -> int:
        return sum(self.pane - 4 < at // 5 <= self.pane for at in self.events)

    @rule(later=st.integers(-30, 12))
    def add(self, later: int) -> None:
        at = self.now + later
        self.rate.add(at)
        if at < 0 or at // 5 <= self.pane - 4:
            self.late += 1
        else:
            self.events.append(at)
            self.pane = max(self.pane, at // 5)

    @rule(later=st.integers(0, 40))
    def ask(self, later: int) -> None:
        self.now += later
        self.pane = max(self.pane, self.now // 5)
        assert self.rate.count(self.now) == self.held()
        assert self.rate.dropped == self.late


def test_the_fold_of_a_queue_is_that_of_its_items_in_order() -> None:
    run_machine(QueueMachine)


def test_a_window_folds_just_the_events_that_are_younger_than_it() -> None:
    run_machine(WindowMachine)


def test_panes_count_every_event_once_or_say_that_it_was_late() -> None:
    run_machine(RateMachine)


def test_a_sum_forgets_the_rounding_of_what_has_left() -> None:
    window = SlidingSum(10)
    window.add(0, 1e300)
    for at in range(1, 10):
        window.add(at, 0.1)
    assert window.value(10) == sum([0.1] * 9)


def test_a_maximum_falls_when_the_highest_leaves() -> None:
    window = SlidingMax(3)
    for at, value in enumerate([5.0, 9.0, 1.0, 4.0, 2.0, 0.0]):
        window.add(at, value)
    assert [window.value(now) for now in (5, 6, 7, 8)] == [4.0, 2.0, 0.0, None]


def test_a_rate_is_over_the_time_that_has_passed() -> None:
    rate = SlidingRate(window_ns=10_000_000_000, panes=10)
    for at_s in range(100, 103):
        rate.add(at_s * 1_000_000_000, 50)
    assert rate.per_s(103_000_000_000) == pytest.approx(150 / 9)
    assert rate.per_s(500_000_000_000) == 0.0
    assert SlidingRate(10, 2).per_s(0) == 0.0


def test_asking_an_empty_queue_says_so() -> None:
    empty: TwoStacks[int] = TwoStacks(max)
    with pytest.raises(IndexError, match="an empty queue folds to nothing"):
        empty.fold()
    with pytest.raises(IndexError, match="pop from an empty queue"):
        empty.pop()


def test_a_value_that_cannot_be_combined_leaves_no_trace() -> None:
    window: SlidingWindow[Any] = SlidingWindow(10, max)
    window.add(0, 1.0)
    with pytest.raises(TypeError):
        window.add(1, "x")
    window.add(2, 3.0)
    assert [window.value(now) for now in (5, 11, 12)] == [3.0, 3.0, None]


def test_a_fold_that_fails_moves_nothing() -> None:
    refuses = [False]

    def combine(older: int, newer: int) -> int:
        if refuses[0]:
            raise ZeroDivisionError
        return older + newer

    queue = TwoStacks(combine)
    for value in (1, 2, 3):
        queue.push(value)
    refuses[0] = True
    with pytest.raises(ZeroDivisionError):
        queue.pop()
    refuses[0] = False
    assert [queue.pop(), queue.fold(), queue.pop(), queue.pop()] == [1, 5, 2, 3]


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="count is -5; it must be 0 or more"):
        SlidingRate(10, 2).add(1, -5)


@pytest.mark.parametrize(("window_ns", "panes"), [(10, 1), (0, 2), (10, 3), (-4, 2)])
def test_a_window_that_cannot_be_cut_into_panes_is_refused(window_ns: int, panes: int) -> None:
    with pytest.raises(
        ValueError, match=f"a window of {window_ns} ns cannot be cut into {panes} equal panes"
    ):
        SlidingRate(window_ns, panes)


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="window_ns is 0; it must be more than 0"):
        SlidingMax(0)
