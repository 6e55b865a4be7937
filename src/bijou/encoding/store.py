"""The table of encode jobs: a queue with leases."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.types import REAL

from bijou.catalog import NewTitle
from bijou.encoding.api import Job, JobState
from bijou.ports import Instant, Problem
from bijou.runtime import codec

METADATA = MetaData()
_Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone

JOBS = Table(
    "encoding_jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", _Int64, nullable=False),
    Column("step", Text, nullable=False),
    Column("progress", REAL, nullable=False),
    Column("speed", REAL, nullable=False),
    Column("epoch", _Int64, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("lease_until_at", _Int64),
    Column("problem", Text),
    Column("title", Text, nullable=False),
    Column("source_deleted", Integer, nullable=False),
    CheckConstraint("id LIKE 'job\\_%' ESCAPE '\\'", name="encoding_jobs_id"),
    CheckConstraint("asset LIKE 'ast\\_%' ESCAPE '\\'", name="encoding_jobs_asset"),
    CheckConstraint(
        "state IN ('queued', 'running', 'done', 'refused', 'failed')", name="encoding_jobs_state"
    ),
    CheckConstraint("progress BETWEEN 0 AND 1", name="encoding_jobs_progress"),
    CheckConstraint("speed >= 0", name="encoding_jobs_speed"),
    CheckConstraint("epoch >= attempts AND attempts >= 0", name="encoding_jobs_epoch"),
    CheckConstraint("(state = 'running') = (lease_until_at IS NOT NULL)", name="encoding_jobs_lease"),
    CheckConstraint("(state = 'done') = (title <> '')", name="encoding_jobs_title"),
    CheckConstraint(
        "state NOT IN ('refused', 'failed') OR problem IS NOT NULL", name="encoding_jobs_problem"
    ),
    CheckConstraint(
        "source_deleted = 0 OR (source_deleted = 1 AND state = 'refused')", name="encoding_jobs_source"
    ),
    Index("encoding_jobs_waiting", "state", "created_at"),
    sqlite_strict=True,
)


def add(db: Connection, job: Job) -> None:
    """Queue a new job."""
    db.execute(
        insert(JOBS).values(
            id=job.id,
            asset=job.asset,
            source=job.source,
            filename=job.filename,
            new=codec.encode(job.new).decode(),
            created_at=int(job.created_at),
            source_deleted=0,
            **_changing(job, worker="", lease_until_at=None),
        )
    )


def job(db: Connection, job_id: str) -> Job | None:
    """Return one job."""
    row = db.execute(select(JOBS).where(JOBS.c.id == job_id)).first()
    return _job(row) if row else None


def job_of_source(db: Connection, source: str) -> Job | None:
    """Return the job that encodes a source."""
    row = db.execute(select(JOBS).where(JOBS.c.source == source)).first()
    return _job(row) if row else None


def newest(db: Connection, at_most: int) -> list[Job]:
    """Return the newest jobs, the newest first."""
    rows = db.execute(select(JOBS).order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(at_most))
    return [_job(row) for row in rows]


def oldest_free(db: Connection, now: Instant) -> Job | None:
    """Return the oldest job that is queued or whose lease has run out."""
    lost = and_(JOBS.c.state == JobState.RUNNING.value, JOBS.c.lease_until_at <= int(now))
    free = or_(JOBS.c.state == JobState.QUEUED.value, lost)
    row = db.execute(select(JOBS).where(free).order_by(JOBS.c.created_at, JOBS.c.id).limit(1)).first()
    return _job(row) if row else None


def keep(db: Connection, job: Job, *, worker: str = "", lease_until_at: Instant | None = None) -> None:
    """Keep a job in another state; the caller has checked that it may.

    Args:
        worker: Who holds it, while it runs.
        lease_until_at: Until when, while it runs.
    """
    db.execute(
        update(JOBS)
        .where(JOBS.c.id == job.id)
        .values(_changing(job, worker=worker, lease_until_at=lease_until_at))
    )


def renew(db: Connection, job: Job, lease_until_at: Instant) -> None:
    """Keep what a running job says of itself, and who holds it for longer."""
    db.execute(
        update(JOBS)
        .where(JOBS.c.id == job.id)
        .values(step=job.step, progress=job.progress, speed=job.speed, lease_until_at=int(lease_until_at))
    )


def refused_with_source(db: Connection) -> list[Job]:
    """Return refused jobs whose source has not been deleted yet."""
    there = and_(JOBS.c.state == JobState.REFUSED.value, JOBS.c.source_deleted == 0)
    return [_job(row) for row in db.execute(select(JOBS).where(there))]


def source_deleted(db: Connection, job_id: str) -> None:
    """Note that a refused job's source is gone."""
    db.execute(update(JOBS).where(JOBS.c.id == job_id).values(source_deleted=1))


def _changing(job: Job, *, worker: str, lease_until_at: Instant | None) -> dict[str, object]:
    return {
        "state": job.state.value,
        "step": job.step,
        "progress": job.progress,
        "speed": job.speed,
        "epoch": job.epoch,
        "attempts": job.attempts,
        "problem": codec.encode(job.problem).decode() if job.problem else None,
        "title": job.title,
        "worker": worker,
        "lease_until_at": None if lease_until_at is None else int(lease_until_at),
    }


def _job(row: Row[tuple[object, ...]]) -> Job:
    return Job(
        id=row.id,
        asset=row.asset,
        source=row.source,
        filename=row.filename,
        new=codec.decode(row.new, NewTitle),
        state=JobState(row.state),
        created_at=Instant(row.created_at),
        step=row.step,
        progress=row.progress,
        epoch=row.epoch,
        attempts=row.attempts,
        problem=codec.decode(row.problem, Problem) if row.problem else None,
        title=row.title,
        speed=row.speed,
    )
