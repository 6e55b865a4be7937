"""A macro while it is being put together."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bijou.algorithms.undo.command import Command, execute_all, parts, roll_back
from bijou.algorithms.undo.held import Held
from bijou.algorithms.undo.turn import HistoryBusy

Guard = Callable[[], AbstractContextManager[None]]


class OpenMacro:
    """Executes commands now, to be remembered as one when its block ends.

    Commands in it do not merge. `History.macro` gives it.

    Threads: those of the thread that opened it.
    """

    def __init__(self, guard: Guard, held: Held) -> None:
        self.commands: list[Command] = []
        self._guard = guard
        self._held = held
        self._is_open = True

    def execute(self, command: Command) -> None:
        """Execute a command; where it fails and the block goes on, it never was.

        Raises:
            Exception: What the command raised; the state is as before it.
            HistoryBusy: A macro inside this one is open, or this one is done.
            ValueError: This very command is held already.
        """
        self._check_open()
        commands = parts(command)
        with self._held.claimed(commands), self._guard():
            execute_all(commands)
        self.commands += commands

    @contextmanager
    def macro(self) -> Iterator["OpenMacro"]:
        """Open a macro inside this one; where its block raises, only its own is undone."""
        self._check_open()
        inner = OpenMacro(self._guard, self._held)
        self._is_open = False
        try:
            with self._guard(), inner.undone_on_failure():
                yield inner
        finally:
            self._is_open = True
        self.commands += inner.commands

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Close this macro when the block ends, and undo it all where it raises."""
        try:
            yield
        except BaseException as failure:
            self._held.release(self.commands)
            roll_back([command.undo for command in self.commands], failure)
            raise
        finally:
            self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise HistoryBusy("this macro is done, or one inside it is open; use the one that is open")
