"""Commands that undo themselves, and the history that remembers them.

A `Command` holds `execute` and `undo`; a `History` runs it, undoes and redoes,
for all or for one author, groups commands as one, merges like ones, and tells
each `Change` to whoever keeps them. It keeps nothing on disk itself.
"""

from bijou.algorithms.undo.changes import Change, Entry, Outcome
from bijou.algorithms.undo.command import Assign, Command, Macro, RollbackFailed
from bijou.algorithms.undo.history import History
from bijou.algorithms.undo.macros import OpenMacro
from bijou.algorithms.undo.turn import HistoryBusy

__all__ = [
    "Assign",
    "Change",
    "Command",
    "Entry",
    "History",
    "HistoryBusy",
    "Macro",
    "OpenMacro",
    "Outcome",
    "RollbackFailed",
]
