from threading import Lock
from typing import Any

import pytest

from tests.unit.algorithms import linearizability
from tests.unit.algorithms.linearizability import Call, is_linearizable, record


def register(state: Any, operation: Any) -> tuple[Any, Any]:
    """A variable: ("write", x) returns None, ("read",) returns the last x."""
    return (None, operation[1]) if operation[0] == "write" else (state, state)


def test_overlapping_calls_may_take_effect_in_either_order() -> None:
    for seen in (0, 1):
        history = [Call(0, 3, ("write", 1), None), Call(1, 2, ("read",), seen)]

        assert is_linearizable(history, register, 0)


def test_a_read_after_a_write_must_see_it() -> None:
    history = [Call(0, 1, ("write", 1), None), Call(2, 3, ("read",), 0)]

    assert not is_linearizable(history, register, 0)


def test_what_one_reader_saw_the_next_cannot_unsee() -> None:
    write = Call(0, 9, ("write", 1), None)
    history = [write, Call(1, 2, ("read",), 1), Call(3, 4, ("read",), 0)]

    assert not is_linearizable(history, register, 0)


def test_a_lost_update_is_found() -> None:
    def counter(state: Any, operation: Any) -> tuple[Any, Any]:
        return state, state + 1

    twice_zero = [Call(0, 2, "add", 0), Call(1, 3, "add", 0)]
    in_turn = [Call(0, 2, "add", 1), Call(1, 3, "add", 0)]

    assert not is_linearizable(twice_zero, counter, 0)
    assert is_linearizable(in_turn, counter, 0)


def test_threads_that_wait_for_each_other_fail_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "LONGEST_S", 0.05)
    held = Lock()

    def take(_: Any) -> None:
        with held:
            pass

    with held, pytest.raises(AssertionError, match=r"still waits after 0\.05 s"):
        record([["take"], ["take"]], take)
