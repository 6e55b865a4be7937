"""Takes tasks from the queue, holds them by their leases, and says what became of them."""

import asyncio
import contextlib
import errno
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from bijou.algorithms.backoff import full_jitter
from bijou.encoding.titles import AUDIO, LIVE, PLAN, PUBLISH, Executor, Made
from bijou.ports import (
    Ack,
    Beat,
    BijouBug,
    BijouError,
    Clock,
    Commit,
    Conflict,
    EngineUnavailable,
    Failure,
    NewTask,
    Overloaded,
    Queue,
    Task,
)
from bijou.runtime.logs import get_logger
from bijou.runtime.race import first, roused

T = TypeVar("T")

_log = get_logger("bijou.encoding")

_LOST = "encoding.lease_lost"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OWN = {PLAN: "plans", AUDIO: "sounds", LIVE: "light", PUBLISH: "light"}


class Slots(Struct, frozen=True):
    """How many tasks one worker does at the same time.

    Args:
        heavy: Of those that keep a core busy: as many as there are cores.
        plans: Of those that look through a film, and yield to encodes.
        sounds: Of those that encode sound, which mostly wait for a plan; if
            they had a plan's place, all would wait for ever.
        light: Of those that write playlists, which mostly wait.
    """

    heavy: int
    plans: int = 1
    sounds: int = 2
    light: int = 32

    def of(self, kind: str) -> str:
        """Return which of the numbers counts for a kind of task."""
        return _OWN.get(kind, "heavy")


class TaskPace(Struct, frozen=True):
    """How often a worker speaks, and how long it waits.

    Args:
        idle_s: Between two questions for work.
        beat_s: Between two signs of life; well under the lease.
        stall_s: Without progress for so long, an attempt is given up.
        backoff_s: Upper bound of the first wait for a queue that does not answer.
        backoff_cap_s: Upper bound of any such wait.
        farewell_s: How long a stopping worker tries to hand its tasks back.
    """

    idle_s: float = 0.5
    beat_s: float = 3.0
    stall_s: float = 300.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 2.0
    farewell_s: float = 0.4


class HeldTask(Struct, frozen=True):
    """One task that a worker is at."""

    id: str
    kind: str
    progress: float
    note: str


class TaskWorkerStatistics(Struct, frozen=True):
    """What a worker is doing, and has done since it began.

    Args:
        refused: Attempts that found that no other would help.
        failed: Attempts that another one may mend.
        lost: Attempts whose lease ended before them.
        unreachable: Calls that the queue did not answer.
    """

    name: str
    held: tuple[HeldTask, ...]
    done: int
    refused: int
    failed: int
    lost: int
    unreachable: int


