"""Encode jobs over HTTP: the routes, and the client that calls them."""

import msgspec

from bijou.catalog import NewTitle
from bijou.encoding.api import Additions, CodecOrder, EncodeLoad, Encoding, Job, JobTasks, RungHulls
from bijou.ports import InvalidRequest, Role
from bijou.runtime.http import Call, Endpoint, Route, Wire


class NewJob(msgspec.Struct, frozen=True):
    """An encode to be queued."""

    source: str
    filename: str
    new: NewTitle


class NewPriority(msgspec.Struct, frozen=True):
    """A job's priority from now on, 0 to 9."""

    priority: int


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
JOB = Endpoint(method="GET", path="/api/jobs/{job_id}", role=Role.EDITOR, summary="One job.", gives=Job)
TASKS = Endpoint(
    method="GET",
    path="/api/jobs/{job_id}/tasks",
    role=Role.EDITOR,
    summary="A job with all its tasks, and how each rendition stands.",
    gives=JobTasks,
)
HULLS = Endpoint(
    method="GET",
    path="/api/jobs/{job_id}/hulls/{chunk}",
    role=Role.EDITOR,
    summary="What was chosen for one chunk of a film, and from what; empty where nothing was analysed.",
    gives=list[RungHulls],
)
CANCEL = Endpoint(
    method="DELETE",
    path="/api/jobs/{job_id}",
    role=Role.EDITOR,
    summary="End a job that nobody wants any more; its file and its media go.",
    gives=Job,
)
RETRY = Endpoint(
    method="POST",
    path="/api/jobs/{job_id}/retry",
    role=Role.EDITOR,
    summary="Give a failed job's dead tasks all their attempts again.",
    gives=Job,
)
PRIORITY = Endpoint(
    method="POST",
    path="/api/jobs/{job_id}/priority",
    role=Role.OPERATOR,
    summary="Set the priority of what is not done yet, 0 to 9.",
    takes=NewPriority,
    gives=Job,
)
ADD_CODECS = Endpoint(
    method="POST",
    path="/api/titles/{slug}/codecs",
    role=Role.EDITOR,
    summary="Add recipes to a finished title; what stands of it stays, byte for byte.",
    takes=CodecOrder,
    gives=Job,
    status=201,
)
ADD_EVERYWHERE = Endpoint(
    method="POST",
    path="/api/encodes/add-codec",
    role=Role.OPERATOR,
    summary="Add recipes to every title that lacks them; said again, it goes on where it was.",
    takes=CodecOrder,
    gives=Additions,
)
LOAD = Endpoint(
    method="GET",
    path="/api/encodes/load",
    role=Role.OPERATOR,
    summary="What encoders have before them, and which deadlines they make: the signals to scale by.",
    gives=EncodeLoad,
)


def routes(encoding: Encoding) -> list[Route]:
    """Serve jobs."""
    return [*_looking(encoding), *_steering(encoding)]


def _looking(encoding: Encoding) -> list[Route]:
    async def jobs(_: Call) -> list[Job]:
        return await encoding.jobs()

    async def submit(call: Call) -> Job:
        return await encoding.submit(call.body.source, call.body.filename, call.body.new)

    async def job(call: Call) -> Job:
        return await encoding.job(call.path["job_id"])

    async def tasks(call: Call) -> JobTasks:
        return await encoding.tasks(call.path["job_id"])

    async def hulls(call: Call) -> list[RungHulls]:
        return await encoding.hulls(call.path["job_id"], _number(call.path["chunk"]))

    async def load(_: Call) -> EncodeLoad:
        return await encoding.load()

    return [
        JOBS.bind(jobs),
        SUBMIT.bind(submit),
        JOB.bind(job),
        TASKS.bind(tasks),
        HULLS.bind(hulls),
        LOAD.bind(load),
    ]


def _steering(encoding: Encoding) -> list[Route]:
    async def cancel(call: Call) -> Job:
        return await encoding.cancel(call.path["job_id"])

    async def retry(call: Call) -> Job:
        return await encoding.retry(call.path["job_id"])

    async def prioritise(call: Call) -> Job:
        return await encoding.prioritise(call.path["job_id"], call.body.priority)

    async def add_codecs(call: Call) -> Job:
        return await encoding.add_codecs(call.path["slug"], call.body)

    async def add_codecs_everywhere(call: Call) -> Additions:
        return await encoding.add_codecs_everywhere(call.body)

    return [
        CANCEL.bind(cancel),
        RETRY.bind(retry),
        PRIORITY.bind(prioritise),
        ADD_CODECS.bind(add_codecs),
        ADD_EVERYWHERE.bind(add_codecs_everywhere),
    ]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRequest("encoding.bad_chunk", f"{text[:40]!r} is no chunk; chunks are numbered from 0")
    return int(text)


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

    async def tasks(self, job_id: str) -> JobTasks:
        """Return a job with its whole graph."""
        found: JobTasks = await self._wire.call(TASKS, job_id=job_id)
        return found

    async def hulls(self, job_id: str, chunk: int) -> list[RungHulls]:
        """Return what was chosen for one chunk."""
        found: list[RungHulls] = await self._wire.call(HULLS, job_id=job_id, chunk=str(chunk))
        return found

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more."""
        job: Job = await self._wire.call(CANCEL, job_id=job_id)
        return job

    async def retry(self, job_id: str) -> Job:
        """Give a failed job's dead tasks all their attempts again."""
        job: Job = await self._wire.call(RETRY, job_id=job_id)
        return job

    async def prioritise(self, job_id: str, priority: int) -> Job:
        """Set the priority of what is not done yet."""
        job: Job = await self._wire.call(PRIORITY, NewPriority(priority), job_id=job_id)
        return job

    async def add_codecs(self, title: str, order: CodecOrder) -> Job:
        """Queue an encode that adds recipes to a finished title."""
        job: Job = await self._wire.call(ADD_CODECS, order, slug=title)
        return job

    async def add_codecs_everywhere(self, order: CodecOrder) -> Additions:
        """Queue it for every title that lacks the recipes."""
        added: Additions = await self._wire.call(ADD_EVERYWHERE, order)
        return added

    async def load(self) -> EncodeLoad:
        """Return the signals to scale encoders by."""
        load: EncodeLoad = await self._wire.call(LOAD)
        return load
