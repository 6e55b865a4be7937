"""How much is read in one turn of the loop: a crowd that comes at once keeps nobody else waiting."""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

TURN: Final = 8
"""Connections that are read in one turn of the loop, which takes them a tenth of a millisecond."""


class Waiting(Protocol):
    """A connection whose bytes are here and not read yet."""

    def proceed(self) -> None:
        """Read on."""
        ...


class Turns:
    """Lets a few connections be read in each turn of the loop, the others in the turns after.

    All that a thousand viewers ask in the same moment would else be read before
    the origin is asked for the first of them.

    Threads: one event loop.

    Args:
        soon: Calls in the loop's next turn.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._taken = 0
        self._waiting: deque[Waiting] = deque()

    def takes(self, connection: Waiting) -> bool:
        """Tell whether a connection is to be read now; else it is told to proceed in a later turn."""
        if not self._taken:
            self._soon(self._next)
        if self._taken < TURN:
            self._taken += 1
            return True
        self._waiting.append(connection)
        return False

    def _next(self) -> None:
        self._taken = min(TURN, len(self._waiting))
        if self._taken:
            self._soon(self._next)  # before any is read: one that breaks keeps nobody waiting for ever
        for _ in range(self._taken):
            self._waiting.popleft().proceed()
