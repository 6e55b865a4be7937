import pytest

from bijou.algorithms.undo import (
    Assign,
    Change,
    Command,
    History,
    HistoryBusy,
    Macro,
    OpenMacro,
    Outcome,
    RollbackFailed,
)
from tests.unit.algorithms.undo.commands import (
    Broken,
    HalfWay,
    Put,
    Refusing,
    Shake,
    State,
    Typing,
    execute_and_break,
)


class Calling(Command):
    """Calls the history from inside."""

    def __init__(self, history: History) -> None:
        self.history = history

    def execute(self) -> None:
        self.history.undo()


class NoWayBack(Command):
    """Executes well and cannot be undone."""

    def execute(self) -> None:
        pass

    def undo(self) -> None:
        raise Broken("no way back")


def test_an_empty_history_says_so_and_changes_nothing() -> None:
    told: list[Change] = []
    history = History(tell=told.append)

    assert history.undo() == Outcome(False, "nothing to undo")
    assert history.redo() == Outcome(False, "nothing to redo")
    assert history.undo("ann").message == "nothing of 'ann' to undo"
    assert (history.done, history.undone, history.is_clean, told) == ((), (), True, [])


def test_hundreds_of_rounds_leave_the_state_byte_for_byte() -> None:
    state: State = {"a": 1}
    history = History()
    for number in range(40):
        history.execute(Put(state, {"abc"[number % 3]: number}) if number % 4 else Shake(state, number))
    last = repr(state)

    for _ in range(300):
        while history.undo():
            pass
        assert repr(state) == "{'a': 1}"
        while history.redo():
            pass
        assert repr(state) == last


def test_the_same_request_twice_is_done_once() -> None:
    state: State = {}
    history = History()
    first = history.execute(Put(state, {"a": 1}), key="request 7")
    again = history.execute(Put(state, {"a": 2}), key="request 7")
    history.undo()
    after_undo = history.execute(Put(state, {"a": 3}), key="request 7")

    assert (again.changed, again.entry) == (False, first.entry)
    assert not after_undo
    assert state == {}


def test_a_key_is_forgotten_with_its_entry() -> None:
    history = History(limit=1)
    history.execute(Put({}, {"a": 1}), key="request 7")
    history.execute(Put({}, {"a": 2}))

    assert history.execute(Put({}, {"a": 3}), key="request 7")


def test_a_command_that_is_held_is_not_executed_again() -> None:
    state: State = {"a": 0}
    history = History(limit=2)
    command = Put(state, {"a": 1})
    history.execute(command)
    with pytest.raises(ValueError, match="'assign' is held by this history already"):
        history.execute(command)
    with pytest.raises(ValueError, match="is held"), history.macro("twice") as macro:
        macro.execute(Macro("inner", [Put(state, {"a": 2}), command]))
    twice = Put(state, {"a": 3})
    with pytest.raises(ValueError, match="is held"):
        history.execute(Macro("twice", [twice, twice]))

    assert state == {"a": 1}
    history.undo()
    assert state == {"a": 0}
    assert history.execute(Put(state, {"a": 2}))
    assert history.execute(command), "it was forgotten with its undone entry"


def test_what_failed_may_be_tried_again() -> None:
    history = History()
    command = Refusing()
    with pytest.raises(Broken):
        history.execute(command)
    with pytest.raises(Broken), history.macro("fails") as macro:
        execute_and_break(macro, command)

    assert history.execute(command)


def test_typing_is_undone_as_one_until_a_pause() -> None:
    text: State = {}
    history = History()
    for length in range(5):
        history.execute(Typing(text, {"length": length}), key=str(length))
    history.seal()
    history.execute(Typing(text, {"length": 9}))

    assert [entry.keys for entry in history.done] == [("0", "1", "2", "3", "4"), ()]
    assert history.undo()
    assert text == {"length": 4}
    assert history.undo()
    assert text == {}


def test_nothing_merges_with_another_author_s_over_a_save_a_macro_or_an_undo() -> None:
    text: State = {}
    history = History()
    history.execute(Typing(text, {"a": 1}), author="ann")
    history.execute(Typing(text, {"a": 2}), author="bob")
    history.mark_clean()
    history.execute(Typing(text, {"a": 3}), author="bob")
    with history.macro("one", author="bob") as macro:
        macro.execute(Typing(text, {"a": 4}))
    history.execute(Typing(text, {"a": 5}), author="bob")
    history.execute(Put(text, {"b": 1}), author="bob")
    history.undo()
    history.execute(Typing(text, {"a": 6}), author="bob")

    assert len(history.done) == 6


