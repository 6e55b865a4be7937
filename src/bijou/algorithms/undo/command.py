"""Something done, which knows how to undo itself."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, MutableMapping, Sequence
from copy import copy
from functools import partial
from typing import Any


class RollbackFailed(RuntimeError):
    """A failure's rollback failed too: the state is neither before nor after.

    The history that met it refuses all further work; `__cause__` is the
    first failure and the message holds the second.
    """

    @classmethod
    def after(cls, failure: BaseException, second: BaseException) -> "RollbackFailed":
        """Return the error for a `failure` whose rollback met a `second` one."""
        return cls(
            f"after {failure!r} the way back failed with {second!r}; the state is neither before nor after"
        )


class Command:
    """One change of some state, held together with its way back.

    `execute` and `undo` alternate, beginning with `execute`. Each either does
    all of its work or raises and has done none; a command of several steps is
    a `Macro` of them, which keeps that promise for it, or its history takes
    checkpoints. `undo` leaves the state byte for byte as `execute` found it.
    """

    @property
    def label(self) -> str:
        """What people call it, such as the menu's "undo ..."."""
        return type(self).__name__

    def execute(self) -> None:
        """Do it, or do it again after an undo."""
        raise NotImplementedError

    def undo(self) -> None:
        """Put back what the last `execute` found."""
        raise NotImplementedError

    def merge(self, later: "Command") -> "Command | None":
        """Return one new command that stands for this and `later`, or None.

        Both have been executed, `later` right after this; the new one takes
        their place as executed. Neither of the two may be changed by it.
        """
        del later
        return None

    def touches(self) -> Collection[Hashable] | None:
        """Return names of what it reads or changes; None where that may be anything.

        Commands that touch nothing in common must give the same state in
        either order: that lets one author's be undone below another's.
        """
        return None


class Macro(Command):
    """Several commands as one: all are done, or none.

    Args:
        label: What people call the whole.
        commands: In the order of execution.

    Example:
        >>> prices = {"basic": 5}
        >>> raise_all = Macro("raise", [Assign(prices, {"basic": 6}), Assign(prices, {"plus": 9})])
        >>> raise_all.execute(); prices
        {'basic': 6, 'plus': 9}
        >>> raise_all.undo(); prices
        {'basic': 5}
    """

    def __init__(self, label: str, commands: Iterable[Command]) -> None:
        self._label = label
        self.commands = tuple(commands)

    @property
    def label(self) -> str:
        """What people call the whole."""
        return self._label

    def execute(self) -> None:
        """Execute all in order; where one fails, undo those before it and raise."""
        execute_all(self.commands)

    def undo(self) -> None:
        """Undo all from the last to the first; where one fails, execute again and raise."""
        undo_all(self.commands)

    def touches(self) -> Collection[Hashable] | None:
        """Return what any of them touches."""
        return touched_by(self.commands)


_ABSENT: Any = object()


class Assign(Command):
    """Set and remove items of a mapping; either all of them or none.

    Two in a row that set and remove the same keys of the same mapping merge.
    What was removed comes back behind the other keys of a dict.

    Args:
        target: The mapping.
        changes: Items to set, in this order.
        removed: Keys to remove; those that are not there stay away.
        label: What people call it.
        place: The mapping's name in `touches`; mappings that share a history
            need one each.

    Example:
        >>> title = {"name": "Sintel"}
        >>> rename = Assign(title, {"name": "Sintel (2010)"}, label="rename")
        >>> rename.execute(); title
        {'name': 'Sintel (2010)'}
        >>> rename.undo(); title
        {'name': 'Sintel'}
    """

    def __init__(
        self,
        target: MutableMapping[Any, Any],
        changes: Mapping[Any, Any],
        *,
        removed: Iterable[Hashable] = (),
        label: str = "assign",
        place: str = "",
    ) -> None:
        self.target = target
        self.wanted: dict[Any, Any] = {**changes, **dict.fromkeys(removed, _ABSENT)}
        self.place = place
        self._label = label
        self.before: dict[Any, Any] = {}

    @property
    def label(self) -> str:
        """What people call it."""
        return self._label

    def execute(self) -> None:
        """Remember what is there, then set and remove."""
        self.before = {key: self.target.get(key, _ABSENT) for key in self.wanted}
        self._make(self.wanted, self.before)

    def undo(self) -> None:
        """Put back what was there."""
        self._make(dict(reversed(self.before.items())), self.wanted)

    def merge(self, later: Command) -> "Assign | None":
        """Return one that sets what `later` sets and puts back what this found."""
        if (
            type(later) is not type(self)
            or later.target is not self.target
            or later.wanted.keys() != self.wanted.keys()
        ):
            return None
        both = copy(later)
        both.before = self.before
        return both

    def touches(self) -> Collection[Hashable]:
        """Return (place, key) of each item."""
        return [(self.place, key) for key in self.wanted]

    def _make(self, items: Mapping[Any, Any], otherwise: Mapping[Any, Any]) -> None:
        made: list[Any] = []
        try:
            for key, value in items.items():
                _put(self.target, key, value)
                made.append(key)
        except BaseException as failure:
            roll_back([partial(_put, self.target, key, otherwise[key]) for key in made], failure)
            raise


def _put(target: MutableMapping[Any, Any], key: Any, value: Any) -> None:
    if value is _ABSENT:
        target.pop(key, None)
    else:
        target[key] = value


def parts(command: Command) -> tuple[Command, ...]:
    """Return what a macro is made of, down to what is no macro; else the command."""
    if type(command) is not Macro:
        return (command,)
    return tuple(part for inner in command.commands for part in parts(inner))


def execute_all(commands: Sequence[Command]) -> None:
    """Execute all in order, or none."""
    all_or_none([(command.execute, command.undo) for command in commands])


def undo_all(commands: Sequence[Command]) -> None:
    """Undo all from the last to the first, or none."""
    all_or_none([(command.undo, command.execute) for command in reversed(commands)])


def touched_by(commands: Iterable[Command]) -> Collection[Hashable] | None:
    """Return what any of them touches; None where one may touch anything."""
    names: set[Hashable] = set()
    for command in commands:
        touched = command.touches()
        if touched is None:
            return None
        names.update(touched)
    return names


def roll_back(ways_back: Sequence[Callable[[], None]], failure: BaseException) -> None:
    """Go the ways back, the last first.

    Raises:
        RollbackFailed: One of them failed; the rest were not tried.
    """
    try:
        for back in reversed(ways_back):
            back()
    except BaseException as second:  # noqa: BLE001 - whatever it is, it is raised on
        raise RollbackFailed.after(failure, second) from failure


def all_or_none(steps: Sequence[tuple[Callable[[], None], Callable[[], None]]]) -> None:
    """Take all steps, each (forth, back), or none."""
    taken: list[Callable[[], None]] = []
    try:
        for forth, back in steps:
            forth()
            taken.append(back)
    except BaseException as failure:
        roll_back(taken, failure)
        raise
