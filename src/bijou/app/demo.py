"""The sample titles: made by ffmpeg at first start, and uploaded as anybody would."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import click

from bijou.app.addresses import control_address
from bijou.app.clients import Clients, connected
from bijou.app.settings import Settings
from bijou.catalog import NewTitle
from bijou.encoding import SAMPLES, JobState, Sample, make_sample
from bijou.ingest import NewUpload
from bijou.ports import BijouError, Clock, EngineUnavailable

_ASK_EVERY_S = 0.1
_ASK_AGAIN_S = 1.0
_FIRST_WITHIN_S = 40.0
_OPENING = "ringlight"


def programme() -> list[Sample]:
    """Return the samples in the order of their making.

    The quickest opens, so that something can be watched soon; the most
    beautiful comes last, because the newest title is the face of the home page.
    """
    opening, *middle = sorted(SAMPLES[1:], key=lambda sample: sample.slug != _OPENING)
    return [opening, *middle, SAMPLES[0]]


class SampleTitles:
    """Brings the sample titles that are missing onto the running service.

    Args:
        settings: Where the control plane is.
        data_dir: Where films are made and the operator's token lies.
        stop: Set when the house closes, and what fails from then on is no news.
        films: In the order of their making; empty: `programme()`.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        clock: Clock,
        stop: asyncio.Event,
        *,
        films: Sequence[Sample] = (),
    ) -> None:
        self._base = control_address(settings)
        self._stop = stop
        self._scratch = data_dir / "samples"
        self._token = data_dir / "keys" / "operator.token"
        self._mark = data_dir / "samples.made"
        self._clock = clock
        self._programme = list(films) or programme()
        self._missing: list[Sample] = []

    async def prepare_first(self) -> Path | None:
        """Make the first film while the services are still starting."""
        if self._mark.is_file():
            return None
        return await self._make(self._programme[0])

    async def begin(self, first: "asyncio.Task[Path | None]") -> None:
        """See to it that at least one title can be watched."""
        async with self._service() as service:
            self._missing = await self._wanting(service)
            if self._programme[0] in self._missing:
                opening = self._missing.pop(0)
                with self._told(opening):
                    await first
                    await self._upload(service, opening)
                    await self._first_is_up(service)

    async def finish(self) -> None:
        """Make and upload the others, one after another; those that are not up then, the next start makes."""
        all_of_them = len(self._programme)
        there = all_of_them - len(self._missing)
        async with self._service() as service:
            for number, sample in enumerate(self._missing, there + 1):
                with self._told(sample):
                    await self._make(sample)
                    await self._upload(service, sample)
                    click.echo(f"sample    {number} of {all_of_them}: {sample.name}", err=True)
            if await self._all_are_up(service):
                self._mark.touch()
        with contextlib.suppress(OSError):
            self._scratch.rmdir()

    async def _wanting(self, service: Clients) -> list[Sample]:
        if self._mark.is_file():
            return []
        under_way = await self._under_way(service)
        return [each for each in await self._not_up(service) if _filename(each) not in under_way]

    async def _all_are_up(self, service: Clients) -> bool:
        """Wait until no sample is being encoded; tell whether all were published."""
        while True:
            with contextlib.suppress(EngineUnavailable):  # control starts anew
                if not await self._under_way(service):
                    return not await self._not_up(service)
            await self._clock.sleep(_ASK_AGAIN_S)

    async def _not_up(self, service: Clients) -> list[Sample]:
        here = {title.slug for title in await service.catalog.titles()}
        return [each for each in self._programme if each.slug not in here]

    async def _under_way(self, service: Clients) -> set[str]:
        ours = {_filename(each) for each in self._programme}
        jobs = await service.encoding.jobs()
        return {job.filename for job in jobs if job.state in {JobState.QUEUED, JobState.RUNNING}} & ours

    async def _first_is_up(self, service: Clients) -> None:
        deadline_ns = self._clock.monotonic_ns() + int(_FIRST_WITHIN_S * 1e9)
        while self._clock.monotonic_ns() < deadline_ns and not await service.catalog.titles():
            await self._clock.sleep(_ASK_EVERY_S)

    async def _make(self, sample: Sample) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return await make_sample(sample, self._scratch / _filename(sample), clock=self._clock)

    async def _upload(self, service: Clients, sample: Sample) -> None:
        film = self._scratch / _filename(sample)
        words = NewTitle(
            name=sample.name,
            synopsis=sample.synopsis,
            row=sample.row,
            year=sample.year,
            accent=sample.accent,
            slug=sample.slug,
        )
        size = film.stat().st_size
        opened = await service.ingest.open(NewUpload(filename=film.name, size_bytes=size, title=words))
        await service.ingest.receive(opened.id, _pieces(film))
        film.unlink()

    @contextlib.contextmanager
    def _told(self, sample: Sample) -> Iterator[None]:
        """A sample that cannot be made is a pity, and no reason to close the house."""
        try:
            yield
        except BijouError as error:
            if not self._stop.is_set():
                click.echo(f"sample    {sample.name} could not be made: {error.detail}", err=True)

    def _service(self) -> contextlib.AbstractAsyncContextManager[Clients]:
        return connected(self._base, self._token.read_text(encoding="utf-8").strip())


def _filename(sample: Sample) -> str:
    return f"{sample.slug}.mp4"


async def _pieces(film: Path) -> AsyncIterator[bytes]:
    with film.open("rb") as source:
        while piece := source.read(1 << 20):
            yield piece