def test_clean_is_where_it_was_saved_from_either_side() -> None:
    state: State = {}
    history = History()
    history.execute(Put(state, {"a": 1}))
    history.mark_clean()
    seen = [history.is_clean]
    for step in (history.undo, history.redo, history.undo):
        step()
        seen.append(history.is_clean)
    history.execute(Put(state, {"a": 1}))  # drops the way to what was saved
    history.undo()

    assert [*seen, history.is_clean] == [True, False, True, False, False]


def test_the_limit_forgets_the_oldest_and_they_stay_done() -> None:
    state: State = {}
    history = History(limit=2)
    for number in range(5):
        history.execute(Put(state, {str(number): number}))
    while history.undo():
        pass

    assert state == {"0": 0, "1": 1, "2": 2}
    with pytest.raises(ValueError, match="limit is 0"):
        History(limit=0)


def test_an_author_s_undo_leaves_what_others_did_later() -> None:
    page: State = {}
    history = History()
    history.execute(Put(page, {"title": 1}), author="ann")
    history.execute(Put(page, {"price": 2}), author="bob")

    assert history.undo("ann").message == "undid 'assign'"
    assert page == {"price": 2}
    assert history.redo("ann")
    assert page == {"price": 2, "title": 1}


def test_a_conflict_names_who_stands_in_the_way() -> None:
    page: State = {}
    history = History()
    ann = history.execute(Assign(page, {"title": 1, "price": 1}, label="draft"), author="ann").entry
    bob = history.execute(Assign(page, {"title": 2}, label="retitle"), author="bob").entry
    eve = history.execute(Assign(page, {"price": 2}, label="reprice"), author="eve").entry

    outcome = history.undo("ann")

    assert outcome.entry is ann
    assert outcome.conflicts == (bob, eve)
    assert outcome.message == "'draft' lies below what was done later: 'retitle' of 'bob', 'reprice' of 'eve'"
    assert page == {"title": 2, "price": 2}
    assert history.undo("bob")
    assert history.undo("eve")
    assert history.undo("ann")


def test_a_redo_that_finds_another_ground_is_a_conflict() -> None:
    page: State = {}
    history = History()
    first = history.execute(Assign(page, {"title": 1}, label="first"), author="ann").entry
    history.execute(Assign(page, {"title": 2}, label="second"), author="bob")
    history.undo("bob")
    history.undo("ann")

    outcome = history.redo("bob")

    assert outcome.message == "what 'second' stood on has changed since: 'first' of 'ann'"
    assert outcome.conflicts == (first,)
    assert history.redo("ann")
    assert history.redo("bob")


def test_a_command_that_may_touch_anything_is_undone_only_on_top() -> None:
    page: State = {}
    history = History()
    history.execute(Shake(page, 1), author="ann")
    history.execute(Put(page, {"title": 2}), author="bob")

    assert len(history.undo("ann").conflicts) == 1
    history.undo("bob")
    history.undo("ann")
    assert not history.redo("bob")
    assert history.redo("ann")
    assert history.redo("bob")


def test_a_macro_is_one_entry_and_macros_nest() -> None:
    state: State = {}
    history = History()
    with history.macro("all", author="ann") as macro:
        macro.execute(Put(state, {"a": 1}))
        with macro.macro() as inner:
            inner.execute(Macro("two", [Put(state, {"b": 2}), Put(state, {"a": 3})]))

    assert [(entry.label, entry.author, len(entry.commands)) for entry in history.done] == [("all", "ann", 3)]
    history.undo()
    assert state == {}
    history.redo()
    assert state == {"a": 3, "b": 2}


def test_a_macro_whose_block_raises_never_was_and_a_nested_one_alone() -> None:
    state: State = {"a": 0}
    history = History()
    with history.macro("outer") as macro:
        macro.execute(Put(state, {"a": 1}))
        with pytest.raises(Broken), macro.macro() as inner:
            execute_and_break(inner, Put(state, {"a": 2}), Put(state, {"a": 3}))
        assert state == {"a": 1}
    with pytest.raises(Broken), history.macro("fails") as macro:
        execute_and_break(macro, Put(state, {"a": 5}), Refusing())

    assert state == {"a": 1}
    assert [entry.label for entry in history.done] == ["outer"]


def test_an_empty_macro_leaves_no_entry() -> None:
    history = History()
    with history.macro("nothing"):
        pass

    assert history.execute(Macro("nothing", [])).message == "'nothing' holds no commands"
    assert history.done == ()


