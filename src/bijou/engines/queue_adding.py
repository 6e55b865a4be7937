"""How tasks come into the queue."""

import re
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from sqlalchemy import Connection, func, insert, select

from bijou.engines.queue_ranking import NEVER, Places, begin_at, check_priority
from bijou.engines.queue_tables import NEEDS, TASKS, one_of
from bijou.ports import Instant, InvalidRequest, NewTask, TaskState
from bijou.runtime import codec

MOST_PAYLOAD_BYTES = 256 << 10

_NAME = re.compile(r"[A-Za-z0-9._/-]{1,128}")
_AT_ONCE = 5000  # a statement takes 32,766 values on SQLite
_LOCKS = 0x62696A6F  # the first key of the advisory locks on groups: any number that is ours alone


def add(db: Connection, tasks: Sequence[NewTask], now: Instant) -> int:
    """Add those of the tasks that are new, and return how many that were."""
    ordered = _in_order(tasks)
    if not ordered:
        return 0
    hold_groups(db, ordered)
    there = _states(db, {name for task in tasks for name in (task.id, *task.needs)})
    fresh = [task for task in ordered if task.id not in there]
    coming = {task.id for task in fresh}
    places = Places(db, now)
    rows = []
    for task in fresh:
        _check_needs(task, there, coming)
        unmet = sum(there.get(need) != TaskState.DONE.value for need in set(task.needs))
        rows.append(_row(task, unmet, places, now))
    if rows:
        db.execute(insert(TASKS), rows)
    edges = [{"task": task.id, "need": need} for task in fresh for need in sorted(set(task.needs))]
    if edges:
        db.execute(insert(NEEDS), edges)
    return len(rows)


def hold_groups(db: Connection, tasks: Iterable[NewTask]) -> None:
    """Let nobody else add to these groups until the end of the transaction.

    Two processes that add the same tasks at the same moment would both find
    them missing. SQLite has one writer anyway.
    """
    if db.dialect.name != "postgresql":
        return
    for group in sorted({task.group for task in tasks}):
        db.execute(select(func.pg_advisory_xact_lock(_LOCKS, func.hashtext(group))))


def slices(values: Iterable[str]) -> Iterator[list[str]]:
    """Cut values into lists that one statement takes."""
    rest = sorted(values)
    for start in range(0, len(rest), _AT_ONCE):
        yield rest[start : start + _AT_ONCE]


def _in_order(tasks: Sequence[NewTask]) -> list[NewTask]:
    """Return tasks so that each stands behind what it needs; the first of equal ids counts."""
    by_id: dict[str, NewTask] = {}
    for task in tasks:
        _check(task)
        by_id.setdefault(task.id, task)
    within = {task.id: [need for need in task.needs if need in by_id] for task in by_id.values()}
    try:
        return [by_id[name] for name in TopologicalSorter(within).static_order()]
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise InvalidRequest("queue.bad_task", f"tasks need each other in a circle: {circle}") from None


def _check(task: NewTask) -> None:
    for what, name in (("id", task.id), ("group", task.group), ("kind", task.kind)):
        if not _NAME.fullmatch(name):
            raise _bad(task, f"has the {what} {name!r}; it is 1 to 128 of a-z A-Z 0-9 . _ - /")
    check_priority(task.priority)
    if task.attempts < 1:
        raise _bad(task, f"may be tried {task.attempts} times; at least once")
    if not 0 <= task.work_s < float("inf"):
        raise _bad(task, f"is {task.work_s} s of work; at least 0 and finite")
    if len(task.payload) > MOST_PAYLOAD_BYTES:
        raise _bad(task, f"has a payload of {len(task.payload)} bytes; at most {MOST_PAYLOAD_BYTES}")


def _check_needs(task: NewTask, there: dict[str, str], coming: set[str]) -> None:
    for need in task.needs:
        if need not in there and need not in coming:
            raise _bad(task, f"needs {need!r}, which does not exist")
        if there.get(need) == TaskState.CANCELLED.value:
            raise _bad(task, f"needs {need!r}, which is cancelled")


def _bad(task: NewTask, rule: str) -> InvalidRequest:
    return InvalidRequest("queue.bad_task", f"task {task.id!r} {rule}")


def _states(db: Connection, names: set[str]) -> dict[str, str]:
    """Return the states of those that exist, which stay so until the end of the transaction."""
    found: dict[str, str] = {}
    for some in slices(names):
        rows = db.execute(
            select(TASKS.c.id, TASKS.c.state)
            .where(one_of(db, TASKS.c.id, some))
            .order_by(TASKS.c.number)
            .with_for_update(read=True)
        )
        found.update((row.id, row.state) for row in rows)
    return found


def _row(task: NewTask, unmet: int, places: Places, now: Instant) -> dict[str, object]:
    begin = NEVER if task.deadline_at is None else begin_at(task.deadline_at, task.work_s)
    turn = int(now) if unmet else places.turn_at(task.group, task.priority, task.work_s)
    return {
        "id": task.id,
        "group": task.group,
        "kind": task.kind,
        "payload": task.payload,
        "needs": codec.encode(list(task.needs)).decode(),
        "unmet": unmet,
        "priority": task.priority,
        "deadline_at": None if task.deadline_at is None else int(task.deadline_at),
        "attempts": task.attempts,
        "work_s": task.work_s,
        "state": TaskState.WAITING.value if unmet else TaskState.READY.value,
        "created_at": int(now),
        "ready_at": int(now),
        "not_before_at": 0,
        "epoch": 0,
        "tried": 0,
        "worker": "",
        "lease_until_at": None,
        "progress": 0.0,
        "note": "",
        "sha256": "",
        "result": b"",
        "problem": None,
        "last_words": "",
        "ended_at": None,
        **places.columns(task.priority, turn, begin),
    }
