"""A child process that does work for its parent, one piece at a time, and dies with it."""

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from bijou.ports import EngineUnavailable
from bijou.runtime.processes import die_with_parent

T = TypeVar("T")


class Beside:
    """Runs functions in a child, so that the event loop here has its core and its files to itself.

    Cost: half a second for the first call, then what pickling costs.
    Threads: the event loop of the main thread, for the child dies with the
        thread that started it.
    """

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._turn = threading.Lock()

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what the work returns there, or raise what it raises.

        Raises:
            EngineUnavailable: `audience.work_died`, the child was killed; the
                next call starts another.
        """
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._pipe is not None
        try:
            done, value = await asyncio.to_thread(self._exchange, self._pipe, (work, arguments))
        except (EOFError, OSError) as error:
            self.kill()
            raise EngineUnavailable(
                "audience.work_died", "the process that changes this shard's users died; do it again"
            ) from error
        if done:
            result: T = value
            return result
        raise value

    def kill(self) -> None:
        """End the child, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _start(self) -> None:
        self.kill()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, os.getpid()))
        self._process.start()
        theirs.close()

    def _exchange(self, pipe: Connection, wish: tuple[Any, ...]) -> tuple[bool, Any]:
        with self._turn:  # whoever stopped waiting for an answer still takes it from the pipe
            pipe.send(wish)
            answer: tuple[bool, Any] = pipe.recv()
        return answer


def _serve(pipe: Connection, parent: int) -> None:
    die_with_parent(parent)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            work, arguments = pipe.recv()
            try:
                answer = True, work(*arguments)
            except Exception as error:  # noqa: BLE001 - it is raised on the other side
                answer = False, error
            pipe.send(answer)