class TaskWorker:
    """Works on tasks of several kinds at once until it is told to stop.

    Each is held by a lease that beats renew. When the queue says that a task
    is lost, because it was cancelled or another has it, its work is cancelled
    at once, with all processes that it runs, and nothing more is said of it.
    When the queue does not answer, the work goes on and the word is repeated.

    Threads: one event loop, the main thread's.

    Args:
        name: How the queue calls this worker.
        work: What does each kind of task; no other kind is asked for.
    """

    def __init__(
        self,
        queue: Queue,
        clock: Clock,
        chance: Random,
        *,
        name: str,
        work: Mapping[str, Executor],
        slots: Slots,
        pace: TaskPace | None = None,
    ) -> None:
        self.queue = queue
        self.clock = clock
        self._chance = chance
        self._name = name
        self._work = work
        self._slots = slots
        self._pace = pace or TaskPace()
        self._held: dict[str, _Held] = {}
        self._stir = asyncio.Event()
        self._counts = dict.fromkeys(("done", "refused", "failed", "lost", "unreachable"), 0)
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """What the queue said last instead of an answer; empty while it answers."""
        return self._trouble

    def statistics(self) -> TaskWorkerStatistics:
        """Return what it does now, and counts since it began."""
        held = tuple(
            HeldTask(one.task.id, one.task.kind, one.progress, one.note) for one in self._held.values()
        )
        return TaskWorkerStatistics(self._name, held, **self._counts)

    async def run(self, stop: asyncio.Event) -> None:
        """Take tasks until `stop` is set; those under way are handed back."""
        runners = [
            asyncio.ensure_future(loop)
            for loop in (stop.wait(), self._claim_for_ever(), self._beat_for_ever())
        ]
        try:
            await first(*runners)
            for runner in runners:
                if runner.done():
                    runner.result()
        finally:
            held = list(self._held.values())
            await _end(*runners, *(one.running for one in held if one.running))
            await self._hand_back([one.task for one in held if not one.ended])

    async def persist(self, call: Callable[..., Awaitable[T]], *words: object) -> T:
        """Call the queue until it answers; what it answers is returned or raised.

        A queue's Conflict is of the moment: others stood in the way too long.
        """
        failures = 0
        while True:
            try:
                answer = await call(*words)
            except (Conflict, EngineUnavailable, Overloaded) as error:
                self._counts["unreachable"] += 1
                self._trouble = error.detail
                if not failures:
                    _log.warning("queue.unreachable", code=error.code, detail=error.detail)
                await self.clock.sleep(self._wait_s(failures, error))
                failures += 1
            else:
                if failures:
                    self._trouble = ""
                    _log.info("queue.reached", after=failures)
                return answer

    def stir(self) -> None:
        """Ask for work at once: there may be some."""
        self._stir.set()

    async def _claim_for_ever(self) -> None:
        while True:
            self._stir.clear()
            found = 0
            for kinds, free in self._free():
                tasks = await self.persist(self.queue.claim, self._name, kinds, free)
                found += len(tasks)
                for task in tasks:
                    self._begin(task)
            if not found:
                await roused(self._stir, self.clock, self._pace.idle_s)

    def _free(self) -> Iterator[tuple[list[str], int]]:
        """Which kinds there is room for, and for how many of them."""
        taken = [self._slots.of(one.task.kind) for one in self._held.values()]
        for share in ("light", "plans", "sounds", "heavy"):
            kinds = [kind for kind in self._work if self._slots.of(kind) == share]
            free = getattr(self._slots, share) - taken.count(share)
            if kinds and free > 0:
                yield kinds, free

    def _begin(self, task: Task) -> None:
        held = _Held(self, task)
        self._held[task.id] = held
        held.running = asyncio.ensure_future(self._see_through(held))
        held.running.add_done_callback(lambda _: self._let_go(held))

    def _let_go(self, held: "_Held") -> None:
        if self._held.get(held.task.id) is held:
            del self._held[held.task.id]
        self.stir()

    async def _see_through(self, held: "_Held") -> None:
        """Do one task and say what became of it, unless it is not ours any more."""
        task = held.task
        _log.debug("task.begun", task=task.id, attempt=task.tried)
        try:
            made = await self._work[task.kind](task, held)
            await self._commit(held, made)
        except asyncio.CancelledError:
            if not held.given_up:
                raise
            stalled = EngineUnavailable(
                "encoding.stalled", f"{held.note or task.kind} did not move for {self._pace.stall_s:.0f} s"
            )
            await self._fail(held, stalled)
        except BijouError as error:
            await self._fail(held, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue must hear of it
            await self._fail(held, _unforeseen(error, task))

    async def _commit(self, held: "_Held", made: Made) -> None:
        await held.commit(made.sha256, made.result, None, made.then)
        held.ended = True
        self._counts["done"] += 1
        _log.debug("task.done", task=held.task.id)

    async def _fail(self, held: "_Held", error: BijouError) -> None:
        """Say that an attempt has made nothing; a lost one is not spoken of."""
        task = held.task
        held.ended = True
        if error.code == _LOST:
            self._counts["lost"] += 1
            _log.warning("task.lost", task=task.id, epoch=task.epoch)
            return
        retry = isinstance(error, EngineUnavailable | Overloaded | Conflict) or error.code == "encoding.fault"
        self._counts["failed" if retry else "refused"] += 1
        _log.warning("task.failed", task=task.id, attempt=task.tried, code=error.code, detail=error.detail)
        words = "\n".join(getattr(error, "__notes__", ()))
        failure = Failure(task.id, task.epoch, error.problem(), retry=retry, last_words=words)
        await self.persist(self.queue.fail, [failure])

    async def _beat_for_ever(self) -> None:
        while True:
            await self.clock.sleep(self._pace.beat_s)
            held = {one.task.id: one for one in self._held.values() if not one.ended}
            beats = [one.beat() for one in held.values()]
            lost = await self.persist(self.queue.beat, beats) if beats else []
            for name in lost:
                held[name].drop()
            for one in held.values():
                if one.idle_s() > self._pace.stall_s:
                    one.give_up()

    async def _hand_back(self, tasks: Sequence[Task]) -> None:
        """Give tasks to whoever comes next, if the queue answers at once."""
        if not tasks:
            return
        problem = EngineUnavailable("encoding.worker_stopped", "the worker was told to stop").problem()
        failures = [Failure(task.id, task.epoch, problem) for task in tasks]
        farewell = asyncio.ensure_future(self.queue.fail(failures))
        patience = asyncio.ensure_future(self.clock.sleep(self._pace.farewell_s))
        await first(farewell, patience)
        await _end(patience, farewell)
        with contextlib.suppress(BijouError, asyncio.CancelledError):
            farewell.result()

    def count_lost(self) -> None:
        """Note that an attempt's lease ended before it did."""
        self._counts["lost"] += 1

    def _wait_s(self, failures: int, error: BijouError) -> float:
        pace = self._pace
        drawn = full_jitter(failures, base_s=pace.backoff_s, cap_s=pace.backoff_cap_s, chance=self._chance)
        return max(drawn, error.retry_after_s or 0.0)


class _Held:
    """`Hold` of one task."""

    def __init__(self, worker: TaskWorker, task: Task) -> None:
        self.task = task
        self.running: asyncio.Future[None] | None = None
        self.progress = 0.0
        self.note = ""
        self.ended = self.given_up = self._speaking = False
        self._worker = worker
        self._moved_ns = worker.clock.monotonic_ns()

    async def part(self, sequence: int, sha256: str, result: bytes, then: Sequence[NewTask] = ()) -> None:
        await self.commit(sha256, result, sequence, then)
        self._moved()
        if then:
            self._worker.stir()

    async def commit(self, sha256: str, result: bytes, sequence: int | None, then: Sequence[NewTask]) -> None:
        """Commit a part or, without a sequence, the whole; the queue's absence is no stall of ours."""
        commit = Commit(self.task.id, self.task.epoch, sha256, result, sequence, tuple(then))
        self._speaking = True
        try:
            (ack,) = await self._worker.persist(self._worker.queue.commit, [commit])
        finally:
            self._speaking = False
        self.judge(ack, sequence)

    async def sure(self) -> None:
        if await self._worker.persist(self._worker.queue.beat, [self.beat()]):
            self.judge(Ack.LOST)

    def say(self, progress: float, note: str = "") -> None:
        if (progress, note) != (self.progress, self.note):
            self._moved()
        self.progress, self.note = max(progress, self.progress), note

    def wait(self, note: str) -> None:
        self.note = note
        self._moved()

    def beat(self) -> Beat:
        """Return the sign of life that is due."""
        return Beat(self.task.id, self.task.epoch, self.progress, self.note)

    def judge(self, ack: Ack, sequence: int | None = None) -> None:
        """Raise what an unhappy answer means."""
        what = self.task.id if sequence is None else f"part {sequence} of {self.task.id}"
        if ack is Ack.LOST:
            raise Conflict(_LOST, f"{what} is not held under epoch {self.task.epoch} any more; drop the work")
        if ack is Ack.DIFFERS:
            raise BijouBug(
                "encoding.not_reproducible", f"{what} was made before, and came out otherwise this time"
            )

    def idle_s(self) -> float:
        """Return for how long nothing has moved."""
        return 0.0 if self._speaking else (self._worker.clock.monotonic_ns() - self._moved_ns) / 1e9

    def drop(self) -> None:
        """End the work at once: it is not ours any more."""
        if self.running and not self.ended:
            self.ended = True
            self._worker.count_lost()
            _log.warning("task.lost", task=self.task.id, epoch=self.task.epoch)
            self.running.cancel()

    def give_up(self) -> None:
        """End an attempt that does not move."""
        if self.running and not self.ended and not self.given_up:
            self.given_up = True
            self.running.cancel()

    def _moved(self) -> None:
        self._moved_ns = self._worker.clock.monotonic_ns()


def _unforeseen(error: Exception, task: Task) -> BijouError:
    """Return what an error of no kind of ours means."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return EngineUnavailable(
            "encoding.disk_full", f"the disk was full during {task.kind}; free some space"
        )
    _log.error("task.crashed", task=task.id, exc_info=error)
    bug = BijouBug(
        "encoding.fault", "something broke on our side while encoding; it has been written to the log"
    )
    bug.add_note(f"{type(error).__name__}: {error}")
    return bug


async def _end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until they are gone; their ends are no concern here."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
