"""Encode jobs as other rooms see them."""

from enum import StrEnum
from typing import Protocol

import msgspec

from bijou.catalog import NewTitle, Publication
from bijou.ports import Instant, Problem


class JobState(StrEnum):
    """Where a job is; `DONE`, `REFUSED` and `FAILED` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True):
    """One whole encode: from a source blob to a published title.

    Args:
        source: Blob key of the uploaded file.
        step: What is being done: `inspect`, `encode v360`, `package`.
        progress: 0 to 1 over the whole job.
        epoch: Grows by one each time the job is handed out; whoever reports
            under an older one is refused.
        problem: Why it was refused or failed.
        title: Slug of what came out, once done.
        speed: Media seconds per second of work, 0 while unknown.
    """

    id: str
    asset: str
    source: str
    filename: str
    new: NewTitle
    state: JobState
    created_at: Instant
    step: str = ""
    progress: float = 0.0
    epoch: int = 0
    attempts: int = 0
    problem: Problem | None = None
    title: str = ""
    speed: float = 0.0


class Progress(msgspec.Struct, frozen=True):
    """What a worker says while it works; it also renews the lease."""

    epoch: int
    step: str
    progress: float
    speed: float = 0.0


class Outcome(msgspec.Struct, frozen=True):
    """How a job ended: a publication, or the problem; never both.

    Args:
        retry: The problem is ours and another attempt may help.
        speed: Media seconds per second of all the work, 0 where it is unknown.
    """

    epoch: int
    publication: Publication | None = None
    problem: Problem | None = None
    retry: bool = False
    speed: float = 0.0


class Encoding(Protocol):
    """The queue of encode jobs and what became of them."""

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        """Queue an encode of a source blob; the same source twice gives the same job."""
        ...

    async def job(self, job_id: str) -> Job:
        """Return one job; NotFound `encoding.no_job`."""
        ...

    async def jobs(self) -> list[Job]:
        """Return the newest 200 jobs, the newest first."""
        ...

    async def claim(self, worker: str) -> Job | None:
        """Hand out the oldest job that nobody holds, or None."""
        ...

    async def progress(self, job_id: str, progress: Progress) -> Job:
        """Note progress and renew the lease.

        Raises:
            Conflict: `encoding.lease_lost`, or `encoding.cancelled`: nobody
                else will work on it, and what is stored of it is to go.
        """
        ...

    async def finish(self, job_id: str, outcome: Outcome) -> Job:
        """End an attempt; publishes where it went well.

        Raises:
            Conflict: `encoding.lease_lost` or `encoding.cancelled`, as above.
        """
        ...

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more; its file and its media go.

        It is refused with the problem `encoding.cancelled`, and so is the next
        word of whoever works on it.

        Raises:
            Conflict: `encoding.already_ended`, or its title stands already.
            NotFound: `encoding.no_job`.
        """
        ...
