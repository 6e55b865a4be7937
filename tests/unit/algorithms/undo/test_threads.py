"""Histories under threads: what they saw could have happened one call at a time."""

from contextlib import nullcontext
from random import Random
from typing import Any

from bijou.algorithms.undo import History
from tests.unit.algorithms.linearizability import Call, is_linearizable, record
from tests.unit.algorithms.undo.commands import Put, State


def step(state: Any, operation: Any) -> tuple[Any, Any]:
    done, undone = state or ((), ())
    if operation[0] == "do":
        return None, ((*done, operation[1]), ())
    if operation[0] == "undo":
        return (done[-1], (done[:-1], (*undone, done[-1]))) if done else (None, state)
    return (undone[-1], ((*done, undone[-1]), undone[:-1])) if undone else (None, state)


def history_of_calls(history: History, seed: int) -> list[Call]:
    state: State = {}
    chance = Random(seed)

    def perform(operation: Any) -> Any:
        if operation[0] == "do":
            history.execute(Put(state, {"a": operation[1]}, label=str(operation[1])))
            return None
        outcome = history.undo() if operation[0] == "undo" else history.redo()
        return int(outcome.entry.label) if outcome.entry else None

    scripts = [
        [(chance.choice(("do", "do", "undo", "redo")), 10 * thread + turn) for turn in range(4)]
        for thread in range(4)
    ]
    return record(scripts, perform, seed=seed)


def test_threads_see_what_one_caller_after_the_other_could() -> None:
    for seed in range(15):
        assert is_linearizable(history_of_calls(History(), seed), step, None)


def test_the_check_catches_a_history_without_its_turn() -> None:
    def is_caught(seed: int) -> bool:
        mutant = History()
        mutant._turn = nullcontext()  # type: ignore[assignment]
        try:
            calls = history_of_calls(mutant, seed)
        except (KeyError, IndexError, RuntimeError, ValueError):  # the race broke the books themselves
            return True
        return not is_linearizable(calls, step, None)

    assert any(is_caught(seed) for seed in range(50))


def test_nobody_sees_half_a_macro() -> None:
    for seed in range(5):
        state: State = {"a": 0, "b": 0}
        history = History()

        def perform(number: int, state: State = state, history: History = history) -> None:
            with history.macro("both") as macro:
                macro.execute(Put(state, {"a": number}))
                assert state["a"] == number
                macro.execute(Put(state, {"b": number}))
                assert state["a"] == state["b"]

        record([[4 * thread + turn for turn in range(3)] for thread in range(4)], perform, seed=seed)

        assert len(history.done) == 12
        while history.undo():
            assert state["a"] == state["b"]
