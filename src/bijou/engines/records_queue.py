"""The queue on records: the same statements on SQLite and on PostgreSQL."""

from collections.abc import Sequence
from random import Random

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    update,
)

from bijou.algorithms.backoff import full_jitter
from bijou.engines import queue_adding as adding
from bijou.engines import queue_ending as ending
from bijou.engines.queue_steering import steer as steered
from bijou.engines.queue_tables import PARTS, TASKS, change, in_state, one_of, part_of, task_of
from bijou.ports import (
    Ack,
    Beat,
    Clock,
    Commit,
    Failure,
    Instant,
    Load,
    NewTask,
    Part,
    Records,
    Steer,
    Task,
    TaskState,
)

_OPEN = (TaskState.WAITING.value, TaskState.READY.value, TaskState.RUNNING.value, TaskState.DEAD.value)
_NOTE = 200  # characters of a beat's note that are kept


class RecordsQueue:
    """`Queue` in three tables.

    A claim takes a task's row, raises its epoch and gives it a lease; whoever
    writes later must know the epoch, so a worker that was frozen past its
    lease changes nothing. How many needs a task still has is counted down in
    the transaction that ends a need: its last one makes it ready, once.

    Leases are told by the clocks of those who call, so clocks of several
    machines should agree to a fraction of a lease; where they do not, work is
    done twice, and still counts once.

    Cost: a durable transaction a call, however many tasks the call is about:
    batches are how it is made fast. A claim looks at as many rows as it takes,
    and where it finds none it writes nothing.
    Threads: any event loop may call; on PostgreSQL also any number of
    processes, which skip the rows that another one is just taking. On SQLite
    few, on one machine: one writes at a time, and one that is frozen over a
    write holds up the others until it is killed.

    Args:
        records: On PostgreSQL not serial: rows are locked here.
        chance: Draws the waits before retries.
        lease_s: Seconds without a beat after which a task is handed to another.
        backoff_s: Upper bound of the first wait before a retry.
        backoff_cap_s: Upper bound of any.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        chance: Random,
        *,
        lease_s: float = 15.0,
        backoff_s: float = 1.0,
        backoff_cap_s: float = 60.0,
    ) -> None:
        self._records = records
        self._clock = clock
        self._chance = chance
        self._lease_s = lease_s
        self._backoff_s = backoff_s
        self._backoff_cap_s = backoff_cap_s

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Add tasks, all or none, and return how many were new."""
        if not tasks:
            return 0
        return await self._records.write(lambda db: adding.add(db, tasks, self._clock.now()))

    async def claim(self, worker: str, kinds: Sequence[str], limit: int = 1) -> list[Task]:
        """Hand out up to `limit` ready tasks of these kinds."""
        return await self._records.write(lambda db: self._claim(db, worker, kinds, limit))

    async def beat(self, beats: Sequence[Beat]) -> list[str]:
        """Renew leases and note progress; return the tasks that are no longer the worker's."""
        if not beats:
            return []
        return await self._records.write(lambda db: self._beat(db, beats))

    async def commit(self, commits: Sequence[Commit]) -> list[Ack]:
        """Record what was made, in one transaction."""
        for commit in commits:
            ending.check(commit)
        if not commits:
            return []
        return await self._records.write(lambda db: self._commit(db, commits))

    async def fail(self, failures: Sequence[Failure]) -> list[Ack]:
        """End attempts; a task is ready again after a jittered wait, or dead."""
        if not failures:
            return []
        return await self._records.write(lambda db: self._fail(db, failures))

    async def steer(self, steer: Steer) -> int:
        """Cancel, retry or reprioritise; return how many tasks that changed."""
        return await self._records.write(lambda db: steered(db, steer, self._clock.now()))

    async def tasks(
        self, *, group: str = "", task: str = "", states: Sequence[TaskState] = (), limit: int = 1000
    ) -> tuple[list[Task], list[Part]]:
        """Return tasks in the order in which they were added, and the parts of those."""
        wanted = select(TASKS).order_by(TASKS.c.number).limit(limit)
        if group:
            wanted = wanted.where(TASKS.c.group == group)
        if task:
            wanted = wanted.where(TASKS.c.id == task)
        if states:
            wanted = wanted.where(TASKS.c.state.in_([state.value for state in states]))
        return await self._records.read(lambda db: _found(db, wanted))

    async def load(self) -> list[Load]:
        """Return what each kind has before it."""
        return await self._records.read(lambda db: _load(db, self._clock.now()))

    def _claim(self, db: Connection, worker: str, kinds: Sequence[str], limit: int) -> list[Task]:
        now = self._clock.now()
        ending.reclaim(db, now)
        found = [row for kind in sorted(set(kinds)) for row in db.execute(_next(int(now), kind, limit))]
        chosen = sorted(found, key=_place)[:limit]
        if not chosen:
            return []
        taken = db.execute(
            update(TASKS)
            .where(one_of(db, TASKS.c.number, [row.number for row in chosen]))
            .values(
                state=TaskState.RUNNING.value,
                epoch=TASKS.c.epoch + 1,
                tried=TASKS.c.tried + 1,
                worker=ending.storable(worker),
                lease_until_at=int(now.plus_s(self._lease_s)),
                not_before_at=0,
                progress=0.0,
                note="",
            )
            .returning(TASKS)
        )
        return [task_of(row) for row in sorted(taken, key=_place)]

    def _beat(self, db: Connection, beats: Sequence[Beat]) -> list[str]:
        held = _held(db, beats)
        lease = int(self._clock.now().plus_s(self._lease_s))
        alive = {
            beat.task: {
                "id": beat.task,
                "progress": min(1.0, max(0.0, beat.progress)),
                "note": ending.storable(beat.note)[:_NOTE],
            }
            for beat in beats
            if (beat.task, beat.epoch) in held
        }
        change(db, list(alive.values()), lease_until_at=lease)
        return [beat.task for beat in beats if (beat.task, beat.epoch) not in held]

    def _commit(self, db: Connection, commits: Sequence[Commit]) -> list[Ack]:
        now = self._clock.now()
        adding.hold_groups(db, [task for commit in commits for task in commit.then])
        held = _held(db, commits)
        ended: dict[tuple[str, int], Commit] = {}
        acks = []
        for commit in commits:
            acks.append(self._ack(db, commit, held, ended))
            if acks[-1] is Ack.COMMITTED and commit.then:
                adding.add(db, commit.then, now)
        if ended:
            ending.end(db, list(ended.values()), now)
        return acks

    def _ack(
        self,
        db: Connection,
        commit: Commit,
        held: set[tuple[str, int]],
        ended: dict[tuple[str, int], Commit],
    ) -> Ack:
        """Return what becomes of one commit; those in `ended` are still to be written."""
        name = commit.task, commit.epoch
        if name not in held:
            return ending.said_before(db, commit)
        if commit.sequence is not None:
            return ending.keep_part(db, commit) if name not in ended else Ack.LOST
        first = ended.setdefault(name, commit)
        if first is commit:
            return Ack.COMMITTED
        return Ack.REPEATED if first.sha256 == commit.sha256 else Ack.DIFFERS

    def _fail(self, db: Connection, failures: Sequence[Failure]) -> list[Ack]:
        now = self._clock.now()
        held = _held(db, failures)
        acks = []
        for failure in failures:
            if (failure.task, failure.epoch) not in held:
                acks.append(Ack.LOST)
                continue
            held.discard((failure.task, failure.epoch))
            row = db.execute(
                select(TASKS.c.id, TASKS.c.tried, TASKS.c.attempts).where(TASKS.c.id == failure.task)
            ).one()
            wait_s = self._wait_s(row.tried) if failure.retry else None
            ending.put_back(db, row, failure.problem, failure.last_words, now, wait_s=wait_s)
            acks.append(Ack.COMMITTED)
        return acks

    def _wait_s(self, tried: int) -> float:
        return full_jitter(tried - 1, base_s=self._backoff_s, cap_s=self._backoff_cap_s, chance=self._chance)


