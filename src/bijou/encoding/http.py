"""Encode jobs over HTTP: the routes, and the client that workers call."""

import msgspec
from starlette.responses import Response

from bijou.catalog import NewTitle
from bijou.encoding.api import Encoding, Job, Outcome, Progress
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route, Wire


class NewJob(msgspec.Struct, frozen=True):
    """An encode to be queued."""

    source: str
    filename: str
    new: NewTitle


class Claim(msgspec.Struct, frozen=True):
    """Who asks for work."""

    worker: str


JOBS = Endpoint(
    method="GET",
    path="/api/jobs",
    role=Role.EDITOR,
    summary="The newest 200 jobs, the newest first.",
    gives=list[Job],
)
SUBMIT = Endpoint(
    method="POST",
    path="/api/jobs",
    role=Role.SERVICE,
    summary="Queue an encode of a source blob.",
    takes=NewJob,
    gives=Job,
    status=201,
)
CLAIM = Endpoint(
    method="POST",
    path="/api/jobs/claim",
    role=Role.SERVICE,
    summary="Hand out the oldest job that nobody holds; 204 where there is none.",
    takes=Claim,
    gives=Job,
)
JOB = Endpoint(method="GET", path="/api/jobs/{job_id}", role=Role.EDITOR, summary="One job.", gives=Job)
PROGRESS = Endpoint(
    method="POST",
    path="/api/jobs/{job_id}/progress",
    role=Role.SERVICE,
    summary="Note progress and renew the lease.",
    takes=Progress,
    gives=Job,
)
FINISH = Endpoint(
    method="POST",
    path="/api/jobs/{job_id}/finish",
    role=Role.SERVICE,
    summary="End an attempt.",
    takes=Outcome,
    gives=Job,
    limit_bytes=8 << 20,
)
CANCEL = Endpoint(
    method="DELETE",
    path="/api/jobs/{job_id}",
    role=Role.EDITOR,
    summary="End a job that nobody wants any more; its file and its media go.",
    gives=Job,
)


def routes(encoding: Encoding) -> list[Route]:
    """Serve the queue."""

    async def jobs(_: Call) -> list[Job]:
        return await encoding.jobs()

    async def submit(call: Call) -> Job:
        return await encoding.submit(call.body.source, call.body.filename, call.body.new)

    async def claim(call: Call) -> Job | Response:
        job = await encoding.claim(call.body.worker)
        return Response(status_code=204) if job is None else job

    async def job(call: Call) -> Job:
        return await encoding.job(call.path["job_id"])

    async def progress(call: Call) -> Job:
        return await encoding.progress(call.path["job_id"], call.body)

    async def finish(call: Call) -> Job:
        return await encoding.finish(call.path["job_id"], call.body)

    async def cancel(call: Call) -> Job:
        return await encoding.cancel(call.path["job_id"])

    return [
        JOBS.bind(jobs),
        SUBMIT.bind(submit),
        CLAIM.bind(claim),
        JOB.bind(job),
        PROGRESS.bind(progress),
        FINISH.bind(finish),
        CANCEL.bind(cancel),
    ]


class EncodingClient:
    """`Encoding` of another process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        """Queue an encode of a source blob."""
        job: Job = await self._wire.call(SUBMIT, NewJob(source, filename, new))
        return job

    async def job(self, job_id: str) -> Job:
        """Return one job."""
        job: Job = await self._wire.call(JOB, job_id=job_id)
        return job

    async def jobs(self) -> list[Job]:
        """Return the newest 200 jobs, the newest first."""
        jobs: list[Job] = await self._wire.call(JOBS)
        return jobs

    async def claim(self, worker: str) -> Job | None:
        """Hand out the oldest job that nobody holds, or None."""
        job: Job | None = await self._wire.call(CLAIM, Claim(worker))
        return job

    async def progress(self, job_id: str, progress: Progress) -> Job:
        """Note progress and renew the lease."""
        job: Job = await self._wire.call(PROGRESS, progress, job_id=job_id)
        return job

    async def finish(self, job_id: str, outcome: Outcome) -> Job:
        """End an attempt."""
        job: Job = await self._wire.call(FINISH, outcome, job_id=job_id)
        return job

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more."""
        job: Job = await self._wire.call(CANCEL, job_id=job_id)
        return job
