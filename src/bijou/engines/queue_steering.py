"""What an operator does to tasks: cancel, retry, reprioritise."""

from sqlalchemy import ColumnElement, Connection, and_, case, exists, literal, select, update

from bijou.engines.queue_ending import make_ready
from bijou.engines.queue_ranking import STEP_US, check_priority
from bijou.engines.queue_tables import NEEDS, TASKS, in_state
from bijou.ports import Instant, InvalidRequest, NotFound, Steer, TaskState

ORDERS = ("cancel", "retry", "reprioritise")

_FINAL = (TaskState.DONE.value, TaskState.CANCELLED.value)


def steer(db: Connection, word: Steer, now: Instant) -> int:
    """Do what is ordered, and return how many tasks that changed."""
    if word.order not in ORDERS:
        raise InvalidRequest(
            "queue.bad_steer", f"{word.order!r} is no order; it is one of {', '.join(ORDERS)}"
        )
    if bool(word.task) == bool(word.group):
        raise InvalidRequest(
            "queue.bad_steer", f"task {word.task!r} and group {word.group!r} are named; exactly one must be"
        )
    check_priority(word.priority)
    named = TASKS.c.id == word.task if word.task else TASKS.c.group == word.group
    held = db.execute(select(TASKS.c.number).where(named).order_by(TASKS.c.number).with_for_update())
    if not held.all():
        what = f"task {word.task!r}" if word.task else f"group {word.group!r}"
        raise NotFound("queue.no_task", f"there is no {what}")
    match word.order:
        case "cancel":
            return _cancel(db, named, now)
        case "retry":
            return _retry(db, named, now)
        case _:
            return _reprioritise(db, named, word.priority)


def _cancel(db: Connection, named: ColumnElement[bool], now: Instant) -> int:
    """End what is named, and then, until nothing changes, what waits for something cancelled."""
    need = TASKS.alias("need")
    needs_cancelled = exists(
        select(NEEDS.c.task)
        .join(need, need.c.id == NEEDS.c.need)
        .where(NEEDS.c.task == TASKS.c.id, need.c.state == TaskState.CANCELLED.value)
    )
    changed = ended = _ended(db, and_(named, TASKS.c.state.not_in(_FINAL)), now)
    while ended:
        ended = _ended(db, and_(in_state(TaskState.WAITING), needs_cancelled), now)
        changed += ended
    return changed


def _ended(db: Connection, which: ColumnElement[bool], now: Instant) -> int:
    done = update(TASKS).where(which)
    cancelled = {"state": TaskState.CANCELLED.value, "worker": "", "lease_until_at": None}
    return db.execute(done.values(**cancelled, ended_at=int(now))).rowcount


def _retry(db: Connection, named: ColumnElement[bool], now: Instant) -> int:
    """Give dead tasks all their attempts again, and a turn like that of new ones."""
    dead = db.execute(
        select(TASKS).where(named, TASKS.c.state == TaskState.DEAD.value).order_by(TASKS.c.number)
    ).all()
    make_ready(db, dead, now)
    return len(dead)


def _reprioritise(db: Connection, named: ColumnElement[bool], priority: int) -> int:
    aged = TASKS.c.turn_at - priority * STEP_US
    place = case((TASKS.c.begin_at < aged, TASKS.c.begin_at), else_=aged)
    changed = update(TASKS).where(named, TASKS.c.state.not_in(_FINAL))
    return db.execute(changed.values(priority=literal(priority), rank=place)).rowcount
