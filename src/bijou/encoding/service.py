"""Encode jobs: each a group of tasks in the queue, followed until its title stands."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from bijou.catalog import Catalog, NewTitle, Title, checked
from bijou.encoding import adding, model, store, views
from bijou.encoding.api import (
    Additions,
    CodecOrder,
    EncodeLoad,
    Forecast,
    Job,
    JobState,
    JobTasks,
    RungHulls,
)
from bijou.encoding.cleaning import Cleaning
from bijou.encoding.following import Follower
from bijou.encoding.keeping import Keeping
from bijou.encoding.recipes import checked_recipes
from bijou.encoding.store import Kept
from bijou.encoding.titles import TitleWork, first_tasks, group_of, standing_of
from bijou.encoding.titles.graph import ALL_TASKS
from bijou.events import Publisher, register
from bijou.ports import (
    Blobs,
    Clock,
    Conflict,
    NotFound,
    Part,
    Queue,
    Records,
    Role,
    Steer,
    Task,
    TaskState,
    new_id,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEWEST = 200

register("job.changed@1", Job, role=Role.EDITOR, tells="An encode job was queued, moved on or ended.")


class EncodingService:
    """`Encoding` that keeps jobs in records, and their tasks in the queue.

    The two may lie in different stores. A job is kept first, then its tasks
    are added; whatever a crash leaves out between the two, `run` makes up for.
    It is also what tells the catalogue: of a title as soon as it can be
    watched, and again once all of it is there.

    Threads: one event loop.

    Args:
        recipes: What is made of an upload.
        analyse: Whether each shot gets a quality of its own.
        keep_sources: Whether uploaded files stay, so that codecs can be added.
        lease_s: As long as the queue's.
        slots: Encodes at the same time that forecasts reckon with.
    """

    def __init__(
        self,
        records: Records,
        queue: Queue,
        blobs: Blobs,
        catalog: Catalog,
        clock: Clock,
        chance: Random,
        publish: Publisher,
        *,
        recipes: Sequence[str] = ("h264_aac",),
        analyse: bool = True,
        keep_sources: bool = True,
        lease_s: float = 15.0,
        slots: int = 1,
    ) -> None:
        self._records = records
        self._queue = queue
        self._catalog = catalog
        self._clock = clock
        self._chance = chance
        self._recipes = checked_recipes(recipes)
        self._analyse = analyse
        self._slots = slots
        self._keeping = Keeping(records, publish)
        self._cleaning = Cleaning(
            self._keeping, queue, blobs, catalog, clock, lease_s=lease_s, keep_sources=keep_sources
        )
        self._follower = Follower(self._keeping, self._cleaning, queue, catalog, clock, self._work)

    async def run(self) -> None:
        """Follow jobs until cancelled, after finishing what was cut short."""
        await self._follower.run()

    async def step(self) -> bool:
        """Look at all open jobs once; `run` does nothing else, again and again."""
        return await self._follower.step()

    async def repair(self) -> None:
        """Finish what a crash cut short; `run` begins with it."""
        await self._follower.repair()

    async def submit(self, source: str, filename: str, new: NewTitle) -> Job:
        """Queue an encode of a source blob; the same source twice gives the same job."""
        fresh = Kept(
            Job(
                id=new_id("job", self._clock, self._chance),
                asset=new_id("ast", self._clock, self._chance),
                source=source,
                filename=filename,
                new=checked(new),
                state=JobState.QUEUED,
                created_at=self._clock.now(),
                recipes=self._recipes,
            )
        )

        def work(db: "Connection") -> Kept:
            there = store.job_of_source(db, source)
            if there is None:
                store.add(db, fresh)
            return there or fresh

        kept = await self._records.write(work)
        if kept is fresh:
            await self._begin([kept])
        return kept.job

    async def job(self, job_id: str) -> Job:
        """Return one job."""
        return (await self._keeping.kept(job_id)).job

    async def jobs(self) -> list[Job]:
        """Return the newest 200 jobs, the newest first."""
        return await self._records.read(lambda db: store.newest(db, NEWEST))

    async def tasks(self, job_id: str) -> JobTasks:
        """Return a job with its whole graph."""
        job = await self.job(job_id)
        tasks, parts = await self._graph(job)
        forecast = await self._forecasts(job.id)
        return await asyncio.to_thread(_job_tasks, job, tasks, parts, forecast[0] if forecast else None)

    async def hulls(self, job_id: str, chunk: int) -> list[RungHulls]:
        """Return what was chosen for one chunk."""
        tasks, parts = await self._graph(await self.job(job_id))
        return await asyncio.to_thread(views.rung_hulls, tasks, parts, chunk)

    async def cancel(self, job_id: str) -> Job:
        """End a job that nobody wants any more; its file and its media go."""
        now = self._clock.now()
        kept = await self._keeping.change(job_id, lambda one: model.cancelled(one, now))
        if not kept.cleaned:
            await self._cleaning.clean(kept)
            self._follower.stir()
        return kept.job

    async def retry(self, job_id: str) -> Job:
        """Give a failed job's dead tasks all their attempts again."""
        job = await self.job(job_id)
        if job.state is not JobState.FAILED:
            raise Conflict("encoding.not_failed", f"{job_id} is {job.state}; only what failed is retried")
        await self._steer(job, "retry")
        kept = await self._keeping.change_if(job_id, {JobState.FAILED}, model.reopened)
        self._follower.stir()
        return kept.job if kept else await self.job(job_id)

    async def prioritise(self, job_id: str, priority: int) -> Job:
        """Set the priority of what is not done yet."""
        adding.check_priority(priority)
        kept = await self._keeping.change(job_id, lambda one: model.prioritised(one, priority))
        await self._steer(kept.job, "reprioritise", priority)
        self._follower.stir()
        return kept.job

    async def add_codecs(self, title: str, order: CodecOrder) -> Job:
        """Queue an encode that adds recipes to a finished title."""
        adding.check_order(order)
        found = await self._catalog.title(title)
        ((verdict, kept),) = await self._add([found], order)
        if kept is None:
            raise adding.refusal(found, verdict)
        await self._begin([kept])
        return kept.job

    async def add_codecs_everywhere(self, order: CodecOrder) -> Additions:
        """Queue it for every title that lacks the recipes."""
        adding.check_order(order)
        titles = sorted(await self._catalog.titles(), key=lambda one: (one.published_at, one.id))
        answers = await self._add(titles, order)
        fresh = [kept for _, kept in answers if kept is not None]
        await self._begin(fresh)
        by_verdict: dict[str, list[str]] = {}
        for title, (verdict, _) in zip(titles, answers, strict=True):
            by_verdict.setdefault(verdict, []).append(title.slug)
        return Additions(
            jobs=[kept.job for kept in fresh],
            there=by_verdict.get(adding.THERE, []),
            busy=by_verdict.get(adding.BUSY, []),
            without_source=by_verdict.get(adding.NO_SOURCE, []),
        )

    async def load(self) -> EncodeLoad:
        """Return the signals to scale encoders by."""
        running, _ = await self._queue.tasks(states=(TaskState.RUNNING,), limit=ALL_TASKS)
        kinds = await self._queue.load()
        return views.encode_load(kinds, running, self._slots, await self._forecasts())

    async def _add(self, titles: Sequence[Title], order: CodecOrder) -> list[tuple[str, Kept | None]]:
        """Keep one job more for each title that lacks something; say of each how it is."""

        def work(db: "Connection") -> list[tuple[str, Kept | None]]:
            jobs = store.of_assets(db, [title.publication.asset for title in titles])
            answers: list[tuple[str, Kept | None]] = []
            for title in titles:
                verdict, kept = adding.addition(
                    title,
                    jobs[title.publication.asset],
                    order,
                    lambda: new_id("job", self._clock, self._chance),
                    self._clock.now(),
                )
                if kept is not None:
                    store.add(db, kept)
                answers.append((verdict, kept))
            return answers

        return await self._records.write(work)

    async def _begin(self, fresh: Sequence[Kept]) -> None:
        """Tell of new jobs, and add what uploads begin with; codecs are begun as there is room."""
        for kept in fresh:
            self._keeping.tell(kept.job)
        first = [task for kept in fresh if kept.job.version == 1 for task in first_tasks(self._work(kept))]
        if first:
            await self._queue.add(first)
        self._follower.stir()

    def _work(self, kept: Kept) -> TitleWork:
        job = kept.job
        return TitleWork(
            asset=job.asset,
            source=job.source,
            recipes=job.recipes,
            version=job.version,
            base=kept.base,
            priority=job.priority,
            deadline_at=job.deadline_at,
            analyse=self._analyse,
        )

    async def _graph(self, job: Job) -> tuple[list[Task], list[Part]]:
        return await self._queue.tasks(group=group_of(job.asset, job.version), limit=ALL_TASKS)

    async def _steer(self, job: Job, order: str, priority: int = 4) -> None:
        group = group_of(job.asset, job.version)
        try:
            await self._queue.steer(Steer(order, group=group, priority=priority))
        except NotFound:
            return  # its tasks are still to be added

    async def _forecasts(self, job_id: str = "") -> list[Forecast]:
        """Return which jobs make their deadlines; one of them, or all."""
        kept = await self._records.read(store.still_open)
        dated = [one.job for one in kept if one.job.deadline_at is not None]
        if job_id and job_id not in {job.id for job in dated}:
            return []
        graphs = [(job, (await self._graph(job))[0]) for job in dated]
        found = views.forecasts(graphs, self._slots, self._clock.now())
        return [one for one in found if not job_id or one.job == job_id]


def _job_tasks(job: Job, tasks: Sequence[Task], parts: Sequence[Part], forecast: Forecast | None) -> JobTasks:
    return views.job_tasks(job, standing_of(tasks, parts), tasks, parts, forecast)
