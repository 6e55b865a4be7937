import pytest

from bijou.algorithms.undo import Assign, Command, Macro, RollbackFailed
from tests.unit.algorithms.undo.commands import Broken, Put, Refusing, Shake, State


class Fussy(dict[str, int]):
    """Raises in its `fails_at`-th change, and in all after it where it is `stuck`."""

    def __init__(self, items: State, fails_at: int, *, stuck: bool = False) -> None:
        super().__init__(items)
        self.changes_left, self.stuck = fails_at, stuck

    def __setitem__(self, key: str, value: int) -> None:
        self.changes_left -= 1
        if self.changes_left == 0 or (self.stuck and self.changes_left < 0):
            raise Broken(key)
        super().__setitem__(key, value)


def test_an_assignment_sets_and_removes_and_puts_back() -> None:
    state: State = {"a": 1, "b": 2}
    command = Assign(state, {"a": 5, "c": 6}, removed=["b", "d"])
    command.execute()

    assert state == {"a": 5, "c": 6}
    command.undo()
    assert state == {"a": 1, "b": 2}


def test_an_assignment_stores_none_as_a_value() -> None:
    state: dict[str, int | None] = {"a": None}
    command = Assign(state, {"a": 1, "b": None})
    command.execute()
    assert state == {"a": 1, "b": None}
    command.undo()

    assert state == {"a": None}


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_an_assignment_that_fails_half_way_has_done_nothing(fails_at: int) -> None:
    state = Fussy({"a": 1, "b": 2}, fails_at)
    with pytest.raises(Broken):
        Assign(state, {"a": 5, "b": 6, "c": 7}).execute()

    assert state == {"a": 1, "b": 2}


@pytest.mark.parametrize("fails_at", [1, 2])
def test_an_assignment_that_cannot_be_undone_is_still_done(fails_at: int) -> None:
    state = Fussy({"a": 1, "b": 2}, 9)
    command = Assign(state, {"a": 5, "b": 6, "c": 7})
    command.execute()
    state.changes_left = fails_at
    with pytest.raises(Broken):
        command.undo()

    assert state == {"a": 5, "b": 6, "c": 7}
    command.undo()
    assert state == {"a": 1, "b": 2}


def test_a_rollback_that_fails_says_so() -> None:
    state = Fussy({"a": 1, "b": 2}, 2, stuck=True)
    with pytest.raises(RollbackFailed, match="neither before nor after"):
        Assign(state, {"a": 5, "b": 6}).execute()


def test_assignments_merge_only_where_they_set_the_same_of_the_same() -> None:
    state: State = {}
    first, later = Assign(state, {"a": 1}), Assign(state, {"a": 2}, label="later")
    first.execute()
    later.execute()
    both = first.merge(later)
    assert both
    assert both.label == "later"
    both.undo()

    assert state == {}
    others: list[Command] = [Assign(state, {"b": 2}), Assign({}, {"a": 2}), Shake(state, 1)]
    assert [first.merge(other) for other in others] == [None] * 3


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_macro_that_fails_half_way_has_done_nothing(fails_at: int) -> None:
    state: State = {"a": 1}
    commands: list[Command] = [Put(state, {"a": 2}), Shake(state, 3)]
    commands.insert(fails_at, Refusing())
    with pytest.raises(Broken):
        Macro("fails", commands).execute()

    assert state == {"a": 1}


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_macro_that_cannot_be_undone_is_still_done(fails_at: int) -> None:
    state: State = {"a": 1}
    commands: list[Command] = [Put(state, {"a": 2}), Shake(state, 3)]
    commands.insert(fails_at, Refusing(fails_at=2))
    macro = Macro("stays", commands)
    macro.execute()
    done = dict(state)
    with pytest.raises(Broken):
        macro.undo()

    assert state == done
    macro.undo()
    assert state == {"a": 1}


def test_a_macro_touches_what_its_commands_touch() -> None:
    state: State = {}
    macro = Macro("two", [Put(state, {"a": 1}), Macro("inner", [Put(state, {"b": 1})])])

    assert macro.touches() == {("", "a"), ("", "b")}
    assert Macro("any", [Put(state, {"a": 1}), Shake(state, 1)]).touches() is None