def _is_due(now: int, kind: str) -> ColumnElement[bool]:
    return and_(in_state(TaskState.READY), TASKS.c.kind == kind, TASKS.c.not_before_at <= now)


def _next(now: int, kind: str, limit: int) -> Select[tuple[int, int]]:
    """Choose the first of one kind: an index holds them in order, and of several kinds it would not."""
    return (
        select(TASKS.c.number, TASKS.c.rank)
        .where(_is_due(now, kind))
        .order_by(TASKS.c.rank, TASKS.c.number)
        .limit(max(limit, 0))
        .with_for_update(skip_locked=True)
    )


def _place(row: Row[tuple[object, ...]]) -> tuple[int, int]:
    return row.rank, row.number


def _held(db: Connection, said: Sequence[Beat | Commit | Failure]) -> set[tuple[str, int]]:
    """Return the tasks and epochs that are spoken of and run; they do until the end of the transaction."""
    running = (
        select(TASKS.c.id, TASKS.c.epoch)
        .where(one_of(db, TASKS.c.id, {one.task for one in said}), in_state(TaskState.RUNNING))
        .order_by(TASKS.c.number)
        .with_for_update()
    )
    return {(row.id, row.epoch) for row in db.execute(running)}


def _found(db: Connection, wanted: "Select[tuple[object, ...]]") -> tuple[list[Task], list[Part]]:
    tasks = [task_of(row) for row in db.execute(wanted)]
    chosen = wanted.with_only_columns(TASKS.c.id, TASKS.c.number).subquery()
    parts = (
        select(PARTS).join(chosen, chosen.c.id == PARTS.c.task).order_by(chosen.c.number, PARTS.c.sequence)
    )
    return tasks, [part_of(row) for row in db.execute(parts)]


def _load(db: Connection, now: Instant) -> list[Load]:
    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    state, due = TASKS.c.state, TASKS.c.not_before_at <= int(now)
    ready, running = state == TaskState.READY.value, state == TaskState.RUNNING.value
    late = and_(state != TaskState.DEAD.value, TASKS.c.deadline_at < int(now))
    rows = db.execute(
        select(
            TASKS.c.kind,
            counted(and_(ready, due)).label("ready"),
            counted(or_(state == TaskState.WAITING.value, and_(ready, not_(due)))).label("later"),
            counted(running).label("running"),
            counted(state == TaskState.DEAD.value).label("dead"),
            func.min(case((and_(ready, due), TASKS.c.ready_at))).label("oldest_at"),
            func.sum(case((or_(ready, running), TASKS.c.work_s), else_=0.0)).label("work_s"),
            counted(late).label("late"),
        )
        .where(state.in_(_OPEN))
        .group_by(TASKS.c.kind)
        .order_by(TASKS.c.kind)
    )
    return [
        Load(
            kind=row.kind,
            ready=int(row.ready),
            later=int(row.later),
            running=int(row.running),
            dead=int(row.dead),
            oldest_s=0.0 if row.oldest_at is None else (int(now) - row.oldest_at) / 1e6,
            work_s=float(row.work_s),
            late=int(row.late),
        )
        for row in rows
    ]
