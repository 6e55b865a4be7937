"""Which recipes a finished title still lacks, and the job that adds them; pure."""

from collections.abc import Callable, Sequence
from typing import Final

from bijou.catalog import NewTitle, Title
from bijou.encoding import model
from bijou.encoding.api import CodecOrder, Job, JobState
from bijou.encoding.recipes import checked_recipes
from bijou.encoding.store import Kept
from bijou.ports import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    BijouError,
    Conflict,
    Instant,
    InvalidRequest,
)

ADDED: Final = "added"
THERE: Final = "there"
BUSY: Final = "busy"
NO_SOURCE: Final = "no source"

_LOST: Final = frozenset({JobState.REFUSED, JobState.FAILED})


def addition(
    title: Title, jobs: Sequence[Kept], order: CodecOrder, fresh_id: Callable[[], str], now: Instant
) -> tuple[str, Kept | None]:
    """Return how a title stands to an order, and the job that makes it so where one is due.

    Args:
        jobs: All of its asset, by version.
    """
    first = next((kept for kept in jobs if kept.job.version == 1), None)
    here = {name for kept in jobs if kept.job.state not in _LOST for name in kept.job.recipes}
    lacking = tuple(name for name in dict.fromkeys(order.recipes) if name not in here)
    if not lacking:
        return THERE, None
    if any(kept.job.state in model.OPEN for kept in jobs) or not title.publication.complete:
        return BUSY, None
    if first is None or first.cleaned:
        return NO_SOURCE, None
    job = Job(
        id=fresh_id(),
        asset=title.publication.asset,
        source=first.job.source,
        filename=first.job.filename,
        new=NewTitle(title.name, title.synopsis, title.row, title.year, title.accent, title.slug),
        state=JobState.QUEUED,
        created_at=now,
        title=title.slug,
        version=max(kept.job.version for kept in jobs) + 1,
        recipes=lacking,
        priority=order.priority,
        deadline_at=order.deadline_at,
    )
    return ADDED, Kept(job, base=title.publication)


def refusal(title: Title, verdict: str) -> BijouError:
    """Return why a title gets no codecs."""
    if verdict == THERE:
        return Conflict("encoding.has_codecs", f"{title.slug} has these recipes, or soon will")
    if verdict == BUSY:
        return Conflict("encoding.busy", f"another job is at {title.slug}; add codecs once it has ended")
    return Conflict("encoding.no_source", f"the uploaded file of {title.slug} was not kept; upload it again")


def check_order(order: CodecOrder) -> None:
    """Refuse an order that nothing could be made of.

    Raises:
        InvalidRequest: `encoding.no_recipe`, `encoding.bad_priority`.
    """
    checked_recipes(order.recipes)
    check_priority(order.priority)


def check_priority(priority: int) -> None:
    """Refuse a priority that is none.

    Raises:
        InvalidRequest: `encoding.bad_priority`.
    """
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise InvalidRequest(
            "encoding.bad_priority", f"priority {priority} must be {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}"
        )
