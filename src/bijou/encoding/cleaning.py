"""What nobody wants any more goes: media of refused jobs, their tasks, their titles, their files."""

from collections.abc import Iterable

from bijou.catalog import Catalog
from bijou.encoding import model, store
from bijou.encoding.api import JobState
from bijou.encoding.keeping import Keeping, apart
from bijou.encoding.store import Kept
from bijou.encoding.titles import group_of, standing_of
from bijou.encoding.titles.graph import ALL_TASKS
from bijou.encoding.titles.workshop import base_of
from bijou.ports import Blobs, Clock, NotFound, Queue, Steer


class Cleaning:
    """Removes what refused jobs have left, and the files of finished ones where they are not kept.

    Workers hear of a cancel with their next beat, and until then may still
    store a segment: so a refused job is cleaned at once, and again until twice
    the lease has passed.

    Args:
        lease_s: After so long a silent worker's task is another's.
        keep_sources: Whether the files of finished jobs stay, so that codecs
            can be added.
        again_s: Between two cleanings of one job.
    """

    def __init__(
        self,
        keeping: Keeping,
        queue: Queue,
        blobs: Blobs,
        catalog: Catalog,
        clock: Clock,
        *,
        lease_s: float,
        keep_sources: bool,
        again_s: float = 2.0,
    ) -> None:
        self._keeping = keeping
        self._queue = queue
        self._blobs = blobs
        self._catalog = catalog
        self._clock = clock
        self._patience_s = 2 * lease_s
        self._keep_sources = keep_sources
        self._again_s = again_s
        self._cleaned_ns: dict[str, int] = {}

    async def step(self) -> bool:
        """Clean what is due; tell whether anything is still to be cleaned later."""
        records = self._keeping.records
        jobs = await records.read(lambda db: store.to_clean(db, sources_too=not self._keep_sources))
        now_ns = self._clock.monotonic_ns()
        for kept in jobs:
            last_ns = self._cleaned_ns.get(kept.job.id)
            if last_ns is None or now_ns - last_ns >= self._again_s * 1e9:
                await apart(self.clean(kept), kept.job, "job.not_cleaned")
        return bool(jobs)

    async def clean(self, kept: Kept) -> None:
        """Remove what is to go of one job, and note it once nothing can come after."""
        job = kept.job
        self._cleaned_ns[job.id] = self._clock.monotonic_ns()
        if job.state is JobState.REFUSED:
            await self._stop(kept)
            if model.may_be_on_site(kept):
                await self._withdraw({job.asset})
            await self.clear_media(kept)
        if job.version == 1 or job.state is JobState.DONE:
            await self._blobs.delete(job.source)
        since = kept.ended_at or job.created_at
        if job.state is JobState.DONE or self._clock.now() >= since.plus_s(self._patience_s):
            await self._keeping.records.write(lambda db: store.cleaned(db, job.id))
            self._cleaned_ns.pop(job.id, None)  # a cancel and `step` may clean one job at the same time

    async def take_back(self) -> None:
        """Withdraw titles that were published while their jobs were being cancelled."""
        refused = await self._keeping.records.read(store.refused_when_announced)
        await self._withdraw({kept.job.asset for kept in refused if model.may_be_on_site(kept)})

    async def clear_media(self, kept: Kept) -> None:
        """Remove a job's media; of a later version only what it has made itself."""
        job = kept.job
        base = base_of(job.asset)
        if job.version == 1:
            await self._clear(base)
            return
        for folder in (f"v{job.version}", *await self._own_renditions(kept)):
            await self._clear(f"{base}/{folder}")

    async def _clear(self, folder: str) -> None:
        for key in [key async for key in self._blobs.keys(f"{folder}/")]:
            await self._blobs.delete(key)

    async def _own_renditions(self, kept: Kept) -> list[str]:
        group = group_of(kept.job.asset, kept.job.version)
        tasks, parts = await self._queue.tasks(group=group, limit=ALL_TASKS)
        standing = set() if kept.base is None else {one.name for one in kept.base.renditions}
        return [rung.name for rung in standing_of(tasks, parts).rungs if rung.name not in standing]

    async def _stop(self, kept: Kept) -> None:
        """Let nobody work on it any more."""
        group = group_of(kept.job.asset, kept.job.version)
        try:
            await self._queue.steer(Steer("cancel", group=group))
        except NotFound:
            return  # nothing was ever begun

    async def _withdraw(self, assets: Iterable[str]) -> None:
        wanted = set(assets)
        if not wanted:
            return
        for title in await self._catalog.titles():
            if title.publication.asset in wanted:
                try:
                    await self._catalog.withdraw(title.slug)
                except NotFound:
                    continue  # somebody else was quicker
