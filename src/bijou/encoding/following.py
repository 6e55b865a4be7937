"""What the queue says of open jobs, told to records and catalogue."""

import asyncio
from collections.abc import Callable, Sequence

from bijou.catalog import Catalog, Publication, Title
from bijou.encoding import model, store
from bijou.encoding.api import Job, JobState
from bijou.encoding.cleaning import Cleaning
from bijou.encoding.keeping import Keeping, apart
from bijou.encoding.store import EARLY, WHOLE, Kept
from bijou.encoding.titles import Standing, TitleWork, first_tasks, group_of, standing_of
from bijou.encoding.titles.graph import ALL_TASKS
from bijou.ports import (
    BijouError,
    Clock,
    InvalidRequest,
    Queue,
    Steer,
    Task,
    TaskState,
)
from bijou.runtime.logs import get_logger
from bijou.runtime.race import roused

Move = Callable[[Kept], Kept]

_FINAL = frozenset({TaskState.DONE, TaskState.CANCELLED})
_IDLE_S = 2.0
_LONGEST_S = 10.0
_SHARE = 20.0
_AT_ONCE = 8

_log = get_logger()


class Follower:
    """Turns what the queue says into jobs, titles and events, again and again.

    Every step can be cut off anywhere and taken again, by this process or by
    another: each change of a job is made only while it is still open in the
    records. A title is announced there before the catalogue hears of it, so
    that a cancel knows what it has to take back; once all of it is announced,
    there is no cancel any more.

    Cost: a look at the queue for each open job every half second; where that
    takes long, as with films of many hours, more seldom, so that it takes a
    twentieth of the time at most. With nothing open, two reads of the records
    in two seconds.
    Threads: one event loop.

    Args:
        work: What is to be made for a job.
    """

    def __init__(
        self,
        keeping: Keeping,
        cleaning: Cleaning,
        queue: Queue,
        catalog: Catalog,
        clock: Clock,
        work: Callable[[Kept], TitleWork],
        *,
        every_s: float = 0.5,
    ) -> None:
        self._keeping = keeping
        self._cleaning = cleaning
        self._queue = queue
        self._catalog = catalog
        self._clock = clock
        self._work = work
        self._every_s = every_s
        self._stirred = asyncio.Event()
        self._troubled = self._repaired = False

    def stir(self) -> None:
        """Look at once: something has changed."""
        self._stirred.set()

    async def run(self) -> None:
        """Repair, then follow until cancelled; what does not answer is asked again."""
        while True:
            self._stirred.clear()
            began_ns = self._clock.monotonic_ns()
            busy = await self._look()
            took_s = (self._clock.monotonic_ns() - began_ns) / 1e9
            rest_s = min(_LONGEST_S, max(self._every_s if busy else _IDLE_S, _SHARE * took_s))
            await roused(self._stirred, self._clock, rest_s)

    async def step(self) -> bool:
        """Look at everything that is open, once; tell whether there is any."""
        kept = await self._keeping.records.read(store.still_open)
        await self._keeping.hear(kept)
        for one in under_way(kept):
            await apart(self.follow(one), one.job, "job.not_followed")
        cleaning = await self._cleaning.step()
        return bool(kept) or cleaning

    async def follow(self, kept: Kept) -> None:
        """See what has become of one job's tasks."""
        job = kept.job
        tasks, parts = await self._queue.tasks(group=group_of(job.asset, job.version), limit=ALL_TASKS)
        if not tasks:
            await self._begin(kept)
            return
        await self._keep_priority(job, tasks)
        standing = await asyncio.to_thread(standing_of, tasks, parts)
        attempts = max(task.tried for task in tasks)

        def move(one: Kept) -> Kept:
            return model.moved(one, standing, attempts)

        if standing.publication is not None:
            await self._publish(job, standing.publication, WHOLE, move)
        elif standing.state in {JobState.REFUSED, JobState.FAILED}:
            await self._end(job, standing, move)
        elif standing.watchable is not None and job.version == 1 and not job.watchable:
            await self._publish(job, standing.watchable, EARLY, move)
        elif move(kept) != kept:
            await self._keeping.change_if(job.id, model.OPEN, move)

    async def repair(self) -> None:
        """Finish what was cut short; once, before the first step.

        What was never begun loses what an older encoder has left of it; titles
        whose jobs were cancelled while they were being published leave the
        site; failed jobs whose tasks were retried go on.
        """
        for kept in await self._keeping.records.read(store.still_open):
            if not await self._tasks_of(kept.job, limit=1):
                await self._cleaning.clear_media(kept)
        await self._cleaning.take_back()
        for kept in await self._keeping.records.read(store.failed):
            tasks = await self._tasks_of(kept.job, limit=ALL_TASKS)
            if tasks and not any(task.state is TaskState.DEAD for task in tasks):
                await self._keeping.change_if(kept.job.id, {JobState.FAILED}, model.reopened)

    async def _tasks_of(self, job: Job, *, limit: int) -> list[Task]:
        tasks, _ = await self._queue.tasks(group=group_of(job.asset, job.version), limit=limit)
        return tasks

    async def _begin(self, kept: Kept) -> None:
        """Add what a job begins with; said again, that changes nothing."""
        try:
            await self._queue.add(first_tasks(self._work(kept)))
        except InvalidRequest as error:
            problem, now = error.problem(), self._clock.now()
            await self._keeping.change_if(
                kept.job.id, model.OPEN, lambda one: model.ended(one, JobState.REFUSED, problem, now)
            )

    async def _keep_priority(self, job: Job, tasks: Sequence[Task]) -> None:
        """Let tasks that were added after the job got another priority have that too."""
        if any(task.priority != job.priority and task.state not in _FINAL for task in tasks):
            group = group_of(job.asset, job.version)
            await self._queue.steer(Steer("reprioritise", group=group, priority=job.priority))

    async def _publish(self, job: Job, publication: Publication, how: int, move: Move) -> None:
        """Bring a publication into the catalogue, unless the job has been ended."""
        announced = await self._keeping.change_if(
            job.id, model.OPEN, lambda one: model.announced(move(one), how)
        )
        if announced is None:
            return
        title = await self._catalogued(announced.job, publication)
        now = self._clock.now()
        published = await self._keeping.change_if(
            job.id, model.OPEN, lambda one: model.published(one, title.slug, how, now)
        )
        if published is None:
            await self._cleaning.take_back()

    async def _catalogued(self, job: Job, publication: Publication) -> Title:
        if job.title or job.version > 1:
            return await self._catalog.republish(publication)
        title = await self._catalog.publish(job.new, publication)
        if title.publication != publication:
            title = await self._catalog.republish(publication)
        return title

    async def _end(self, job: Job, standing: Standing, move: Move) -> None:
        """Note that a job came to nothing; of a refused one nothing stays."""
        now = self._clock.now()
        ended = await self._keeping.change_if(
            job.id, model.OPEN, lambda one: model.ended(move(one), standing.state, standing.problem, now)
        )
        if ended is not None and ended.job.state is JobState.REFUSED:
            await self._cleaning.clean(ended)

    async def _look(self) -> bool:
        try:
            if not self._repaired:
                await self.repair()
                self._repaired = True
            busy = await self.step()
        except BijouError as error:
            if not self._troubled:
                _log.warning("jobs.not_followed", code=error.code, detail=error.detail)
            self._troubled = True
            return True
        except Exception:  # noqa: BLE001 - whatever it is, the next look may go better
            _log.exception("jobs.follower_crashed")
            return True
        self._troubled = False
        return busy


def under_way(kept: Sequence[Kept]) -> list[Kept]:
    """Return the jobs to look at: all first versions, and of the later ones the most urgent.

    The queue lets all groups that it knows take turns. A catalogue of which
    every title is a little encoded is worth nothing, so of jobs that add
    codecs only a few are under way at a time.

    Args:
        kept: Open jobs, the most urgent first.
    """
    later = [one for one in kept if one.job.version > 1]
    begun = [one for one in later[_AT_ONCE:] if one.job.state is JobState.RUNNING]
    return [one for one in kept if one.job.version == 1] + later[:_AT_ONCE] + begun
