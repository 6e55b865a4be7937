"""Which tasks can make their deadlines, before any worker has begun."""

from collections.abc import Sequence
from heapq import heapify, heapreplace

import msgspec

from bijou.ports import Instant


class Due(msgspec.Struct, frozen=True):
    """Work that should be done by a moment.

    Args:
        task: Whose it is.
        work_s: Seconds that one worker needs, >= 0.
        deadline_at: None: whenever there is time.
    """

    task: str
    work_s: float
    deadline_at: Instant | None = None


class Forecast(msgspec.Struct, frozen=True):
    """When a task would be done.

    Args:
        late_s: Seconds past its deadline; 0 where it makes it.
        hopeless: No order of the work could save all of those that are due
            by this task's deadline, so more workers are needed, or less work.
    """

    task: str
    begins_at: Instant
    ends_at: Instant
    late_s: float
    hopeless: bool


def feasible(tasks: Sequence[Due], workers: int, now: Instant) -> list[Forecast]:
    """Return, in order of deadlines, when each task is done and whether that is in time.

    Workers take the earliest deadline first, and no work is interrupted. With
    one worker that misses a deadline only where every order would; with more,
    the answer may be pessimistic by less than one task's work, and `hopeless`
    says where it surely is not: the work due by then does not fit between now
    and then, on however clever an order.

    Cost: O(n log n) time, O(n) memory.

    Args:
        workers: How many work at the same time, >= 1.

    Raises:
        ValueError: `workers` < 1, or `work_s` is negative.

    Source: J. R. Jackson, "Scheduling a Production Line to Minimize Maximum
        Tardiness", 1955, for one worker; R. L. Graham, "Bounds on
        Multiprocessing Timing Anomalies", SIAM J. Appl. Math. 17, 1969, for
        the bound with several.

    Example:
        >>> two = [Due("a", 30, Instant(60_000_000)), Due("b", 40, Instant(60_000_000))]
        >>> [(one.task, one.late_s, one.hopeless) for one in feasible(two, 1, Instant(0))]
        [('a', 0.0, True), ('b', 10.0, True)]
        >>> [one.late_s for one in feasible(two, 2, Instant(0))]
        [0.0, 0.0]
    """
    if workers < 1:
        raise ValueError(f"{workers} workers cannot work; at least 1 is needed")
    if short := next((task for task in tasks if task.work_s < 0), None):
        raise ValueError(f"task {short.task!r} is {short.work_s} s of work; at least 0")
    ordered = sorted(tasks, key=_urgency)
    hopeless = _hopeless(ordered, workers, now)
    free_at = [int(now)] * workers
    heapify(free_at)
    forecasts = []
    for task in ordered:
        begins = free_at[0]
        ends = begins + round(task.work_s * 1e6)
        heapreplace(free_at, ends)
        late = 0 if task.deadline_at is None else max(0, ends - int(task.deadline_at))
        lost = task.deadline_at is not None and int(task.deadline_at) in hopeless
        forecasts.append(Forecast(task.task, Instant(begins), Instant(ends), late / 1e6, lost))
    return forecasts


def _hopeless(ordered: Sequence[Due], workers: int, now: Instant) -> set[int]:
    """Return the deadlines by which more work is due than all workers can do."""
    found = set()
    due_us = 0
    for task in ordered:
        if task.deadline_at is None:
            break
        work_us = round(task.work_s * 1e6)
        due_us += work_us
        room_us = int(task.deadline_at) - int(now)
        if due_us > workers * room_us or work_us > room_us:
            found.add(int(task.deadline_at))
    return found


def _urgency(task: Due) -> tuple[bool, int, str]:
    return task.deadline_at is None, int(task.deadline_at or 0), task.task
