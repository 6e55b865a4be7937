"""One worker process: claims, works, beats, commits, and writes down each answer.

python -m benchmarks.encode_chaos.worker NAME FOLDER QUEUE LEASE_S SEED BATCH EXECUTOR [--mutant]
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from benchmarks.encode_chaos.served import QueueClient
from benchmarks.encode_chaos.work import KINDS, Broken, Executor, Made
from bijou.ports import (
    Ack,
    Beat,
    Commit,
    Conflict,
    EngineUnavailable,
    Failure,
    NewTask,
    Queue,
    Task,
)

T = TypeVar("T")


class Answer(msgspec.Struct):
    """One line of a worker's journal: what the queue said to it."""

    task: str
    epoch: int
    ack: str
    sequence: int | None = None


class Journal:
    """A file of answers, each written before the next is asked for."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, answer: Answer) -> None:
        self._file.write(msgspec.json.encode(answer) + b"\n")


class Held:
    """`Hold` of one task."""

    def __init__(self, worker: "Worker", task: Task) -> None:
        self.queue = worker.queue
        self.beat = Beat(task.id, task.epoch)
        self._worker = worker
        self._task = task

    async def part(self, sequence: int, sha256: str, then: Sequence[NewTask]) -> Ack:
        commit = Commit(self._task.id, self._task.epoch, sha256, b"facts", sequence, tuple(then))
        (ack,) = await self._worker.commit([commit])
        return ack

    async def say(self, progress: float, note: str) -> None:
        self.beat = Beat(self._task.id, self._task.epoch, progress, note)
        await insist(lambda: self.queue.beat([self.beat]))

    def early(self, missing: Sequence[str]) -> None:
        answer = Answer(self._task.id, self._task.epoch, f"early {' '.join(missing)}")
        self._worker.journal.write(answer)


class Worker:
    def __init__(
        self, name: str, queue: Queue, execute: Executor, journal: Journal, lease_s: float, batch: int
    ) -> None:
        self.name = name
        self.queue = queue
        self._execute = execute
        self.journal = journal
        self._lease_s = lease_s
        self._batch = batch
        self._held: dict[str, Held] = {}
        self._lost: set[str] = set()

    async def run(self) -> None:
        beating = asyncio.create_task(self._beat())
        while not beating.done():
            tasks = await insist(lambda: self.queue.claim(self.name, KINDS, self._batch))
            if tasks:
                await self._work(tasks)
            else:
                await asyncio.sleep(0.05)

    async def commit(self, commits: list[Commit]) -> list[Ack]:
        acks = await insist(lambda: self.queue.commit(commits))
        for commit, ack in zip(commits, acks, strict=True):
            self.journal.write(Answer(commit.task, commit.epoch, ack, commit.sequence))
        return acks

    async def _work(self, tasks: list[Task]) -> None:
        self._lost.clear()
        self._held = {task.id: Held(self, task) for task in tasks}
        commits: list[Commit] = []
        failures: list[Failure] = []
        for task in tasks:
            if task.id in self._lost:
                continue
            try:
                made = await self._execute(task, self._held[task.id])
            except Broken as error:
                failures.append(_failure(task, str(error)))
            else:
                commits.append(_commit(task, made))
        await insist(lambda: self.queue.fail(failures))
        await self.commit(commits)
        self._held = {}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 4)
            beats = [held.beat for held in self._held.values()]
            with contextlib.suppress(EngineUnavailable, Conflict):
                self._lost.update(await self.queue.beat(beats))


def _commit(task: Task, made: Made) -> Commit:
    return Commit(task.id, task.epoch, made.sha256, made.result, then=tuple(made.then))


def _failure(task: Task, words: str) -> Failure:
    problem = EngineUnavailable("encoding.child_failed", "the child failed").problem()
    return Failure(task.id, task.epoch, problem, last_words=words)


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """Say it until it is answered: what was heard already is told by its ack."""
    while True:
        try:
            return await call()
        except (EngineUnavailable, Conflict):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def queue_at(place: str, lease_s: float, chance: Random) -> AsyncIterator[Queue]:
    """Give the queue at a PostgreSQL address, or at the socket of whoever serves it."""
    if not place.startswith("postgresql://"):
        yield QueueClient(Path(place))
        return
    from bijou.engines.postgres import PostgresRecords  # noqa: PLC0415 - workers on a socket start faster
    from bijou.engines.records_queue import RecordsQueue  # noqa: PLC0415 - as above
    from bijou.ports import SystemClock  # noqa: PLC0415 - as above

    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # a restart is what is meant to happen
    records = PostgresRecords(place, serial=False, connections=2, busy_timeout_s=lease_s)
    yield RecordsQueue(records, SystemClock(), chance, lease_s=lease_s, backoff_s=0.05, backoff_cap_s=0.5)
    await records.close()


def executor_of(name: str, folder: Path, chance: Random) -> Executor:
    module, _, function = name.partition(":")
    made: Executor = getattr(import_module(module), function)(folder, chance)
    return made


async def main(
    name: str, folder: Path, place: str, lease_s: float, seed: int, batch: int, executor: str
) -> None:
    chance = Random(seed)
    journal = Journal(folder / "journal" / f"{name}-{seed}")
    execute = executor_of(executor, folder, chance)
    async with queue_at(place, lease_s, chance) as queue:
        await Worker(name, queue, execute, journal, lease_s, batch).run()


if __name__ == "__main__":
    if "--mutant" in sys.argv:
        from benchmarks.encode_chaos.mutant import forget_epochs

        forget_epochs()
    words = sys.argv[1:8]
    numbers = float(words[3]), int(words[4]), int(words[5])
    asyncio.run(main(words[0], Path(words[1]), words[2], *numbers, words[6]))
