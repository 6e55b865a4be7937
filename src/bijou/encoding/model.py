"""How a job comes from one state into the next; pure."""

from msgspec.structs import replace

from bijou.encoding.api import Job, JobState
from bijou.encoding.store import NOTHING, WHOLE, Kept
from bijou.encoding.titles import Standing
from bijou.encoding.titles.standing import CANCELLED
from bijou.ports import BijouBug, Conflict, Instant, Problem

OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


def moved(kept: Kept, standing: Standing, attempts: int) -> Kept:
    """Return an open job as far as its tasks are; progress never goes back."""
    job = kept.job
    if job.state not in OPEN:
        return kept
    begun = JobState.RUNNING if standing.state is not JobState.QUEUED else job.state
    progress = max(job.progress, round(min(1.0, max(0.0, standing.progress)), 4))
    speed = max(0.0, standing.speed)
    return replace(
        kept,
        job=replace(job, state=begun, step=standing.step, progress=progress, speed=speed, attempts=attempts),
    )


def announced(kept: Kept, how: int) -> Kept:
    """Return a job of which the catalogue may hear from now on."""
    return replace(kept, announced=max(kept.announced, how))


def published(kept: Kept, slug: str, how: int, now: Instant) -> Kept:
    """Return a job that can be watched; done, where all of it can."""
    job = replace(kept.job, title=slug, watchable=True)
    if how != WHOLE:
        return replace(kept, job=job)
    return replace(kept, job=replace(job, state=JobState.DONE, progress=1.0, problem=None), ended_at=now)


def ended(kept: Kept, state: JobState, problem: Problem | None, now: Instant) -> Kept:
    """Return a job that came to nothing."""
    if problem is None:
        problem = BijouBug("encoding.no_reason", "the encode ended, and nobody said why").problem()
    gone = state is JobState.REFUSED and kept.job.version == 1
    watchable = kept.job.watchable and not gone
    return replace(
        kept, job=replace(kept.job, state=state, problem=problem, watchable=watchable), ended_at=now
    )


def cancelled(kept: Kept, now: Instant) -> Kept:
    """Return a job that nobody wants any more; said again, it is the same.

    Raises:
        Conflict: `encoding.already_ended`.
    """
    job = kept.job
    if is_cancelled(job):
        return kept
    if job.state in {JobState.DONE, JobState.REFUSED}:
        raise Conflict(
            "encoding.already_ended", f"{job.id} is {job.state} already; nothing is left to cancel"
        )
    if kept.announced == WHOLE:
        raise Conflict(
            "encoding.already_ended", f"{job.id} is just being published; withdraw its title instead"
        )
    return ended(kept, JobState.REFUSED, CANCELLED.problem(), now)


def reopened(kept: Kept) -> Kept:
    """Return a failed job that goes on."""
    return replace(kept, job=replace(kept.job, state=JobState.QUEUED, problem=None), ended_at=None)


def is_cancelled(job: Job) -> bool:
    """Tell whether somebody has ended a job."""
    return job.problem is not None and job.problem.code == CANCELLED.code


def may_be_on_site(kept: Kept) -> bool:
    """Tell whether a refused job's title may stand in the catalogue all the same."""
    return kept.job.version == 1 and kept.announced > NOTHING


def prioritised(kept: Kept, priority: int) -> Kept:
    """Return a job of another priority.

    Raises:
        Conflict: `encoding.already_ended`.
    """
    if kept.job.state in {JobState.DONE, JobState.REFUSED}:
        raise Conflict(
            "encoding.already_ended",
            f"{kept.job.id} is {kept.job.state}; no priority hurries it now",
        )
    return replace(kept, job=replace(kept.job, priority=priority))
