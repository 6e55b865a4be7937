"""The tables of the queue: tasks, what they need, and parts of what they made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    any_,
    bindparam,
    column,
    func,
    literal,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import REAL, TypeEngine

from bijou.ports import Instant, Part, Problem, Task, TaskState
from bijou.runtime import codec

METADATA = MetaData()
# What a STRICT table knows: INTEGER and REAL of eight bytes, which are four on PostgreSQL.
_Int64 = BigInteger().with_variant(Integer(), "sqlite")
_Float64: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

TASKS = Table(
    "queue_tasks",
    METADATA,
    Column("number", _Int64, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("group", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("needs", Text, nullable=False),
    Column("unmet", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("deadline_at", _Int64),
    Column("attempts", Integer, nullable=False),
    Column("work_s", _Float64, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", _Int64, nullable=False),
    Column("ready_at", _Int64, nullable=False),
    Column("turn_at", _Int64, nullable=False),
    Column("begin_at", _Int64, nullable=False),
    Column("rank", _Int64, nullable=False),
    Column("not_before_at", _Int64, nullable=False),
    Column("epoch", _Int64, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("lease_until_at", _Int64),
    Column("progress", _Float64, nullable=False),
    Column("note", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("problem", Text),
    Column("last_words", Text, nullable=False),
    Column("ended_at", _Int64),
    CheckConstraint(
        "state IN ('waiting', 'ready', 'running', 'done', 'dead', 'cancelled')", name="queue_tasks_state"
    ),
    CheckConstraint("priority BETWEEN 0 AND 9", name="queue_tasks_priority"),
    CheckConstraint("attempts >= 1 AND tried >= 0 AND epoch >= tried", name="queue_tasks_tried"),
    CheckConstraint(
        "CASE state WHEN 'waiting' THEN unmet > 0 WHEN 'cancelled' THEN unmet >= 0 ELSE unmet = 0 END",
        name="queue_tasks_unmet",
    ),
    CheckConstraint("(state = 'running') = (lease_until_at IS NOT NULL)", name="queue_tasks_lease"),
    CheckConstraint("progress BETWEEN 0 AND 1", name="queue_tasks_progress"),
    CheckConstraint(
        "(state IN ('done', 'dead', 'cancelled')) = (ended_at IS NOT NULL)", name="queue_tasks_ended"
    ),
    CheckConstraint("(state = 'done') = (sha256 <> '')", name="queue_tasks_sha256"),
    Index("queue_tasks_group", "group", "number"),
    sqlite_strict=True,
)


def in_state(state: TaskState) -> ColumnElement[bool]:
    """Return the condition that a task is in a state, in words that a partial index knows."""
    return TASKS.c.state == literal(state.value, literal_execute=True)


def _index(name: str, state: TaskState, *columns: str) -> None:
    """Index the tasks of one state, so that those in all others cost nothing."""
    where = text(f"state = '{state.value}'")
    Index(name, *(TASKS.c[column] for column in columns), sqlite_where=where, postgresql_where=where)


_index("queue_tasks_next", TaskState.READY, "kind", "rank", "number")
_index("queue_tasks_turn", TaskState.READY, "group", "priority", "turn_at", "number")
_index("queue_tasks_lapsing", TaskState.RUNNING, "lease_until_at")
_index("queue_tasks_waiting", TaskState.WAITING, "number")
NEEDS = Table(
    "queue_needs",
    METADATA,
    Column("task", Text, ForeignKey("queue_tasks.id"), primary_key=True),
    Column("need", Text, ForeignKey("queue_tasks.id"), primary_key=True),
    Index("queue_needs_need", "need"),
    sqlite_strict=True,
)
PARTS = Table(
    "queue_parts",
    METADATA,
    Column("task", Text, ForeignKey("queue_tasks.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
    CheckConstraint("sequence >= 0", name="queue_parts_sequence"),
    sqlite_strict=True,
)


def one_of(db: Connection, column: Column[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of the values.

    Cost: on PostgreSQL one parameter, so that a statement is the same for any
    number of them and is not built anew.
    """
    if db.dialect.name != "postgresql":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def change(db: Connection, rows: Sequence[Mapping[str, object]], **alike: object) -> None:
    """Give each task, named by its `id`, values of its own, and some that are alike.

    Cost: one statement; PostgreSQL would take a round trip's work for each row.
    """
    if not rows:
        return
    own = [name for name in rows[0] if name != "id"]
    if db.dialect.name != "postgresql":
        values = {**alike, **{name: bindparam(f"_{name}") for name in own}}
        prefixed = [{f"_{name}": value for name, value in row.items()} for row in rows]
        db.execute(update(TASKS).where(TASKS.c.id == bindparam("_id")).values(values), prefixed)
        return
    columns = [TASKS.c[name] for name in ("id", *own)]
    arrays = [literal([row[each.name] for row in rows], ARRAY(each.type)) for each in columns]
    given = func.unnest(*arrays).table_valued(
        *(column(each.name, each.type) for each in columns), name="given"
    )
    given = given.render_derived()
    values = {**alike, **{name: given.c[name] for name in own}}
    db.execute(update(TASKS).where(TASKS.c.id == given.c.id).values(values))


def task_of(row: Row[tuple[object, ...]]) -> Task:
    """Return the task that a row of `TASKS` tells."""
    return Task(
        id=row.id,
        group=row.group,
        kind=row.kind,
        payload=bytes(row.payload),
        needs=tuple(codec.decode(row.needs, list[str])),
        priority=row.priority,
        deadline_at=_instant(row.deadline_at),
        attempts=row.attempts,
        work_s=row.work_s,
        state=TaskState(row.state),
        created_at=Instant(row.created_at),
        epoch=row.epoch,
        tried=row.tried,
        worker=row.worker,
        progress=row.progress,
        note=row.note,
        sha256=row.sha256,
        result=bytes(row.result),
        problem=codec.decode(row.problem, Problem) if row.problem else None,
        last_words=row.last_words,
        not_before_at=_instant(row.not_before_at or None),
        lease_until_at=_instant(row.lease_until_at),
        ended_at=_instant(row.ended_at),
    )


def part_of(row: Row[tuple[object, ...]]) -> Part:
    """Return the part that a row of `PARTS` tells."""
    return Part(row.task, row.sequence, row.sha256, bytes(row.result))


def _instant(at: int | None) -> Instant | None:
    return None if at is None else Instant(at)
