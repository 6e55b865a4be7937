"""Jobs in the records, changed one at a time, and those who hear of each change."""

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from bijou.encoding import model, store
from bijou.encoding.api import Job, JobState
from bijou.encoding.store import Kept
from bijou.events import Publisher
from bijou.ports import BijouError, EngineUnavailable, NotFound, Records
from bijou.runtime.logs import get_logger

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = get_logger()


class Keeping:
    """Keeps jobs, and tells of every change once, whoever has made it.

    A change is decided on what the records say in its own transaction, so that
    several processes may change the same job: what one has ended, another does
    not bring back.

    Threads: one event loop.
    """

    def __init__(self, records: Records, publish: Publisher) -> None:
        self.records = records
        self._publish = publish
        self._told: dict[str, Job] = {}

    async def kept(self, job_id: str) -> Kept:
        """Return one job; NotFound `encoding.no_job`."""
        return await self.records.read(lambda db: _there(db, job_id))

    async def change(self, job_id: str, how: Callable[[Kept], Kept]) -> Kept:
        """Change a job, whatever its state.

        Raises:
            NotFound: `encoding.no_job`.
            Exception: whatever `how` raises; nothing is changed then.
        """

        def work(db: "Connection") -> tuple[Kept, Kept]:
            before = _there(db, job_id)
            after = how(before)
            if after != before:
                store.keep(db, after)
            return before, after

        before, after = await self.records.write(work)
        if after.job != before.job:
            self.tell(after.job)
        return after

    async def change_if(
        self, job_id: str, states: Collection[JobState], how: Callable[[Kept], Kept]
    ) -> Kept | None:
        """Change a job that is in one of these states; None where it is not."""
        found = False

        def when(kept: Kept) -> Kept:
            nonlocal found
            found = kept.job.state in states
            return how(kept) if found else kept

        after = await self.change(job_id, when)
        return after if found else None

    def tell(self, job: Job) -> None:
        """Tell listeners of a job, if it is not what they heard last."""
        if self._told.get(job.id) == job:
            return
        self._publish(job)
        self.know(job)

    def know(self, job: Job) -> None:
        """Note what listeners know of a job, or can ask for."""
        if job.state in model.OPEN:
            self._told[job.id] = job
        else:
            self._told.pop(job.id, None)

    async def hear(self, still_open: Collection[Kept]) -> None:
        """Tell what other processes have done to jobs."""
        for kept in still_open:
            if kept.job.id in self._told:
                self.tell(kept.job)
            else:
                self.know(kept.job)
        names = {kept.job.id for kept in still_open}
        for job_id in [job_id for job_id in self._told if job_id not in names]:
            self.tell((await self.kept(job_id)).job)


async def apart(work: Awaitable[None], job: Job, trouble: str) -> None:
    """Keep one job's trouble from the others: it goes to the log.

    Args:
        trouble: How the log calls it.

    Raises:
        EngineUnavailable: that is everybody's trouble.
    """
    try:
        await work
    except EngineUnavailable:
        raise
    except BijouError as error:
        _log.warning(trouble, job=job.id, code=error.code, detail=error.detail)
    except Exception:  # noqa: BLE001 - whatever it is, those behind it go on
        _log.exception(trouble, job=job.id)


def _there(db: "Connection", job_id: str) -> Kept:
    kept = store.job(db, job_id)
    if kept is None:
        raise NotFound("encoding.no_job", f"there is no job {job_id!r}")
    return kept
