"""Which task goes first: groups take turns, priorities age, deadlines press."""

from sqlalchemy import Connection, select

from bijou.engines.queue_tables import TASKS, in_state
from bijou.ports import HIGHEST_PRIORITY, LOWEST_PRIORITY, Instant, InvalidRequest, TaskState

NEVER = 1 << 62

# A step of priority is worth a minute of waiting; a deadline presses from ten minutes before the work must
# begin, which is more than the highest priority is worth.
STEP_US = 60_000_000
EARLY_US = 600_000_000


def rank(priority: int, turn_at: int, begin_at: int) -> int:
    """Return the place of a task in the row: the least goes first.

    Priorities age by standing still: each step of it moves a task a minute
    ahead of its turn, so one that has waited a minute longer is level with
    one a step above it.

    Example:
        >>> rank(4, turn_at=300_000_000, begin_at=NEVER)
        60000000
        >>> rank(4, turn_at=300_000_000, begin_at=-5)
        -5
    """
    return min(turn_at - priority * STEP_US, begin_at)


def begin_at(deadline_at: Instant, work_s: float) -> int:
    """Return the moment from which a deadline outranks whatever comes new."""
    return int(deadline_at) - round(work_s * 1e6) - EARLY_US


def check_priority(priority: int) -> None:
    """Refuse a priority that is none."""
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise InvalidRequest(
            "queue.bad_priority", f"priority {priority} must be {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}"
        )


class Places:
    """Gives ready tasks their turns, so that no group fills the queue.

    The ready tasks of one group and priority stand behind each other by their
    seconds of work, so of two groups each has its share however many tasks it
    brings; a newcomer's first turn is now.

    Cost: one look into an index for each group and priority of a transaction.
    Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queueing", SIGCOMM
        1996, equation 4, with the clock for its virtual time.
    """

    def __init__(self, db: Connection, now: Instant) -> None:
        self._db = db
        self._now = int(now)
        self._tails: dict[tuple[str, int], int] = {}

    def turn_at(self, group: str, priority: int, work_s: float) -> int:
        """Return the turn of one more ready task of this group."""
        key = group, priority
        tail = self._tails[key] if key in self._tails else self._tail(group, priority)
        turn = max(self._now, tail)
        self._tails[key] = turn + round(work_s * 1e6)
        return turn

    def columns(self, priority: int, turn_at: int, begin_at: int) -> dict[str, int]:
        """Return what a row keeps of its place."""
        return {"turn_at": turn_at, "begin_at": begin_at, "rank": rank(priority, turn_at, begin_at)}

    def _tail(self, group: str, priority: int) -> int:
        last = self._db.execute(
            select(TASKS.c.turn_at, TASKS.c.work_s)
            .where(
                TASKS.c.group == group,
                TASKS.c.priority == priority,
                in_state(TaskState.READY),
            )
            .order_by(TASKS.c.turn_at.desc(), TASKS.c.number.desc())
            .limit(1)
        ).first()
        return 0 if last is None else last.turn_at + round(last.work_s * 1e6)
