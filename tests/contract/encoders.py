"""An encoder without encodes: it does a title's tasks, and makes of them what a test says."""

import hashlib

from bijou.catalog import Publication
from bijou.encoding import Job, group_of
from bijou.ports import Ack, Commit, Failure, NewTask, Problem, Queue, Task
from bijou.runtime import codec


class StandIn:
    """Claims a job's tasks and says what became of them.

    The first task stays with it, so that it can add others as parts of that.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._first: dict[str, Task] = {}
        self._parts: dict[str, int] = {}
        self._taken: dict[str, Task] = {}

    async def begin(self, job: Job) -> Task:
        """Take a job's first task, unless it is taken."""
        if job.id not in self._first:
            self._first[job.id] = await self._claimed("inspect", job)
        return self._first[job.id]

    async def arrive(self, job: Job, publication: Publication) -> None:
        """Let a job's title be watchable while it is still being made."""
        task = await self._added(job, "live")
        await self._commit(task, codec.encode(publication), sequence=0)

    async def finish(self, job: Job, publication: Publication) -> None:
        """Let all of a job's title be there."""
        task = await self._added(job, "publish")
        await self._commit(task, codec.encode(publication))

    async def fail(self, job: Job, problem: Problem, *, retry: bool = False) -> None:
        """Let a job's first task fail."""
        task = await self.begin(job)
        del self._first[job.id]
        await self._queue.fail([Failure(task.id, task.epoch, problem, retry=retry, last_words="oh dear")])

    async def add(self, job: Job, kind: str, *, priority: int = 4) -> str:
        """Add one task to a job, as its first one does."""
        first, group = await self.begin(job), group_of(job.asset, job.version)
        sequence = self._parts.setdefault(job.id, 0)
        self._parts[job.id] += 1
        task = NewTask(f"{group}/{kind}", group, kind, priority=priority)
        await self._commit(first, b"", sequence=sequence, then=task)
        return task.id

    async def _added(self, job: Job, kind: str) -> Task:
        await self.add(job, kind)
        return await self._claimed(kind, job)

    async def _claimed(self, kind: str, job: Job) -> Task:
        name = f"{group_of(job.asset, job.version)}/{kind}"
        self._taken.update({task.id: task for task in await self._queue.claim("stand-in", [kind], 100)})
        return self._taken.pop(name)

    async def _commit(
        self, task: Task, result: bytes, *, sequence: int | None = None, then: NewTask | None = None
    ) -> None:
        sha256 = hashlib.sha256(result).hexdigest()
        commit = Commit(task.id, task.epoch, sha256, result, sequence, (then,) if then else ())
        assert await self._queue.commit([commit]) == [Ack.COMMITTED]
