"""A history, its specification, and a second history made of what the first told."""

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.undo import Change, History, Macro, Outcome
from tests.unit.algorithms.machines import Machine, run_machine
from tests.unit.algorithms.undo.commands import Broken, Put, Refusing, Shake, Typing, execute_and_break, shake
from tests.unit.algorithms.undo.specifications import HistorySpec, Line, State

NAMES = st.sampled_from("abcd")
ITEMS = st.dictionaries(NAMES, st.integers(0, 9), min_size=1, max_size=2)
AUTHORS = st.sampled_from(["ann", "bob"])
ANYBODY = AUTHORS | st.none()


def put(items: State, state: State) -> None:
    state.update(items)


class HistoryMachine(Machine):
    @initialize(limit=st.sampled_from([None, None, 1, 3, 6]))
    def start(self, limit: int | None) -> None:
        self.state: State = {}
        self.twin_state: State = {}
        self.refusing = False
        self.history = History(limit=limit, tell=self.tell)
        self.twin = History(limit=limit)
        self.spec = HistorySpec(limit)
        self.lines: dict[int, Line] = {}
        self.may_merge: Line | None = None

    def tell(self, change: Change) -> None:
        if self.refusing:
            raise Broken("the disk is full")
        commands: Any = change.commands
        copies = tuple(command.on(self.twin_state) for command in commands)
        self.twin.apply(Change(change.kind, change.serial, copies, change.author, change.label, change.key))

    def did(self, outcome: Outcome, line: Line) -> None:
        assert outcome
        assert outcome.entry
        self.spec.do(line)
        self.lines[outcome.entry.serial] = self.may_merge = line

    @rule(items=ITEMS, author=AUTHORS)
    def put(self, items: State, author: str) -> None:
        line = Line(author, frozenset(items), [partial(put, items)])
        self.did(self.history.execute(Put(self.state, items), author=author), line)
        self.may_merge = None

    @rule(items=ITEMS, author=AUTHORS)
    def type(self, items: State, author: str) -> None:
        outcome = self.history.execute(Typing(self.state, items), author=author)
        last = self.may_merge
        if last and last.author == author and last.touches == items.keys():
            last.effects = [partial(put, items)]
            assert outcome.entry
            assert self.lines[outcome.entry.serial] is last
        else:
            self.did(outcome, Line(author, frozenset(items), [partial(put, items)]))

    @rule(author=AUTHORS)
    def shake(self, author: str) -> None:
        by = len(self.spec.lines)
        line = Line(author, None, [partial(shake, by)])
        self.did(self.history.execute(Shake(self.state, by), author=author), line)
        self.may_merge = None

    @rule(every=st.lists(ITEMS, min_size=1, max_size=4), author=AUTHORS, nested=st.booleans())
    def macro(self, every: list[State], author: str, nested: bool) -> None:  # noqa: FBT001 - drawn
        first, *rest = [Put(self.state, items) for items in every]
        with self.history.macro("macro", author=author) as opened:
            opened.execute(first)
            with pytest.raises(Broken), opened.macro() as given_up:
                execute_and_break(given_up, Shake(self.state, 3))
            with opened.macro() as inner:
                inner.execute(Macro("rest", [Macro("nested", rest)] if nested else rest))
        line = Line(author, frozenset().union(*every), [partial(put, items) for items in every])
        self.did(Outcome(True, "", self.history.done[-1]), line)
        self.may_merge = None

    @rule(items=ITEMS, author=AUTHORS)
    def break_a_block(self, items: State, author: str) -> None:
        with pytest.raises(Broken), self.history.macro("fails", author=author) as opened:
            execute_and_break(opened, Put(self.state, items), Shake(self.state, 1))

    @rule(items=ITEMS, author=AUTHORS)
    def break_half_way(self, items: State, author: str) -> None:
        macro = Macro("fails", [Shake(self.state, 1), Put(self.state, items), Refusing()])
        with pytest.raises(Broken):
            self.history.execute(macro, author=author)

    @rule(items=ITEMS, author=ANYBODY)
    def have_nobody_who_listens(self, items: State, author: str | None) -> None:
        self.refusing = True
        with pytest.raises(Broken):
            self.history.execute(Put(self.state, items), author=author or "ann")
        for step in (self.history.undo, self.history.redo):
            with suppress(Broken):
                assert not step()
        self.refusing = False

    @rule(author=ANYBODY)
    def undo(self, author: str | None) -> None:
        outcome = self.history.undo(author)
        changed, line, above = self.spec.undo(author)

        assert (outcome.changed, self.line(outcome)) == (changed, line)
        assert [self.lines[other.serial] for other in outcome.conflicts] == above
        if changed:
            self.may_merge = None

    @rule(author=ANYBODY)
    def redo(self, author: str | None) -> None:
        outcome = self.history.redo(author)
        changed, line, others = self.spec.redo(author)

        assert (outcome.changed, self.line(outcome)) == (changed, line)
        assert {self.lines[other.serial] for other in outcome.conflicts} <= set(others)
        if changed:
            self.may_merge = None

    @rule()
    def save(self) -> None:
        self.history.mark_clean()
        self.spec.clean = {line for line in self.spec.lines if line.done}
        self.may_merge = None

    @rule()
    def pause(self) -> None:
        self.history.seal()
        self.may_merge = None

    def line(self, outcome: Outcome) -> Line | None:
        return self.lines[outcome.entry.serial] if outcome.entry else None

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "spec"):
            return
        done = [line for line in self.spec.lines if line.done and line.kept]
        assert self.state == self.spec.state()
        assert [self.lines[entry.serial] for entry in self.history.done] == done
        assert [self.lines[entry.serial] for entry in self.history.undone] == self.spec.undone
        assert self.history.is_clean == (self.spec.clean == {line for line in self.spec.lines if line.done})

    @invariant()
    def be_told_all(self) -> None:
        if not hasattr(self, "spec"):
            return
        assert list(self.twin_state.items()) == list(self.state.items())
        for side in ("done", "undone"):
            ours, twins = getattr(self.history, side), getattr(self.twin, side)
            assert [entry.serial for entry in ours] == [entry.serial for entry in twins]
        assert self.history.is_clean == self.twin.is_clean


def test_a_history_is_what_its_specification_says_and_what_it_tells() -> None:
    run_machine(HistoryMachine, examples=80)
