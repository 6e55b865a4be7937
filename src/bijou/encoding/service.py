"""The queue of encode jobs on records: leases, attempts and what became of it all."""

import asyncio
import math
from collections.abc import Callable
from random import Random

import msgspec
from sqlalchemy import Connection

from bijou.catalog import Catalog, NewTitle, checked
from bijou.encoding import store
from bijou.encoding.api import Job, JobState, Outcome, Progress
from bijou.encoding.publishing import base_of, clear
from bijou.events import Publisher, register
from bijou.ports import (
    Blobs,
    Clock,
    Conflict,
    EngineUnavailable,
    Instant,
    InvalidRequest,
    NotFound,
    Problem,
    Records,
    Role,
    new_id,
)

NEWEST = 200
ENDED = frozenset({JobState.DONE, JobState.REFUSED, JobState.FAILED})
CANCELLED = Conflict("encoding.cancelled", "the encode was cancelled; nothing of it is kept")
SILENCE = EngineUnavailable("encoding.worker_lost", "the worker stopped answering").problem()

register("job.changed@1", Job, role=Role.EDITOR, tells="An encode job was queued, moved on or ended.")


class EncodingService:
    """`Encoding` that keeps jobs in records.

    A job that is handed out is held by a lease; each word from its worker
    renews it. When it runs out the job is handed to another worker under a
    higher epoch, and whoever still reports under an older one is refused, so a
    worker that was only asleep cannot undo another's work. Titles are published
    before the job is called done: a crash between the two repeats the publication, and
    the catalogue gives the same title for the same asset. A publication and a
    cancel of one job wait for each other, so a title never outlives its cancel.

    Threads: one event loop.

    Args:
        lease_s: Seconds without news after which a job is given to another.
        attempts: Tries of one job before it is called failed, >= 1.
    """

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        catalog: Catalog,
        clock: Clock,
        chance: Random,
        publish: Publisher,
        *,
        lease_s: float = 15.0,
        attempts: int = 3,
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._catalog = catalog
        self._clock = clock
        self._chance = chance
        self._tell = publish
        self._lease_s = lease_s
        self._attempts = attempts
        self._ending = asyncio.Lock()

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        """Queue an encode of a source blob; the same source twice gives the same job."""
        fresh = Job(
            id=new_id("job", self._clock, self._chance),
            asset=new_id("ast", self._clock, self._chance),
            source=source,
            filename=filename,
            new=checked(new),
            state=JobState.QUEUED,
            created_at=self._clock.now(),
        )

        def work(db: Connection) -> Job:
            there = store.job_of_source(db, source)
            if there is None:
                store.add(db, fresh)
            return there or fresh

        job = await self._records.write(work)
        if job is fresh:
            self._tell(job)
        return job

    async def job(self, job_id: str) -> Job:
        """Return one job."""
        return await self._records.read(lambda db: _job(db, job_id))

    async def jobs(self) -> list[Job]:
        """Return the newest 200 jobs, the newest first."""
        return await self._records.read(lambda db: store.newest(db, NEWEST))

    async def claim(self, worker: str) -> Job | None:
        """Hand out the oldest job that nobody holds, or None."""
        now = self._clock.now()
        ended: list[Job] = []

        def work(db: Connection) -> Job | None:
            while job := store.oldest_free(db, now):
                if job.attempts >= self._attempts:
                    job = _gave_up(job, job.problem or SILENCE)
                    store.keep(db, job)
                    ended.append(job)
                    continue
                job = _handed_out(job)
                store.keep(db, job, worker=worker, lease_until_at=self._lease(now))
                return job
            return None

        job = await self._records.write(work)
        for changed in [*ended, job]:
            if changed:
                self._tell(changed)
        return job

    async def progress(self, job_id: str, progress: Progress) -> Job:
        """Note progress and renew the lease.

        Raises:
            InvalidRequest: `encoding.bad_progress`.
        """
        if not (0 <= progress.progress <= 1 and 0 <= progress.speed < math.inf):
            raise InvalidRequest(
                "encoding.bad_progress",
                f"progress {progress.progress} must be 0 to 1, and speed {progress.speed} at least 0",
            )
        now = self._clock.now()

        def work(db: Connection) -> Job:
            job = msgspec.structs.replace(
                _held(db, job_id, progress.epoch),
                step=progress.step,
                progress=progress.progress,
                speed=progress.speed,
            )
            store.renew(db, job, self._lease(now))
            return job

        job = await self._records.write(work)
        self._tell(job)
        return job

    async def finish(self, job_id: str, outcome: Outcome) -> Job:
        """End an attempt; the same word twice gives the same answer.

        Raises:
            InvalidRequest: `encoding.bad_outcome`.
        """
        if (outcome.publication is None) == (outcome.problem is None):
            raise InvalidRequest(
                "encoding.bad_outcome", "an outcome is a publication or a problem; it was both, or neither"
            )
        job = await self.job(job_id)
        if job.epoch == outcome.epoch and _says_the_same(job, outcome):
            return job
        async with self._ending:
            title = await self._published(job, outcome)
            job = await self._end(
                lambda db: _ended(_held(db, job_id, outcome.epoch), outcome, title, self._attempts)
            )
        self._tell(job)
        if job.state is JobState.REFUSED:
            await self._forget(job)
        return job

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more; its file and its media go."""
        job = await self.job(job_id)
        if _is_cancelled(job):
            return job
        async with self._ending:
            await self._check_unpublished(job)
            job = await self._end(lambda db: _cancelled(_job(db, job_id)))
        self._tell(job)
        await self._forget(job)
        return job

    async def repair(self) -> None:
        """Finish what a crash cut short: what is left of refused jobs is deleted."""
        for job in await self._records.read(store.refused_with_source):
            await self._forget(job)

    async def _end(self, ended: Callable[[Connection], Job]) -> Job:
        def work(db: Connection) -> Job:
            job = ended(db)
            store.keep(db, job)
            return job

        return await self._records.write(work)

    async def _check_unpublished(self, job: Job) -> None:
        """Refuse to cancel what a crash kept from being called done."""
        for title in await self._catalog.titles():
            if title.publication.asset == job.asset:
                raise Conflict(
                    "encoding.already_ended",
                    f"{job.id} has been published as /t/{title.slug}; withdraw the title instead",
                )

    async def _published(self, job: Job, outcome: Outcome) -> str:
        if outcome.publication is None:
            return ""
        await self._records.read(lambda db: _held(db, job.id, outcome.epoch))
        if outcome.publication.asset != job.asset:
            raise InvalidRequest(
                "encoding.bad_outcome", f"{job.id} encodes {job.asset}, not {outcome.publication.asset}"
            )
        title = await self._catalog.publish(job.new, outcome.publication)
        return title.slug

    async def _forget(self, job: Job) -> None:
        await clear(self._blobs, base_of(job.asset))
        await self._blobs.delete(job.source)
        await self._records.write(lambda db: store.source_deleted(db, job.id))

    def _lease(self, now: Instant) -> Instant:
        return now.plus_s(self._lease_s)


def _job(db: Connection, job_id: str) -> Job:
    job = store.job(db, job_id)
    if job is None:
        raise NotFound("encoding.no_job", f"there is no job {job_id!r}")
    return job


def _held(db: Connection, job_id: str, epoch: int) -> Job:
    """Return a job that whoever speaks under `epoch` still holds."""
    job = _job(db, job_id)
    if _is_cancelled(job):
        raise Conflict("encoding.cancelled", f"{job_id} was cancelled; drop the work")
    if job.state is not JobState.RUNNING or job.epoch != epoch:
        raise Conflict(
            "encoding.lease_lost",
            f"{job_id} is {job.state} in epoch {job.epoch}, and this came from epoch {epoch}; drop the work",
        )
    return job


def _handed_out(job: Job) -> Job:
    return msgspec.structs.replace(
        job,
        state=JobState.RUNNING,
        epoch=job.epoch + 1,
        attempts=job.attempts + 1,
        step="",
        progress=0.0,
        speed=0.0,
    )


def _is_cancelled(job: Job) -> bool:
    return job.problem is not None and job.problem.code == CANCELLED.code


def _cancelled(job: Job) -> Job:
    if _is_cancelled(job):
        return job
    if job.state in ENDED:
        raise Conflict(
            "encoding.already_ended", f"{job.id} is {job.state} already; nothing is left to cancel"
        )
    return msgspec.structs.replace(job, state=JobState.REFUSED, problem=CANCELLED.problem())


def _ended(job: Job, outcome: Outcome, title: str, attempts: int) -> Job:
    """Return the job after an attempt: done, refused, failed or queued again."""
    if outcome.problem is None:
        return msgspec.structs.replace(
            job,
            state=JobState.DONE,
            title=title,
            progress=1.0,
            problem=None,
            speed=outcome.speed or job.speed,
        )
    if outcome.retry and job.attempts >= attempts:
        return _gave_up(job, outcome.problem)
    if outcome.retry:
        state = JobState.QUEUED
    else:
        state = JobState.REFUSED if outcome.problem.status < 500 else JobState.FAILED
    return msgspec.structs.replace(job, state=state, problem=outcome.problem)


def _gave_up(job: Job, last: Problem) -> Job:
    detail = f"gave up after {job.attempts} attempts; the last one ended so: {last.detail}"
    problem = EngineUnavailable("encoding.gave_up", detail).problem()
    return msgspec.structs.replace(job, state=JobState.FAILED, problem=problem)


def _says_the_same(job: Job, outcome: Outcome) -> bool:
    """Tell whether an outcome is the one that ended this job, told again."""
    if outcome.publication is not None:
        return job.state is JobState.DONE
    return (
        job.state in {JobState.REFUSED, JobState.FAILED}
        and not outcome.retry
        and job.problem == outcome.problem
    )
