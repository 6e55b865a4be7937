"""Encode jobs as other rooms see them."""

from enum import StrEnum
from typing import Protocol

import msgspec

from bijou.catalog import NewTitle
from bijou.ports import Instant, Load, Problem


class JobState(StrEnum):
    """Where a job is; `DONE` and `REFUSED` are final, `FAILED` until it is retried."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True):
    """One whole encode: from a source blob to a published title, or to more codecs of one.

    Args:
        source: Blob key of the uploaded file.
        step: What is being done, in one word: `inspect`, `chunk`, `publish`.
        progress: 0 to 1 over the whole job.
        attempts: Of the task that was tried most often.
        problem: Why it was refused or failed.
        title: Slug of what came out, as soon as it can be watched.
        speed: Media seconds per second of work, 0 while unknown.
        version: 1 for the first encode of an asset, more where codecs are added.
        recipes: What is made; of a later version, in addition.
        priority: 0 to 9.
        deadline_at: By when it should be done.
        watchable: Whether it can be watched, be it only what has arrived.
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
    attempts: int = 0
    problem: Problem | None = None
    title: str = ""
    speed: float = 0.0
    version: int = 1
    recipes: tuple[str, ...] = ("h264_aac",)
    priority: int = 4
    deadline_at: Instant | None = None
    watchable: bool = False


class CodecOrder(msgspec.Struct, frozen=True):
    """Recipes to be added to what is finished.

    Args:
        recipes: At least one; those that a title has already are left out.
        priority: Below that of uploads, so that these do not wait.
        deadline_at: By when it should be done.
    """

    recipes: list[str]
    priority: int = 2
    deadline_at: Instant | None = None


class Additions(msgspec.Struct, frozen=True):
    """What an order for the whole catalogue has come to; titles by their slugs.

    Args:
        jobs: Those that were queued by this word.
        there: Titles that have the recipes already, or soon will.
        busy: Titles that another job is still at; ask again later.
        without_source: Titles whose uploaded file was not kept.
    """

    jobs: list[Job] = []
    there: list[str] = []
    busy: list[str] = []
    without_source: list[str] = []


class RungProgress(msgspec.Struct, frozen=True):
    """How one rendition stands.

    Args:
        kind: `video` or `audio`.
        done_s: Seconds of film that are final.
        chunks: How many are known by now.
        speed: Seconds of film per second of one core's time; 0 while unknown.
    """

    name: str
    kind: str
    done_s: float
    chunks_done: int
    chunks: int
    size_bytes: int
    speed: float


