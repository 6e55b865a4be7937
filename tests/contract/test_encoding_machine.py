"""The queue against a model of it: no job is lost, none is held twice, old epochs are refused."""

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from bijou.catalog import NewTitle
from bijou.catalog.service import CatalogService
from bijou.encoding import Job, JobState, Outcome, Progress
from bijou.encoding.service import EncodingService
from bijou.ports import Conflict, EngineUnavailable, Instant, InvalidRequest
from tests.contract.machines import SHORT, ServiceMachine
from tests.contract.samples import publication

LEASE_S = 15
ATTEMPTS = 3
BAD_FILE = InvalidRequest("encoding.no_video", "the file has no picture").problem()
CRASHED = EngineUnavailable("encoding.crashed", "ffmpeg was killed").problem()


class Believed(msgspec.Struct):
    """What the model holds to be true of a job."""

    created_at: Instant
    state: JobState = JobState.QUEUED
    epoch: int = 0
    lease_until_at: Instant = Instant(0)
    ended: Outcome | None = None
    cancelled: bool = False


class Queue(ServiceMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.catalog = CatalogService(self.records, self.clock, self.chance, lambda _: None)
        self.believed: dict[str, Believed] = {}
        self.start()

    def start(self) -> None:
        self.encoding = EncodingService(
            self.records,
            self.blobs,
            self.catalog,
            self.clock,
            self.chance,
            lambda _: None,
            lease_s=LEASE_S,
            attempts=ATTEMPTS,
        )

    @rule(source=st.integers(0, 5))
    def submit(self, source: int) -> None:
        job = self.run(self.encoding.submit(f"uploads/{source}", "f", NewTitle(f"Film {source}")))
        self.believed.setdefault(job.id, Believed(job.created_at))

    def claimed(self) -> object:
        free = [job_id for job_id in self.oldest_first() if self.is_free(self.believed[job_id])]
        spent = [job_id for job_id in free if self.believed[job_id].epoch >= ATTEMPTS]
        expected = next((job_id for job_id in free if job_id not in spent), None)
        passed_by = [
            job_id for job_id in spent if expected is None or free.index(job_id) < free.index(expected)
        ]

        job = self.run(self.encoding.claim("worker"))

        assert (job.id if job else None) == expected
        for job_id in passed_by:
            self.believed[job_id].state = JobState.FAILED
        if job is None:
            return multiple()
        believed = self.believed[job.id]
        assert job.epoch == job.attempts == believed.epoch + 1
        believed.state, believed.epoch = JobState.RUNNING, job.epoch
        believed.lease_until_at = self.clock.now().plus_s(LEASE_S)
        return job

    @rule(target=claims)
    def lapse_and_claim(self) -> object:
        self.clock.advance(LEASE_S)
        return self.claimed()

    @rule(target=claims)
    def claim(self) -> object:
        return self.claimed()

    def oldest_first(self) -> list[str]:
        return sorted(self.believed, key=lambda job_id: (self.believed[job_id].created_at, job_id))

    def is_free(self, job: Believed) -> bool:
        lost = job.state is JobState.RUNNING and job.lease_until_at <= self.clock.now()
        return job.state is JobState.QUEUED or lost

    def holds(self, claim: Job) -> bool:
        believed = self.believed[claim.id]
        return believed.state is JobState.RUNNING and believed.epoch == claim.epoch

    @rule(claim=claims, done=st.sampled_from([0.0, 0.5, 1.0]))
    def progress(self, claim: Job, done: float) -> None:
        said = Progress(claim.epoch, "encode", done)
        if not self.holds(claim):
            self.refused(claim, said)
            return
        self.run(self.encoding.progress(claim.id, said))
        self.believed[claim.id].lease_until_at = self.clock.now().plus_s(LEASE_S)

    @rule(claim=claims, ending=st.sampled_from(["published", "refused", "failed", "retried"]))
    def finish(self, claim: Job, ending: str) -> None:
        outcome = {
            "published": Outcome(claim.epoch, publication=publication(claim.asset)),
            "refused": Outcome(claim.epoch, problem=BAD_FILE),
            "failed": Outcome(claim.epoch, problem=CRASHED),
            "retried": Outcome(claim.epoch, problem=CRASHED, retry=True),
        }[ending]
        believed = self.believed[claim.id]
        if self.holds(claim):
            job = self.run(self.encoding.finish(claim.id, outcome))
            believed.state, believed.ended = self.ended(claim, ending), outcome
            assert job.state is believed.state
        elif believed.ended == outcome and believed.state is not JobState.QUEUED and not outcome.retry:
            assert self.run(self.encoding.finish(claim.id, outcome)).state is believed.state
        else:
            self.refused(claim, outcome)

    def ended(self, claim: Job, ending: str) -> JobState:
        if ending == "retried":
            return JobState.FAILED if claim.epoch >= ATTEMPTS else JobState.QUEUED
        return {"published": JobState.DONE, "refused": JobState.REFUSED, "failed": JobState.FAILED}[ending]

    def refused(self, claim: Job, said: Progress | Outcome) -> None:
        telling = (
            self.encoding.progress(claim.id, said)
            if isinstance(said, Progress)
            else self.encoding.finish(claim.id, said)
        )
        with pytest.raises(Conflict, match="drop the work") as refusal:
            self.run(telling)
        cancelled = self.believed[claim.id].cancelled
        assert refusal.value.code == ("encoding.cancelled" if cancelled else "encoding.lease_lost")

    @rule(claim=claims)
    def cancel(self, claim: Job) -> None:
        believed = self.believed[claim.id]
        published = claim.asset in {title.publication.asset for title in self.run(self.catalog.titles())}
        open_still = believed.state in {JobState.QUEUED, JobState.RUNNING} and not published
        if open_still or believed.cancelled:
            believed.state, believed.cancelled = JobState.REFUSED, True
            assert self.run(self.encoding.cancel(claim.id)).state is JobState.REFUSED
        else:
            with pytest.raises(Conflict) as refusal:
                self.run(self.encoding.cancel(claim.id))
            assert refusal.value.code == "encoding.already_ended"

    @rule(seconds=st.sampled_from([1, LEASE_S - 1, LEASE_S]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(claim=claims)
    def publish_and_crash(self, claim: Job) -> None:
        if self.holds(claim):
            self.run(self.catalog.publish(claim.new, publication(claim.asset)))
        self.start()

    @invariant()
    def no_job_is_lost(self) -> None:
        jobs = {job.id: job.state for job in self.run(self.encoding.jobs())}

        assert jobs == {job_id: believed.state for job_id, believed in self.believed.items()}

    @invariant()
    def a_done_job_has_its_one_title(self) -> None:
        titles = [title.publication.asset for title in self.run(self.catalog.titles())]
        done = [job.asset for job in self.run(self.encoding.jobs()) if job.state is JobState.DONE]

        assert len(titles) == len(set(titles))
        assert set(done) <= set(titles)


TestQueue = Queue.TestCase
TestQueue.settings = SHORT
