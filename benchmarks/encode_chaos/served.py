"""A queue on a file, served to several processes: SQLite has one writing process.

A worker that opened the file itself could be frozen while it holds the
writer's lock, and would hold up everybody. So one process has the file, and
the others ask it over a socket, one call a connection.

    python -m benchmarks.encode_chaos.served FILE SOCKET LEASE_S [--mutant]
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec

from benchmarks.encode_chaos.mutant import forget_epochs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    Ack,
    Beat,
    BijouError,
    Commit,
    EngineUnavailable,
    Failure,
    Load,
    NewTask,
    Part,
    Problem,
    Queue,
    Steer,
    SystemClock,
    Task,
    TaskState,
)
from bijou.runtime import codec

T = TypeVar("T")
_LIMIT = 64 << 20


class Found(msgspec.Struct):
    tasks: list[Task]
    parts: list[Part]


class Call(msgspec.Struct):
    """One call of any method; what it does not take stays empty."""

    method: str
    tasks: list[NewTask] = []
    commits: list[Commit] = []
    beats: list[Beat] = []
    failures: list[Failure] = []
    steer: Steer | None = None
    worker: str = ""
    kinds: list[str] = []
    group: str = ""
    task: str = ""
    states: list[TaskState] = []
    limit: int = 1


class QueueClient:
    """`Queue` of another process."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def add(self, tasks: Sequence[NewTask]) -> int:
        return await self._ask(Call("add", tasks=list(tasks)), int)

    async def claim(self, worker: str, kinds: Sequence[str], limit: int = 1) -> list[Task]:
        return await self._ask(Call("claim", worker=worker, kinds=list(kinds), limit=limit), list[Task])

    async def beat(self, beats: Sequence[Beat]) -> list[str]:
        return await self._ask(Call("beat", beats=list(beats)), list[str])

    async def commit(self, commits: Sequence[Commit]) -> list[Ack]:
        return await self._ask(Call("commit", commits=list(commits)), list[Ack])

    async def fail(self, failures: Sequence[Failure]) -> list[Ack]:
        return await self._ask(Call("fail", failures=list(failures)), list[Ack])

    async def steer(self, steer: Steer) -> int:
        return await self._ask(Call("steer", steer=steer), int)

    async def tasks(
        self, *, group: str = "", task: str = "", states: Sequence[TaskState] = (), limit: int = 1000
    ) -> tuple[list[Task], list[Part]]:
        found = await self._ask(
            Call("tasks", group=group, task=task, states=list(states), limit=limit), Found
        )
        return found.tasks, found.parts

    async def load(self) -> list[Load]:
        return await self._ask(Call("load"), list[Load])

    async def _ask(self, call: Call, kind: type[T]) -> T:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LIMIT)
            try:
                writer.write(codec.encode(call))
                writer.write_eof()
                answer = await reader.read(-1)
            finally:
                writer.close()
        except OSError as error:
            raise _away(str(error)) from error
        if answer.startswith(b"+"):
            return codec.decode(answer[1:], kind)
        if answer.startswith(b"-"):
            raise BijouError.from_problem(codec.decode(answer[1:], Problem))
        raise _away("it went away before it had answered")


def _away(reason: str) -> EngineUnavailable:
    return EngineUnavailable("queue.unavailable", f"the queue's process does not answer: {reason}")


async def answer(queue: Queue, call: Call) -> Any:
    if call.method == "tasks":
        states = call.states
        return Found(*await queue.tasks(group=call.group, task=call.task, states=states, limit=call.limit))
    steer = call.steer or Steer("")
    methods: dict[str, Callable[[], Awaitable[Any]]] = {
        "add": lambda: queue.add(call.tasks),
        "claim": lambda: queue.claim(call.worker, call.kinds, call.limit),
        "beat": lambda: queue.beat(call.beats),
        "commit": lambda: queue.commit(call.commits),
        "fail": lambda: queue.fail(call.failures),
        "steer": lambda: queue.steer(steer),
        "load": queue.load,
    }
    return await methods[call.method]()


async def serve(file: Path, socket: Path, lease_s: float) -> None:
    queue = RecordsQueue(
        SqliteRecords(file), SystemClock(), Random(1), lease_s=lease_s, backoff_s=0.05, backoff_cap_s=0.5
    )

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            call = codec.decode(await reader.read(-1), Call)
            try:
                told = b"+" + codec.encode(await answer(queue, call))
            except BijouError as error:
                told = b"-" + codec.encode(error.problem())
            writer.write(told)
            await writer.drain()
        except (OSError, msgspec.DecodeError):  # the caller was killed
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(take, socket, limit=_LIMIT)
    await server.serve_forever()


if __name__ == "__main__":
    if "--mutant" in sys.argv:
        forget_epochs()
    Path(sys.argv[2]).unlink(missing_ok=True)
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
