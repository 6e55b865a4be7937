"""Short words for what tests say to a queue."""

from collections.abc import Sequence

from bijou.ports import (
    Ack,
    Commit,
    EngineUnavailable,
    Failure,
    NewTask,
    Part,
    Queue,
    Task,
    TaskState,
)

KINDS = ("plan", "chunk", "publish")
BROKEN = EngineUnavailable("encoding.child_failed", "ffmpeg ended with signal SIGSEGV").problem()
A, B = "a" * 64, "b" * 64


def chunk(name: str, *needs: str, group: str = "film", **more: object) -> NewTask:
    return NewTask(name, group, "chunk", needs=needs, **more)  # type: ignore[arg-type]


def done(task: Task, sha256: str = A, *, then: Sequence[NewTask] = (), result: bytes = b"") -> Commit:
    return Commit(task.id, task.epoch, sha256, result, then=tuple(then))


def part(task: Task, sequence: int, sha256: str = A, *, then: Sequence[NewTask] = ()) -> Commit:
    return Commit(task.id, task.epoch, sha256, b"facts", sequence, tuple(then))


def failed(task: Task, *, retry: bool = True, words: str = "") -> Failure:
    return Failure(task.id, task.epoch, BROKEN, retry=retry, last_words=words)


async def claimed(queue: Queue, worker: str = "w1", limit: int = 1) -> list[Task]:
    return await queue.claim(worker, KINDS, limit)


async def one(queue: Queue, worker: str = "w1") -> Task:
    (task,) = await claimed(queue, worker)
    return task


async def commit(queue: Queue, *commits: Commit) -> list[Ack]:
    return await queue.commit(commits)


async def look(queue: Queue, name: str) -> Task:
    (task,), _ = await queue.tasks(task=name)
    return task


async def states(queue: Queue) -> dict[str, TaskState]:
    return {task.id: task.state for task in (await queue.tasks())[0]}


async def parts(queue: Queue, name: str) -> list[Part]:
    return (await queue.tasks(task=name))[1]
