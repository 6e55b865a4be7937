"""Durable work in a graph: tasks with needs, leases, and commits that count once."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from bijou.ports.errors import Problem
from bijou.ports.instant import Instant

LOWEST_PRIORITY, HIGHEST_PRIORITY = 0, 9


class TaskState(StrEnum):
    """Where a task is; `DONE` and `CANCELLED` are final, `DEAD` until it is retried."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


class NewTask(msgspec.Struct, frozen=True):
    """Work to be done once everything that it needs is done.

    Args:
        id: 1 to 128 characters of `a-z A-Z 0-9 . _ - /`, chosen by whoever adds it: adding it
            again changes nothing.
        group: What it belongs to, such as one title's encode.
        kind: Which sort of worker can do it.
        payload: Opaque to the queue; at most 256 KiB.
        needs: Ids of tasks that must be done before; they are added before it
            or with it.
        priority: 0 to 9; waiting makes up for it, see `Queue.claim`.
        deadline_at: By when it should be done, or None.
        attempts: Times it is handed out before it is given up, >= 1.
        work_s: Estimated seconds of work, for whoever plans capacity.
    """

    id: str
    group: str
    kind: str
    payload: bytes = b""
    needs: tuple[str, ...] = ()
    priority: int = 4
    deadline_at: Instant | None = None
    attempts: int = 5
    work_s: float = 1.0


class Task(msgspec.Struct, frozen=True):
    """A task as the queue knows it.

    Args:
        epoch: Grows by one each time it is handed out; whoever speaks under an
            older one is not heard.
        tried: How often it was handed out since it was added or retried.
        progress: 0 to 1, as its worker last said.
        note: What its worker last said of it.
        sha256: Hex digest of what it made, once done.
        result: What its last commit said, once done.
        problem: Why its last attempt failed.
        last_words: The end of what the failed attempt wrote to its log.
        not_before_at: When it may be handed out again after a failure.
        lease_until_at: Until when its worker holds it, while it runs.
    """

    id: str
    group: str
    kind: str
    payload: bytes
    needs: tuple[str, ...]
    priority: int
    deadline_at: Instant | None
    attempts: int
    work_s: float
    state: TaskState
    created_at: Instant
    epoch: int = 0
    tried: int = 0
    worker: str = ""
    progress: float = 0.0
    note: str = ""
    sha256: str = ""
    result: bytes = b""
    problem: Problem | None = None
    last_words: str = ""
    not_before_at: Instant | None = None
    lease_until_at: Instant | None = None
    ended_at: Instant | None = None


class Part(msgspec.Struct, frozen=True):
    """One committed part of a task's result."""

    task: str
    sequence: int
    sha256: str
    result: bytes


class Beat(msgspec.Struct, frozen=True):
    """A worker's sign of life for one task; renews its lease."""

    task: str
    epoch: int
    progress: float = 0.0
    note: str = ""


class Commit(msgspec.Struct, frozen=True):
    """What an attempt has made: all of it, or one part.

    Args:
        sha256: 64 hex digits of what was made; the same work made again must
            give the same.
        result: What others need to know of it; at most 1 MiB.
        sequence: None ends the task; a number, from 0, commits that part and
            leaves the task running.
        then: Tasks added in the same transaction.
    """

    task: str
    epoch: int
    sha256: str
    result: bytes = b""
    sequence: int | None = None
    then: tuple[NewTask, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """How an attempt ended that made nothing.

    Args:
        retry: Another attempt may help; otherwise the task is dead at once.
    """

    task: str
    epoch: int
    problem: Problem
    retry: bool = True
    last_words: str = ""


class Ack(StrEnum):
    """What became of a commit or a failure.

    `REPEATED`: it was said before, and counted then. `LOST`: the lease is
    another's, or the task was cancelled; drop the work. `DIFFERS`: another
    digest is committed for this part already; drop the work, for the recipe is
    not reproducible.
    """

    COMMITTED = "committed"
    REPEATED = "repeated"
    LOST = "lost"
    DIFFERS = "differs"


class Steer(msgspec.Struct, frozen=True):
    """An operator's word about one task or a whole group; exactly one is named.

    Args:
        order: `cancel` ends what is not done yet, and its dependants; `retry`
            gives dead tasks all their attempts again; `reprioritise` sets the
            priority of what is not done yet.
    """

    order: str
    task: str = ""
    group: str = ""
    priority: int = 4


class Load(msgspec.Struct, frozen=True):
    """What one kind of worker has before it: the signals to scale by.

    Args:
        ready: Tasks that could be handed out now.
        later: Tasks that wait for others or for their next attempt.
        oldest_s: How long the oldest ready one has waited.
        work_s: Estimated seconds of work, ready and running.
        late: Tasks that are still to be done and whose deadline has passed.
    """

    kind: str
    ready: int
    later: int
    running: int
    dead: int
    oldest_s: float
    work_s: float
    late: int


class Queue(Protocol):
    """A durable queue of tasks in a graph; nothing is lost, nothing counts twice.

    A task is handed out at least once; what it made counts exactly once: a
    commit is heard only under the newest epoch, and counted down at its
    dependants in its own transaction. Nothing is locked while work is done.
    """

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Add tasks, all or none, and return how many were new.

        Raises:
            InvalidRequest: `queue.bad_task`, with the task and the rule: a need
                that does not exist or is cancelled, a circle, a payload too
                long; `queue.bad_priority`.
        """
        ...

    async def claim(self, worker: str, kinds: Sequence[str], limit: int = 1) -> list[Task]:
        """Hand out up to `limit` ready tasks of these kinds, each under a lease of its own.

        The most urgent first. Groups take turns: the ready tasks of one group
        and priority stand behind each other by their seconds of work, so a
        large group leaves room for a small one that comes later. A step of
        priority is worth a minute of waiting; a deadline outranks what comes
        new from ten minutes before the work must begin. A task whose lease has
        run out is ready again, or dead where it has been tried often enough;
        its last words are then its worker's last note.
        """
        ...

    async def beat(self, beats: Sequence[Beat]) -> list[str]:
        """Renew leases and note progress; return the tasks that are no longer the worker's."""
        ...

    async def commit(self, commits: Sequence[Commit]) -> list[Ack]:
        """Record what was made, all of the commits in one transaction; see `Ack`.

        Raises:
            InvalidRequest: `queue.bad_commit`, a digest, a sequence or a result
                breaks its rule; `queue.bad_task`, one of `then` does. Nothing
                of any of the commits is kept.
        """
        ...

    async def fail(self, failures: Sequence[Failure]) -> list[Ack]:
        """End attempts; a task is ready again after a jittered wait, or dead.

        Said twice, a failure is lost the second time.
        """
        ...

    async def steer(self, steer: Steer) -> int:
        """Cancel, retry or reprioritise; return how many tasks that changed.

        Raises:
            InvalidRequest: `queue.bad_steer`, `queue.bad_priority`.
            NotFound: `queue.no_task`, nothing has this name.
        """
        ...

    async def tasks(
        self, *, group: str = "", task: str = "", states: Sequence[TaskState] = (), limit: int = 1000
    ) -> tuple[list[Task], list[Part]]:
        """Return tasks in the order in which they were added, and the parts of those."""
        ...

    async def load(self) -> list[Load]:
        """Return what each kind has before it."""
        ...
