"""Which commands may not be executed again."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from bijou.algorithms.undo.command import Command


class Held:
    """The commands that a history may still undo or redo.

    A command remembers what its last `execute` found; executed a second time
    it would forget what its first undo needs.
    """

    def __init__(self) -> None:
        self._ids: set[int] = set()  # each command lives as long as its entry, so no id is used twice

    @contextmanager
    def claimed(self, commands: Sequence[Command]) -> Iterator[None]:
        """Hold commands from now on, unless the block raises."""
        for number, command in enumerate(commands):
            if id(command) in self._ids:
                self.release(commands[:number])
                raise ValueError(f"{command.label!r} is held by this history already; make another command")
            self._ids.add(id(command))
        try:
            yield
        except BaseException:
            self.release(commands)
            raise

    def hold(self, commands: Iterable[Command]) -> None:
        """Hold commands from now on."""
        self._ids.update(map(id, commands))

    def release(self, commands: Iterable[Command]) -> None:
        """Hold commands no longer."""
        self._ids.difference_update(map(id, commands))
