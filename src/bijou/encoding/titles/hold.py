"""What an executor of tasks is handed, and what it hands back."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from bijou.ports import NewTask, Task


class Made(Struct, frozen=True):
    """What an attempt at a task has made; the task ends with it.

    Args:
        sha256: 64 hexadecimal digits of all that counts of it.
        result: What others need to know, at most 1 MiB.
        then: Tasks that follow from it.
    """

    sha256: str
    result: bytes = b""
    then: Sequence[NewTask] = ()


class Hold(Protocol):
    """An executor's hand on its task, while the lease lasts."""

    async def part(self, sequence: int, sha256: str, result: bytes, then: Sequence[NewTask] = ()) -> None:
        """Commit one part; said twice, it counts once.

        Raises:
            Conflict: `encoding.lease_lost`, drop the work.
            BijouBug: `encoding.not_reproducible`, another attempt has made it otherwise.
        """
        ...

    async def sure(self) -> None:
        """Ask the queue whether the task is still ours, and renew the lease.

        Raises:
            Conflict: `encoding.lease_lost`, drop the work.
        """
        ...

    def say(self, progress: float, note: str = "") -> None:
        """Note how far the work is, 0 to 1; it is told with the next beat."""
        ...

    def wait(self, note: str) -> None:
        """Note that the work waits for other tasks, and so does not move."""
        ...


Executor = Callable[[Task, Hold], Awaitable[Made]]
"""Does one kind of task: the same task gives the same bytes, however often, wherever."""
