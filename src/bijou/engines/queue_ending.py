"""How attempts at tasks end: well, in parts, in failure, or by silence."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from bijou.engines.queue_ranking import Places
from bijou.engines.queue_tables import NEEDS, PARTS, TASKS, change, in_state, one_of
from bijou.ports import Ack, Commit, EngineUnavailable, Instant, InvalidRequest, Problem, TaskState
from bijou.runtime import codec

MOST_RESULT_BYTES = 1 << 20
SILENCE = EngineUnavailable("queue.worker_lost", "the worker stopped answering").problem()

_DIGEST = re.compile(r"[0-9a-f]{64}")
_WORDS = 4000  # characters of last words that are kept


def check(commit: Commit) -> None:
    """Refuse a commit that could never be kept."""
    if not _DIGEST.fullmatch(commit.sha256):
        raise _bad(commit, f"has the sha256 {commit.sha256!r}; it is 64 hex digits in lower case")
    if commit.sequence is not None and commit.sequence < 0:
        raise _bad(commit, f"has the sequence {commit.sequence}; the first is 0")
    if len(commit.result) > MOST_RESULT_BYTES:
        raise _bad(commit, f"has a result of {len(commit.result)} bytes; at most {MOST_RESULT_BYTES}")


def said_before(db: Connection, commit: Commit) -> Ack:
    """Return what a commit means whose task does not run under its epoch."""
    row = db.execute(
        select(TASKS.c.state, TASKS.c.epoch, TASKS.c.sha256).where(TASKS.c.id == commit.task)
    ).first()
    if row is None or row.epoch != commit.epoch or row.state != TaskState.DONE.value:
        return Ack.LOST
    if commit.sequence is None:
        return Ack.REPEATED if row.sha256 == commit.sha256 else Ack.DIFFERS
    return _part_said(db, commit) or Ack.LOST


def keep_part(db: Connection, commit: Commit) -> Ack:
    """Keep one part of a running task, unless it is there already."""
    said = _part_said(db, commit)
    if said is not None:
        return said
    db.execute(
        insert(PARTS).values(
            task=commit.task, sequence=commit.sequence, sha256=commit.sha256, result=commit.result
        )
    )
    return Ack.COMMITTED


def end(db: Connection, commits: Sequence[Commit], now: Instant) -> None:
    """End running tasks well, and count that down at all who wait for them."""
    change(
        db,
        [{"id": one.task, "sha256": one.sha256, "result": one.result} for one in commits],
        state=TaskState.DONE.value,
        progress=1.0,
        lease_until_at=None,
        problem=None,
        last_words="",
        ended_at=int(now),
    )
    met = (
        select(NEEDS.c.task.label("task"), func.count().label("met"))
        .where(one_of(db, NEEDS.c.need, [commit.task for commit in commits]))
        .group_by(NEEDS.c.task)
        .subquery()
    )
    _count_down(db, met, now)


def _count_down(db: Connection, met: Any, now: Instant) -> None:
    """Take what is met off the needs of waiting tasks; the last one makes a task ready."""
    waiting = db.execute(
        select(TASKS, met.c.met)
        .join(met, met.c.task == TASKS.c.id)
        .where(in_state(TaskState.WAITING))
        .order_by(TASKS.c.number)
        .with_for_update(of=TASKS)
    ).all()
    change(db, [{"id": row.id, "unmet": row.unmet - row.met} for row in waiting if row.unmet > row.met])
    make_ready(db, [row for row in waiting if row.unmet == row.met], now)


def make_ready(db: Connection, rows: Sequence[Any], now: Instant) -> None:
    """Let tasks be handed out that were not, with the turns of newcomers and all their attempts."""
    places = Places(db, now)
    changes: list[dict[str, object]] = []
    for row in rows:
        turn = places.turn_at(row.group, row.priority, row.work_s)
        changes.append({"id": row.id, **places.columns(row.priority, turn, row.begin_at)})
    change(
        db,
        changes,
        state=TaskState.READY.value,
        unmet=0,
        tried=0,
        not_before_at=0,
        ended_at=None,
        ready_at=int(now),
    )


def put_back(
    db: Connection, row: Any, problem: Problem, last_words: str, now: Instant, *, wait_s: float | None
) -> None:
    """End an attempt that made nothing: ready again after a wait, or dead.

    Args:
        row: The task's id, and how often it was tried of how many times.
        wait_s: None: no other attempt would help.
    """
    again = wait_s is not None and row.tried < row.attempts
    db.execute(
        update(TASKS)
        .where(TASKS.c.id == row.id)
        .values(
            state=TaskState.READY.value if again else TaskState.DEAD.value,
            worker="",
            lease_until_at=None,
            not_before_at=int(now.plus_s(wait_s or 0.0)) if again else 0,
            ended_at=None if again else int(now),
            problem=codec.encode(problem).decode(),
            last_words=storable(last_words)[-_WORDS:],
        )
    )


def reclaim(db: Connection, now: Instant) -> None:
    """Take back what is held by silence; what its worker last said of it are its last words."""
    silent = (
        select(TASKS.c.id, TASKS.c.tried, TASKS.c.attempts, TASKS.c.note)
        .where(in_state(TaskState.RUNNING), TASKS.c.lease_until_at <= int(now))
        .order_by(TASKS.c.number)
        .with_for_update(skip_locked=True)
    )
    for row in db.execute(silent).all():
        put_back(db, row, SILENCE, row.note, now, wait_s=0.0)


def storable(text: str) -> str:
    """Return text that every engine can keep: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _part_said(db: Connection, commit: Commit) -> Ack | None:
    there = db.execute(
        select(PARTS.c.sha256).where(PARTS.c.task == commit.task, PARTS.c.sequence == commit.sequence)
    ).scalar()
    if there is None:
        return None
    return Ack.REPEATED if there == commit.sha256 else Ack.DIFFERS


def _bad(commit: Commit, rule: str) -> InvalidRequest:
    return InvalidRequest("queue.bad_commit", f"the commit of task {commit.task!r} {rule}")
