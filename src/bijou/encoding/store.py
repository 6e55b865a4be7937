"""The table of encode jobs; their tasks are the queue's."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    and_,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.types import REAL

from bijou.catalog import NewTitle, Publication
from bijou.encoding.api import Job, JobState
from bijou.ports import Instant, Problem
from bijou.runtime import codec

METADATA = MetaData()
_Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone

OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
NOTHING, EARLY, WHOLE = range(3)
"""What a job may have told the catalogue: nothing, what still arrives, all of it."""

JOBS = Table(
    "encoding_jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("recipes", Text, nullable=False),
    Column("base", Text),
    Column("priority", Integer, nullable=False),
    Column("deadline_at", _Int64),
    Column("state", Text, nullable=False),
    Column("created_at", _Int64, nullable=False),
    Column("ended_at", _Int64),
    Column("step", Text, nullable=False),
    Column("progress", REAL, nullable=False),
    Column("speed", REAL, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("problem", Text),
    Column("title", Text, nullable=False),
    Column("watchable", Integer, nullable=False),
    Column("announced", Integer, nullable=False),
    Column("cleaned", Integer, nullable=False),
    CheckConstraint("id LIKE 'job\\_%' ESCAPE '\\'", name="encoding_jobs_id"),
    CheckConstraint("asset LIKE 'ast\\_%' ESCAPE '\\'", name="encoding_jobs_asset"),
    CheckConstraint(
        "version >= 1 AND (version = 1) = (base IS NULL)",
        name="encoding_jobs_version",
    ),
    CheckConstraint("priority BETWEEN 0 AND 9", name="encoding_jobs_priority"),
    CheckConstraint(
        "state IN ('queued', 'running', 'done', 'refused', 'failed')", name="encoding_jobs_state"
    ),
    CheckConstraint(
        "(state IN ('queued', 'running')) = (ended_at IS NULL)",
        name="encoding_jobs_ended",
    ),
    CheckConstraint("progress BETWEEN 0 AND 1", name="encoding_jobs_progress"),
    CheckConstraint("speed >= 0", name="encoding_jobs_speed"),
    CheckConstraint("attempts >= 0", name="encoding_jobs_attempts"),
    CheckConstraint(
        "state NOT IN ('refused', 'failed') OR problem IS NOT NULL", name="encoding_jobs_problem"
    ),
    CheckConstraint("state <> 'done' OR title <> ''", name="encoding_jobs_title"),
    CheckConstraint(
        "watchable IN (0, 1) AND announced BETWEEN 0 AND 2 AND (watchable = 0 OR announced > 0)",
        name="encoding_jobs_announced",
    ),
    CheckConstraint(
        "cleaned = 0 OR (cleaned = 1 AND state IN ('done', 'refused'))", name="encoding_jobs_cleaned"
    ),
    UniqueConstraint("asset", "version", name="encoding_jobs_once"),
    UniqueConstraint("source", "version", name="encoding_jobs_source"),
    Index("encoding_jobs_state", "state", "created_at"),
    sqlite_strict=True,
)


class Kept(msgspec.Struct, frozen=True):
    """A job, and what only its keeper knows of it.

    Args:
        base: What the version stands on; None for the first.
        announced: What it may have told the catalogue.
        ended_at: When it came to an end, the last time.
        cleaned: Whether what was to go of it is gone.
    """

    job: Job
    base: Publication | None = None
    announced: int = NOTHING
    ended_at: Instant | None = None
    cleaned: bool = False


def add(db: Connection, kept: Kept) -> None:
    """Keep a new job."""
    job = kept.job
    db.execute(
        insert(JOBS).values(
            id=job.id,
            asset=job.asset,
            version=job.version,
            source=job.source,
            filename=job.filename,
            new=codec.encode(job.new).decode(),
            recipes=codec.encode(job.recipes).decode(),
            base=codec.encode(kept.base).decode() if kept.base else None,
            deadline_at=_of(job.deadline_at),
            created_at=int(job.created_at),
            **_changing(kept),
        )
    )


def keep(db: Connection, kept: Kept) -> None:
    """Keep a job in another state; the caller has checked that it may."""
    db.execute(update(JOBS).where(JOBS.c.id == kept.job.id).values(_changing(kept)))


def job(db: Connection, job_id: str) -> Kept | None:
    """Return one job; nobody changes it until the end of a writing transaction."""
    row = db.execute(select(JOBS).where(JOBS.c.id == job_id)).first()
    return _kept(row) if row else None


def job_of_source(db: Connection, source: str) -> Kept | None:
    """Return the job that encodes a source for the first time."""
    row = db.execute(select(JOBS).where(JOBS.c.source == source, JOBS.c.version == 1)).first()
    return _kept(row) if row else None


def of_assets(db: Connection, assets: Sequence[str]) -> dict[str, list[Kept]]:
    """Return all jobs of each of these assets, by version."""
    found: dict[str, list[Kept]] = {asset: [] for asset in assets}
    for at in range(0, len(assets), 500):
        wanted = JOBS.c.asset.in_(assets[at : at + 500])
        for row in db.execute(select(JOBS).where(wanted).order_by(JOBS.c.version)):
            found[row.asset].append(_kept(row))
    return found


def newest(db: Connection, at_most: int) -> list[Job]:
    """Return the newest jobs, the newest first."""
    rows = db.execute(select(JOBS).order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(at_most))
    return [_kept(row).job for row in rows]


def still_open(db: Connection) -> list[Kept]:
    """Return jobs that have not ended, the most urgent first."""
    order = JOBS.c.priority.desc(), JOBS.c.created_at, JOBS.c.id
    return _all(db, JOBS.c.state.in_(OPEN), *order)


def failed(db: Connection) -> list[Kept]:
    """Return jobs that a retry may save."""
    return _all(db, JOBS.c.state == JobState.FAILED.value, JOBS.c.id)


def to_clean(db: Connection, *, sources_too: bool) -> list[Kept]:
    """Return jobs of which something is still to go.

    Args:
        sources_too: Whether the files of finished jobs are.
    """
    which = JOBS.c.state == JobState.REFUSED.value
    if sources_too:
        which = or_(which, JOBS.c.state == JobState.DONE.value)
    return _all(db, and_(which, JOBS.c.cleaned == 0), JOBS.c.id)


def refused_when_announced(db: Connection) -> list[Kept]:
    """Return refused jobs of which the catalogue may have heard."""
    which = and_(JOBS.c.state == JobState.REFUSED.value, JOBS.c.announced > NOTHING)
    return _all(db, which, JOBS.c.id)


def cleaned(db: Connection, job_id: str) -> None:
    """Note that what was to go of a job is gone."""
    db.execute(update(JOBS).where(JOBS.c.id == job_id).values(cleaned=1))


def _all(db: Connection, which: ColumnElement[bool], *order: ColumnElement[object]) -> list[Kept]:
    return [_kept(row) for row in db.execute(select(JOBS).where(which).order_by(*order))]


def _changing(kept: Kept) -> dict[str, object]:
    job = kept.job
    return {
        "priority": job.priority,
        "state": job.state.value,
        "ended_at": _of(kept.ended_at),
        "step": job.step,
        "progress": job.progress,
        "speed": job.speed,
        "attempts": job.attempts,
        "problem": codec.encode(job.problem).decode() if job.problem else None,
        "title": job.title,
        "watchable": int(job.watchable),
        "announced": kept.announced,
        "cleaned": int(kept.cleaned),
    }


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    job = Job(
        id=row.id,
        asset=row.asset,
        source=row.source,
        filename=row.filename,
        new=codec.decode(row.new, NewTitle),
        state=JobState(row.state),
        created_at=Instant(row.created_at),
        step=row.step,
        progress=row.progress,
        attempts=row.attempts,
        problem=codec.decode(row.problem, Problem) if row.problem else None,
        title=row.title,
        speed=row.speed,
        version=row.version,
        recipes=codec.decode(row.recipes, tuple[str, ...]),
        priority=row.priority,
        deadline_at=_at(row.deadline_at),
        watchable=bool(row.watchable),
    )
    base = codec.decode(row.base, Publication) if row.base else None
    return Kept(job, base, row.announced, _at(row.ended_at), bool(row.cleaned))


def _of(at: Instant | None) -> int | None:
    return None if at is None else int(at)


def _at(at: int | None) -> Instant | None:
    return None if at is None else Instant(at)
