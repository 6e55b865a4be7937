"""Jobs against a model of them, with processes killed anywhere: one truth in the end."""

import contextlib
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule
from msgspec.structs import replace

from bijou.catalog import NewTitle, Publication
from bijou.catalog.service import CatalogService
from bijou.encoding import Job, JobState
from bijou.encoding.service import EncodingService
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import BijouError, EngineUnavailable, InvalidRequest
from tests.contract.encode_jobs.conftest import LEASE_S
from tests.contract.encoders import StandIn
from tests.contract.machines import SHORT, ServiceMachine
from tests.contract.samples import publication

BAD_FILE = InvalidRequest("encoding.no_video", "the file has no picture").problem()
CRASHED = EngineUnavailable("encoding.crashed", "ffmpeg was killed").problem()
OPEN = {JobState.QUEUED, JobState.RUNNING}


class KilledError(BaseException):
    """The process is gone; no handler of errors may bring it back."""


class Brittle:
    """An engine whose process is killed before or after one of its calls."""

    def __init__(self, engine: Any, countdown: list[int]) -> None:
        self._engine = engine
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._engine, name)
        if name in {"keys", "read"} and not hasattr(self._engine, "write"):
            return call

        async def brittle(*words: Any, **more: Any) -> Any:
            self._tick()
            answer = await call(*words, **more)
            self._tick()
            return answer

        return brittle

    def _tick(self) -> None:
        self._countdown[0] -= 1
        if self._countdown[0] == 0:
            raise KilledError


class Believed(msgspec.Struct):
    """What the model holds to be true of a job."""

    job: Job
    end: str = ""
    cancelled: bool = False


class Jobs(ServiceMachine):
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.believed: dict[str, Believed] = {}
        self.queue = RecordsQueue(self.records, self.clock, self.chance, lease_s=1e6)
        self.encoder = StandIn(self.queue)
        self.catalog = CatalogService(self.records, self.clock, self.chance, lambda _: None)
        self.encoding = self.service([0])

    def service(self, countdown: list[int]) -> EncodingService:
        """Return a control plane that is killed at a call; 0: at none."""
        engines: list[Any] = [
            Brittle(engine, countdown) for engine in (self.records, self.queue, self.blobs, self.catalog)
        ]
        start: Any = EncodingService
        begun: EncodingService = start(*engines, self.clock, self.chance, lambda _: None, lease_s=LEASE_S)
        return begun

    def killed_in(self, calls: int, work: Any) -> None:
        """Do something in a process that is killed on the way, then start another."""
        with contextlib.suppress(KilledError, BijouError):
            self.run(work(self.service([calls])))
        self.run(self.encoding.repair())

    @rule(target=jobs, source=st.integers(0, 4))
    def submit(self, source: int) -> str:
        job = self.run(self.encoding.submit(f"uploads/{source}", "f", NewTitle(f"Film {source}")))
        self.believed.setdefault(job.id, Believed(job))
        return job.id

    @rule(job=jobs)
    def step(self, job: str) -> None:
        del job
        self.run(self.encoding.step())

    @rule(
        job=jobs,
        end=st.sampled_from(["arrive", "arrive", "finish", "refuse", "fail"]),
        calls=st.integers(0, 24),
        cancelled=st.booleans(),
        cancel_calls=st.integers(0, 12),
    )
    def encode(self, job: str, end: str, calls: int, cancel_calls: int, *, cancelled: bool) -> None:
        """Say how an encode goes on; a follower is killed over it, and perhaps a cancel too."""
        believed = self.believed[job]
        later = {"": {"arrive", "finish", "refuse", "fail"}, "arrive": {"finish", "refuse", "fail"}}
        if believed.cancelled or end not in later.get(believed.end, set()):
            return
        believed.end = end
        whole = publication(believed.job.asset)
        work: Any = {
            "arrive": lambda: self.encoder.arrive(believed.job, arriving(whole)),
            "finish": lambda: self.encoder.finish(believed.job, whole),
            "refuse": lambda: self.encoder.fail(believed.job, BAD_FILE),
            "fail": lambda: self.encoder.fail(believed.job, CRASHED),
        }[end]
        self.run(work())
        if calls:
            self.killed_in(calls, lambda service: service.step())
        if cancelled:
            self.cancel_in(job, cancel_calls)

    @rule(job=jobs, calls=st.integers(0, 20))
    def cancel(self, job: str, calls: int) -> None:
        self.cancel_in(job, calls)

    def cancel_in(self, job: str, calls: int) -> None:
        before = self.run(self.encoding.job(job))
        self.killed_in(calls, lambda service: service.cancel(job))
        after = self.run(self.encoding.job(job))
        self.believed[job].cancelled = self.believed[job].cancelled or (
            after.state is JobState.REFUSED and before.state is not JobState.REFUSED
        )

    @rule(job=jobs, calls=st.integers(0, 12))
    def retry(self, job: str, calls: int) -> None:
        believed = self.believed[job]
        failed = self.run(self.encoding.job(job)).state is JobState.FAILED
        self.killed_in(calls, lambda service: service.retry(job))
        tasks, _ = self.run(self.queue.tasks(group=f"{believed.job.asset}/v1"))
        if failed and not any(task.state == "dead" for task in tasks):
            believed.end = "arrive" if any(task.kind == "live" for task in tasks) else ""

    @rule(seconds=st.sampled_from([1.0, 3 * LEASE_S]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def in_the_end_records_catalogue_and_blobs_tell_the_same(self) -> None:
        for _ in range(2):
            self.run(self.encoding.step())
        titles = {title.publication.asset: title for title in self.run(self.catalog.titles())}
        states = {job.id: job for job in self.run(self.encoding.jobs())}
        assert set(states) == set(self.believed)
        for job_id, believed in self.believed.items():
            job, title = states[job_id], titles.get(believed.job.asset)
            if believed.cancelled:
                assert (job.state, title) == (JobState.REFUSED, None)
            elif believed.end == "finish":
                assert job.state is JobState.DONE
                assert title is not None
                assert title.publication == publication(job.asset)
            elif believed.end in {"refuse", "fail"}:
                assert job.state is {"refuse": JobState.REFUSED, "fail": JobState.FAILED}[believed.end]
            else:
                assert job.state in OPEN
                assert (title is not None) == (believed.end == "arrive")


def arriving(whole: Publication) -> Publication:
    return replace(whole, complete=False)


TestJobs = Jobs.TestCase
TestJobs.settings = settings(SHORT, max_examples=8)
