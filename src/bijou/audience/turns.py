"""One service of audiences for many callers: off the event loop, one at a time."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bijou.ports import Conflict

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

T = TypeVar("T")


class Turns:
    """Calls the one `AudienceService` of this process, each call in a thread.

    Questions wait for questions, changes for changes, and neither for the
    other: what a question reads is a version that stands.

    Threads: one event loop.

    Args:
        opened: Opens the service; called once, when it is first needed.
    """

    def __init__(self, opened: Callable[[], "AudienceService"]) -> None:
        self._open = opened
        self._opening = threading.Lock()
        self._opened: AudienceService | None = None
        self._asking = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._left: set[asyncio.Task[None]] = set()

    async def ask(self, work: Callable[["AudienceService"], T]) -> T:
        """Return what work that only reads features and audiences returns."""
        return await self._in_turn(self._asking, work)

    async def change(self, work: Callable[["AudienceService"], T]) -> T:
        """Return what work returns that writes something, or that reads profiles.

        Whoever no longer waits for it does not stop it: the next in turn
        begins when it is through.

        Raises:
            Conflict: `audience.busy`, a batch is being brought in.
        """
        try:
            return await self._in_turn(self._changing, work)
        except Conflict as held:
            if held.code != "runtime.data_dir_held":
                raise
            raise Conflict(
                "audience.busy",
                "a batch is being brought in, and features have one writer; try again when it is in",
            ) from held

    async def _in_turn(self, turn: asyncio.Lock, work: Callable[["AudienceService"], T]) -> T:
        async with contextlib.AsyncExitStack() as held:
            await held.enter_async_context(turn)
            thread = asyncio.create_task(asyncio.to_thread(lambda: work(self._service())))
            try:
                return await asyncio.shield(thread)
            except asyncio.CancelledError:
                if not thread.done():
                    self._hand_over(held.pop_all(), thread)
                raise

    def _hand_over(self, held: contextlib.AsyncExitStack, thread: "asyncio.Task[T]") -> None:
        """Keep the turn until the thread is through."""

        async def wait() -> None:
            async with held:
                await asyncio.wait([thread])
                thread.exception()

        left = asyncio.create_task(wait())
        self._left.add(left)
        left.add_done_callback(self._left.discard)

    def _service(self) -> "AudienceService":
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened
