"""Takes jobs from the queue and makes films of files, one after the other."""

import asyncio
import contextlib
import errno
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, NoReturn, Protocol, TypeVar

import structlog
from msgspec import Struct

from bijou.algorithms.backoff import full_jitter
from bijou.catalog import Publication
from bijou.encoding.api import Encoding, Job, Outcome, Progress
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.pipeline import Report, encode_asset
from bijou.encoding.publishing import base_of, clear, publish
from bijou.encoding.pulse import Pulse
from bijou.ports import BijouBug, BijouError, Blobs, Clock, Conflict, EngineUnavailable, NotFound, Overloaded
from bijou.runtime.race import first

T = TypeVar("T")

_log = structlog.get_logger("bijou.encoding")

_ENCODED = 0.97
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Encode(Protocol):
    """What makes a folder of a file: `encode_asset`."""

    def __call__(
        self, source: Path, out: Path, *, asset: str, limits: EncodingLimits, clock: Clock, report: Report
    ) -> Awaitable[Publication]:
        """Make a film watchable under `out/media/<asset>/`."""
        ...


class Pace(Struct, frozen=True):
    """How often a worker speaks, and how long it waits.

    Args:
        idle_s: Between two questions for work.
        report_s: Least time between two reports of progress.
        beat_s: Longest time without one; well under the lease.
        stall_s: Without progress for so long, an encode is given up.
        backoff_s: Upper bound of the first wait for a queue that does not answer.
        backoff_cap_s: Upper bound of any such wait.
        farewell_s: How long a stopping worker tries to hand its job back.
    """

    idle_s: float = 0.5
    report_s: float = 0.5
    beat_s: float = 3.0
    stall_s: float = 300.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 2.0
    farewell_s: float = 0.3


class WorkerStatistics(Struct, frozen=True):
    """What a worker is doing and has done since it began."""

    name: str
    job: str
    step: str
    progress: float
    speed: float
    done: int
    refused: int
    failed: int
    lost: int
    cancelled: int
    unreachable: int


class Worker:
    """Works on one job at a time until it is told to stop.

    A job is held by a lease that each report renews. When the queue says that
    the lease is lost, the encode is killed at once and nothing more is said;
    what is stored of a cancelled job is removed. When the queue does not
    answer, the work goes on and the word is repeated.

    Threads: one event loop, the main thread's.

    Args:
        name: How the queue calls this worker.
        scratch: Folder that nobody else uses; emptied at the start.
        encode: What makes a film of a file.
    """

    def __init__(
        self,
        encoding: Encoding,
        blobs: Blobs,
        clock: Clock,
        chance: Random,
        *,
        name: str,
        scratch: Path,
        limits: EncodingLimits | None = None,
        pace: Pace | None = None,
        encode: Encode = encode_asset,
    ) -> None:
        self._encoding = encoding
        self._blobs = blobs
        self._clock = clock
        self._chance = chance
        self._name = name
        self._scratch = scratch
        self._limits = limits or EncodingLimits()
        self._pace = pace or Pace()
        self._encode = encode
        self._job: Job | None = None
        self._pulse = Pulse(clock)
        self._counts = dict.fromkeys(("done", "refused", "failed", "lost", "cancelled", "unreachable"), 0)

    def statistics(self) -> WorkerStatistics:
        """Return what it does now, and counts since it began."""
        said = self._pulse.said
        return WorkerStatistics(
            self._name,
            self._job.id if self._job else "",
            said.step,
            said.progress,
            said.speed,
            **self._counts,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Take jobs until `stop` is set; a job under way is handed back."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, exist_ok=True)
        stopping = asyncio.ensure_future(stop.wait())
        working = asyncio.ensure_future(self._work())
        try:
            await first(stopping, working)
            if working.done():
                working.result()
        finally:
            stopping.cancel()
            await _end(working)
            if self._job:
                await self._hand_back(self._job)

    async def _work(self) -> None:
        while True:
            job = await self._persist(self._encoding.claim, self._name)
            if job is None:
                await self._clock.sleep(self._pace.idle_s)
                continue
            self._job = job
            await self._hold(job)
            self._job = None

    async def _hold(self, job: Job) -> None:
        """See one job to its end, or until it is no longer ours."""
        self._pulse = Pulse(self._clock)
        _log.info("job.begun", job=job.id, filename=job.filename, attempt=job.attempts)
        making = asyncio.ensure_future(self._outcome(job))
        holding = asyncio.ensure_future(self._report(job))
        try:
            await first(making, holding)
            if not making.done():
                await _end(making)
                await self._let_go(job, holding)
                return
        finally:
            await _end(holding)
            await _end(making)
        await self._finish(job, making.result())

    async def _let_go(self, job: Job, holding: "asyncio.Future[NoReturn]") -> None:
        """The reports ended before the work: it is not ours any more, or nothing moves."""
        try:
            holding.result()
        except EngineUnavailable as stalled:
            await self._finish(job, Outcome(epoch=job.epoch, problem=stalled.problem(), retry=True))
        except (Conflict, NotFound) as word:
            await self._drop(job, word)

    async def _drop(self, job: Job, word: BijouError) -> None:
        """Leave a job that is no longer ours; nobody follows on a cancelled one."""
        if word.code != "encoding.cancelled":
            self._counts["lost"] += 1
            _log.warning("job.lost", job=job.id, epoch=job.epoch)
            return
        with contextlib.suppress(BijouError):
            await clear(self._blobs, base_of(job.asset))
        self._counts["cancelled"] += 1
        _log.info("job.cancelled", job=job.id)

    async def _outcome(self, job: Job) -> Outcome:
        """Make the film; whatever goes wrong becomes a problem."""
        folder = self._scratch / f"{job.id}.{job.epoch}"
        began_ns = self._clock.monotonic_ns()
        try:
            publication = await self._make(job, folder)
        except BijouError as error:
            retry = isinstance(error, EngineUnavailable | Overloaded | Conflict)
            return Outcome(epoch=job.epoch, problem=error.problem(), retry=retry)
        except OSError as error:
            _log.exception("job.io_failed", job=job.id)
            return Outcome(epoch=job.epoch, problem=_of_disk(error).problem(), retry=True)
        except Exception:  # noqa: BLE001 - whatever it is, the queue must hear of it
            _log.exception("job.crashed", job=job.id)
            bug = BijouBug(
                "encoding.fault", "something broke on our side while encoding; it has been written to the log"
            )
            return Outcome(epoch=job.epoch, problem=bug.problem(), retry=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        took_s = (self._clock.monotonic_ns() - began_ns) / 1e9
        speed = publication.media.duration_s / max(took_s, 0.001)
        return Outcome(epoch=job.epoch, publication=publication, speed=speed)

    async def _make(self, job: Job, folder: Path) -> Publication:
        await asyncio.to_thread(folder.mkdir, parents=True)
        source = folder / "source"
        await self._blobs.fetch(job.source, source)

        def report(step: str, progress: float, speed: float) -> None:
            self._pulse.say(step, progress * _ENCODED, speed)

        publication = await self._encode(
            source, folder, asset=job.asset, limits=self._limits, clock=self._clock, report=report
        )
        if job.attempts > 1:
            await self._clear(job, publication.base)
        try:
            await publish(self._blobs, folder, publication.base, self._published)
        except BijouError:
            await self._clear(job, publication.base)
            raise
        return publication

    async def _clear(self, job: Job, base: str) -> None:
        """Remove what an attempt has left, but only while the job is surely ours.

        A worker that slept through its lease must not remove what its
        successor has stored.
        """
        said = self._pulse.said
        with contextlib.suppress(BijouError):
            await self._encoding.progress(job.id, Progress(job.epoch, said.step, said.progress, said.speed))
            await clear(self._blobs, base)

    def _published(self, share: float) -> None:
        self._pulse.say("publish", _ENCODED + (1 - _ENCODED) * share, 0.0)

    async def _report(self, job: Job) -> NoReturn:
        """Report progress and renew the lease for as long as it is ours.

        Raises:
            EngineUnavailable: `encoding.stalled`.
            Conflict: the lease is lost, or the job was cancelled.
            NotFound: there is no such job.
        """
        while True:
            idle_s = self._pulse.idle_s()
            if idle_s > self._pace.stall_s:
                said = self._pulse.said.step
                raise EngineUnavailable(
                    "encoding.stalled", f"{said or 'the encode'} did not move for {idle_s:.0f} s"
                )
            if self._pulse.due(self._pace.beat_s):
                said_now = self._pulse.take()
                progress = Progress(job.epoch, said_now.step, said_now.progress, said_now.speed)
                await self._persist(self._encoding.progress, job.id, progress)
            await self._clock.sleep(self._pace.report_s)

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        try:
            await self._persist(self._encoding.finish, job.id, outcome)
        except (Conflict, NotFound) as word:
            await self._drop(job, word)
            return
        except BijouError as error:
            _log.error("job.unfinished", job=job.id, code=error.code, detail=error.detail)
            self._counts["failed"] += 1
            return
        kind = "done" if outcome.problem is None else "failed" if outcome.problem.status >= 500 else "refused"
        self._counts[kind] += 1
        _log.info("job.ended", job=job.id, how=kind, code=outcome.problem.code if outcome.problem else "")

    async def _hand_back(self, job: Job) -> None:
        """Give a job to whoever comes next, if the queue answers at once."""
        problem = EngineUnavailable("encoding.worker_stopped", "the worker was told to stop").problem()
        outcome = Outcome(epoch=job.epoch, problem=problem, retry=True)
        farewell = asyncio.ensure_future(self._encoding.finish(job.id, outcome))
        patience = asyncio.ensure_future(self._clock.sleep(self._pace.farewell_s))
        await first(farewell, patience)
        patience.cancel()
        with contextlib.suppress(BijouError, asyncio.CancelledError):
            await _end(farewell)
            farewell.result()

    async def _persist(self, call: Callable[..., Awaitable[T]], *words: object) -> T:
        """Call the queue until it answers; what it answers is returned or raised."""
        failures = 0
        while True:
            try:
                answer = await call(*words)
            except (EngineUnavailable, Overloaded, BijouBug) as error:
                self._counts["unreachable"] += 1
                if not failures:
                    _log.warning("queue.unreachable", code=error.code, detail=error.detail)
                await self._clock.sleep(self._wait_s(failures, error))
                failures += 1
            else:
                if failures:
                    _log.info("queue.reached", after=failures)
                return answer

    def _wait_s(self, failures: int, error: BijouError) -> float:
        pace = self._pace
        drawn = full_jitter(failures, base_s=pace.backoff_s, cap_s=pace.backoff_cap_s, chance=self._chance)
        return max(drawn, error.retry_after_s or 0.0)


def _of_disk(error: OSError) -> BijouError:
    if error.errno in _FULL:
        return EngineUnavailable("encoding.disk_full", "the encoder's disk is full; free some space")
    return BijouBug("encoding.io_failed", f"the encoder's disk failed: {error.strerror}")


async def _end(task: "asyncio.Future[Any]") -> None:
    """Cancel a task and wait until it is gone; its end is no concern here."""
    task.cancel()
    await asyncio.wait([task])