def test_a_history_at_work_refuses_its_own_thread_instead_of_hanging() -> None:
    history = History()
    with pytest.raises(HistoryBusy):
        history.execute(Calling(history))
    with history.macro("open") as macro:
        with pytest.raises(HistoryBusy):
            history.undo()
        with macro.macro() as inner, pytest.raises(HistoryBusy, match="use the one that is open"):
            macro.execute(Refusing())
    for closed in (macro, inner):
        assert isinstance(closed, OpenMacro)
        with pytest.raises(HistoryBusy):
            closed.execute(Refusing())


@pytest.mark.parametrize("inside_macro", [False, True])
def test_a_checkpoint_repairs_a_command_that_stops_half_way(*, inside_macro: bool) -> None:
    state: State = {"a": 1}

    def checkpoint() -> "Restore":
        return Restore(state)

    history = History(checkpoint=checkpoint)
    with pytest.raises(Broken, match="half-way"):
        history.execute(
            Macro("two", [Put(state, {"a": 2}), HalfWay(state)]) if inside_macro else HalfWay(state)
        )
    assert state == {"a": 1}
    command = HalfWay(state)
    command.fails = False
    history.execute(command)
    command.fails = True
    with pytest.raises(Broken, match="half-way back"):
        history.undo()

    assert state == {"a": 1, "first half": 1, "second half": 1}
    command.fails = False
    assert history.undo()
    assert state == {"a": 1}


class Restore:
    def __init__(self, state: State) -> None:
        self.state, self.kept = state, dict(state)

    def __call__(self) -> None:
        self.state.clear()
        self.state.update(self.kept)


def test_a_rollback_that_fails_closes_the_history() -> None:
    history = History()
    with pytest.raises(RollbackFailed, match=r"after Broken\('no'\) the way back failed with") as caught:
        history.execute(Macro("stuck", [NoWayBack(), Refusing()]))

    assert isinstance(caught.value.__cause__, Broken)
    with pytest.raises(RollbackFailed):
        history.undo()


def test_a_checkpoint_saves_even_a_rollback_that_fails() -> None:
    state: State = {"a": 1}
    history = History(checkpoint=lambda: Restore(state))
    with pytest.raises(Broken, match=r"^no$"):
        history.execute(Macro("stuck", [Put(state, {"a": 2}), NoWayBack(), Refusing()]))

    assert state == {"a": 1}
    assert history.execute(Put(state, {"a": 3}))


def test_a_checkpoint_that_cannot_be_restored_closes_the_history() -> None:
    def restore() -> None:
        raise Broken("gone")

    history = History(checkpoint=lambda: restore)
    for _ in range(2):
        with pytest.raises(RollbackFailed, match="gone"):
            history.execute(Refusing())


def test_a_change_that_does_not_follow_is_refused_and_changes_nothing() -> None:
    state: State = {}
    history = History()
    history.apply(Change("do", 3, (Put(state, {"a": 1}),), "ann", "put"))
    wrong = [
        Change("do", 3, (Put(state, {"a": 2}),)),
        Change("merge", 3, (Put(state, {"a": 2}),)),
        Change("undo", 4),
        Change("redo", 3),
    ]
    for change in wrong:
        with pytest.raises(ValueError, match="does not follow"):
            history.apply(change)

    assert state == {"a": 1}
    assert [entry.serial for entry in history.done] == [3]
    entry = history.execute(Put(state, {"a": 2})).entry
    assert entry
    assert entry.serial == 4


def test_what_the_limit_forgot_still_lies_below_what_can_be_redone() -> None:
    page: State = {}
    history = History(limit=2)
    history.execute(Put(page, {"title": 1}), author="ann")
    history.execute(Put(page, {"title": 2}), author="bob")
    history.undo("bob")
    for number in range(2):
        history.execute(Put(page, {"price": number}), author="ann")

    assert len(history.done) == 2
    assert history.redo("bob")
    assert page == {"title": 2, "price": 1}


def test_what_may_touch_anything_is_redone_on_what_the_limit_forgot() -> None:
    page: State = {}
    history = History(limit=2)
    history.execute(Put(page, {"title": 1}), author="ann")
    history.execute(Shake(page, 5), author="bob")
    shaken = dict(page)
    history.undo("bob")
    for number in range(2):
        history.execute(Put(page, {"price": number}), author="ann")
    history.undo("ann")

    assert not history.redo("bob")
    assert history.undo("ann")
    assert history.redo("bob")
    assert page == shaken
