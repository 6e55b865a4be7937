"""What a history keeps, what it answers, and what it tells."""

from collections.abc import Hashable
from typing import Literal

import msgspec

from bijou.algorithms.undo.command import Command


class Entry(msgspec.Struct, eq=False):
    """One line of a history: the commands that are undone and redone as one.

    Args:
        serial: Its number, in order of first execution, from 1.
        commands: In the order of execution; one, unless it is a macro.
        author: Who did it.
        label: What people call it.
        touches: What its commands touch; None where that may be anything.
        keys: The callers' names for the requests that made it.
    """

    serial: int
    commands: tuple[Command, ...]
    author: str
    label: str
    touches: frozenset[Hashable] | None
    keys: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What a call changed, in a form to show; true where it changed anything.

    Args:
        changed: Whether the state is another one now.
        message: One sentence for people.
        entry: What was executed, undone or redone, or could not be.
        conflicts: What stands in the way: entries that touch the same, the
            oldest first.
    """

    changed: bool
    message: str
    entry: Entry | None = None
    conflicts: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return self.changed


class Change(msgspec.Struct, frozen=True):
    """One step of a history; all of them in order make it again.

    Args:
        kind: `do` is a new entry, `merge` one more command of the entry
            `serial`, the others mean the entry `serial`; `clean` means none.
        serial: The entry.
        commands: Of `do` and `merge`, as they were executed.
        author: Of `do`.
        label: Of `do` and `merge`.
        key: Of `do` and `merge`.
    """

    kind: Literal["do", "merge", "undo", "redo", "clean"]
    serial: int = 0
    commands: tuple[Command, ...] = ()
    author: str = ""
    label: str = ""
    key: str | None = None
