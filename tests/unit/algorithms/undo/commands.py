"""Commands to test histories with; `on` gives the same one for another state."""

from collections.abc import Collection, Hashable
from typing import Any

from bijou.algorithms.undo import Assign, Command, OpenMacro

State = dict[str, int]


class Typing(Assign):
    """Sets items; merges with the next that sets the same ones."""

    def on(self, state: State) -> "Typing":
        return Typing(state, self.wanted)


class Put(Assign):
    """Sets items, and never merges."""

    def on(self, state: State) -> "Put":
        return Put(state, self.wanted)

    merge = Command.merge  # type: ignore[assignment]


class Shake(Command):
    """Changes all there is and adds what was not there: touches anything."""

    def __init__(self, state: State, by: int) -> None:
        self.state, self.by = state, by
        self.before: State = {}

    def on(self, state: State) -> "Shake":
        return Shake(state, self.by)

    def execute(self) -> None:
        self.before = dict(self.state)
        shake(self.by, self.state)

    def undo(self) -> None:
        self.state.clear()
        self.state.update(self.before)


def shake(by: int, state: State) -> None:
    for name in state:
        state[name] = (state[name] * 31 + by) % 1009
    state[f"shaken {by}"] = by


class Broken(RuntimeError):
    """What commands raise here."""


def execute_and_break(macro: OpenMacro, *commands: Command) -> None:
    for command in commands:
        macro.execute(command)
    raise Broken


class Refusing(Command):
    """Raises in its `fails_at`-th call and has done nothing then."""

    def __init__(self, fails_at: int = 1) -> None:
        self.calls_left = fails_at

    def execute(self) -> None:
        self.calls_left -= 1
        if not self.calls_left:
            raise Broken("no")

    undo = execute

    def touches(self) -> Collection[Hashable]:
        return ()


class HalfWay(Command):
    """Breaks its promise: does half of its work, then raises."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.fails = True

    def execute(self) -> None:
        self.state["first half"] = 1
        if self.fails:
            raise Broken("half-way")
        self.state["second half"] = 1

    def undo(self) -> None:
        del self.state["first half"]
        if self.fails:
            raise Broken("half-way back")
        del self.state["second half"]