class TaskView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node of a job's graph, as an operator sees it.

    Args:
        name: What tells it from others of its kind; such as `3/v360`.
        rung: The rendition that it makes, or empty.
        chunk: Its place in the film; -1 where it is of the whole film.
        needs: How many tasks it waits for, at most.
        tried: How often it was handed out, of at most `attempts` times.
        vmaf: Expected of a chunk that was analysed; else 0.
    """

    id: str
    kind: str
    state: str
    name: str = ""
    rung: str = ""
    chunk: int = -1
    needs: int = 0
    tried: int = 0
    attempts: int = 0
    worker: str = ""
    progress: float = 0.0
    note: str = ""
    problem: Problem | None = None
    last_words: str = ""
    work_s: float = 0.0
    vmaf: float = 0.0
    ended_at: Instant | None = None


class Forecast(msgspec.Struct, frozen=True):
    """Whether a job makes its deadline.

    Args:
        work_s: Seconds that one core would need for what is left.
        late_s: Seconds past its deadline; 0 where it makes it.
        hopeless: No order of the work could save it; more workers are needed.
    """

    job: str
    deadline_at: Instant
    ends_at: Instant
    work_s: float
    late_s: float
    hopeless: bool


class JobTasks(msgspec.Struct, frozen=True):
    """A job with all its tasks.

    Args:
        counts: Tasks by state.
        last_words: The end of the log of the attempt that failed last.
    """

    job: Job
    duration_s: float
    rungs: list[RungProgress]
    counts: dict[str, int]
    tasks: list[TaskView]
    last_words: str = ""
    forecast: Forecast | None = None


class HullPoint(msgspec.Struct, frozen=True):
    """What one rate factor costs and gives."""

    crf: float
    bits: float
    vmaf: float


class RungHulls(msgspec.Struct, frozen=True):
    """What was chosen for one rendition of a chunk, and from what.

    Args:
        crfs: Rate factor of each shot.
        bits: Expected by the analysis encoder: a measure, not a size.
        reached: Whether the target lies within what may be chosen.
        hulls: Of each shot, the cheapest point first; one for all where all have
            one rate factor.
    """

    rung: str
    crfs: list[float]
    vmaf: float
    bits: float
    reached: bool
    hulls: list[list[HullPoint]]


class EncodeLoad(msgspec.Struct, frozen=True):
    """The signals to scale encoders by.

    Args:
        kinds: What each kind of task has before it.
        work_s: Estimated seconds of work, ready and running, of all kinds.
        running: Tasks that workers are at, by worker.
        slots: Encodes at the same time that the forecast reckons with.
        deadlines: Of jobs that have one, the earliest first.
    """

    kinds: list[Load]
    work_s: float
    running: dict[str, int]
    slots: int
    deadlines: list[Forecast]


class Encoding(Protocol):
    """Encode jobs, what is being done for them, and what became of them."""

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        """Queue an encode of a source blob; the same source twice gives the same job."""
        ...

    async def job(self, job_id: str) -> Job:
        """Return one job; NotFound `encoding.no_job`."""
        ...

    async def jobs(self) -> list[Job]:
        """Return the newest 200 jobs, the newest first."""
        ...

    async def tasks(self, job_id: str) -> JobTasks:
        """Return a job with its whole graph; NotFound `encoding.no_job`."""
        ...

    async def hulls(self, job_id: str, chunk: int) -> list[RungHulls]:
        """Return what was chosen for one chunk; empty where nothing was analysed."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more; its file and its media go.

        It is refused with the problem `encoding.cancelled`. A title that is
        still arriving leaves the site with it; one to which codecs were to be
        added stays as it was.

        Raises:
            Conflict: `encoding.already_ended`.
            NotFound: `encoding.no_job`.
        """
        ...

    async def retry(self, job_id: str) -> Job:
        """Give a failed job's dead tasks all their attempts again; what is done stays done.

        Raises:
            Conflict: `encoding.not_failed`.
            NotFound: `encoding.no_job`.
        """
        ...

    async def prioritise(self, job_id: str, priority: int) -> Job:
        """Set the priority of what is not done yet, 0 to 9.

        Raises:
            Conflict: `encoding.already_ended`.
            InvalidRequest: `encoding.bad_priority`.
            NotFound: `encoding.no_job`.
        """
        ...

    async def add_codecs(self, title: str, order: CodecOrder) -> Job:
        """Queue an encode that adds recipes to a finished title, by its slug or id.

        What stands of it stays, byte for byte; once the new renditions are all
        there, its playlists list both.

        Raises:
            Conflict: `encoding.has_codecs`, it has them; `encoding.busy`, another
                job is still at it; `encoding.no_source`, its file was not kept.
            InvalidRequest: `encoding.no_recipe`, `encoding.bad_priority`.
            NotFound: `catalog.no_title`.
        """
        ...

    async def add_codecs_everywhere(self, order: CodecOrder) -> Additions:
        """Queue it for every title that lacks the recipes; said again, it goes on where it was.

        Raises:
            InvalidRequest: `encoding.no_recipe`, `encoding.bad_priority`.
        """
        ...

    async def load(self) -> EncodeLoad:
        """Return the signals to scale encoders by."""
        ...
