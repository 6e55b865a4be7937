"""A worker holds tasks while they are its own, and says once what became of each."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from bijou.encoding import Executor, Hold, Made, Slots, TaskPace, TaskWorker
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import EngineUnavailable, InvalidRequest, NewTask, Steer, Task, TaskState, VirtualClock

pytestmark = pytest.mark.anyio

SHA = "ab" * 32
PACE = TaskPace(idle_s=1.0, beat_s=2.0, stall_s=30.0, backoff_s=0.1, backoff_cap_s=0.5, farewell_s=5.0)


class Bench:
    """A queue on records, and a clock that runs as fast as the engine answers."""

    def __init__(self, records: SqliteRecords, clock: VirtualClock) -> None:
        self.clock = clock
        self.queue = RecordsQueue(records, clock, Random(1), lease_s=10, backoff_s=1, backoff_cap_s=2)
        self.down = False

    @asynccontextmanager
    async def worker(
        self, work: Mapping[str, Executor], slots: Slots | None = None
    ) -> AsyncIterator[TaskWorker]:
        worker = TaskWorker(
            _Line(self),  # type: ignore[arg-type]
            self.clock,
            Random(2),
            name="w",
            work=work,
            slots=slots or Slots(2),
            pace=PACE,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        yield worker
        stop.set()
        await self.until(running.done)
        await running

    async def until(self, happened: Callable[[], bool], step_s: float = 0.02) -> None:
        for _ in range(20_000):
            if happened():
                return
            self.clock.advance(step_s)
            await asyncio.to_thread(int)
        pytest.fail("it did not happen")

    async def state(self, name: str) -> Task:
        tasks, _ = await self.queue.tasks(task=name)
        return tasks[0]

    async def until_state(self, name: str, state: TaskState) -> Task:
        for _ in range(2000):
            task = await self.state(name)
            if task.state is state:
                return task
            self.clock.advance(0.05)
        pytest.fail(f"{name} is {task.state}, with {task.problem}")


class _Line:
    """The queue, behind a network that may be down."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*words: Any) -> Any:
            if self._bench.down:
                raise EngineUnavailable("http.unreachable", "nobody answers")
            return await getattr(self._bench.queue, name)(*words)

        return call


@pytest.fixture
def bench(records: SqliteRecords, clock: VirtualClock) -> Bench:
    return Bench(records, clock)


def task(name: str, kind: str = "chunk", **more: object) -> NewTask:
    return NewTask(name, "g", kind, **more)  # type: ignore[arg-type]


async def test_what_a_task_adds_is_begun_without_a_wait(bench: Bench) -> None:
    async def plan(_: Task, hold: Hold) -> Made:
        await hold.part(0, SHA, b"first", [task("b")])
        return Made(SHA, b"all", [task("c")])

    async def chunk(_: Task, __: Hold) -> Made:
        return Made(SHA)

    await bench.queue.add([task("a", "plan")])
    began = bench.clock.now()
    async with bench.worker({"plan": plan, "chunk": chunk}) as worker:
        await bench.until(lambda: worker.statistics().done == 3, step_s=0.0001)

    assert (bench.clock.now() - began) / 1e6 < PACE.idle_s
    assert (await bench.state("a")).result == b"all"
    assert (await bench.state("c")).state is TaskState.DONE


async def test_a_cancelled_tasks_work_is_ended_by_the_next_beat(bench: Bench) -> None:
    ended: list[str] = []

    async def chunk(one: Task, _: Hold) -> Made:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append(one.id)
            raise
        return Made(SHA)

    await bench.queue.add([task("a")])
    async with bench.worker({"chunk": chunk}) as worker:
        await bench.until(lambda: bool(worker.statistics().held))
        await bench.queue.steer(Steer("cancel", task="a"))
        await bench.until(lambda: not worker.statistics().held)

    assert ended == ["a"]
    assert worker.statistics().lost == 1
    assert (await bench.state("a")).state is TaskState.CANCELLED


async def test_work_goes_on_while_the_queue_is_away_and_its_word_is_repeated(bench: Bench) -> None:
    finish = asyncio.Event()

    async def chunk(_: Task, __: Hold) -> Made:
        await finish.wait()
        return Made(SHA)

    await bench.queue.add([task("a")])
    async with bench.worker({"chunk": chunk}) as worker:
        await bench.until(lambda: bool(worker.statistics().held))
        bench.down = True
        finish.set()
        await bench.until(lambda: worker.statistics().unreachable > 3, step_s=0.002)
        assert worker.trouble == "nobody answers"
        bench.down = False
        await bench.until(lambda: worker.statistics().done == 1, step_s=0.002)
        assert worker.trouble == ""

    assert (await bench.state("a")).state is TaskState.DONE
    assert (await bench.state("a")).tried == 1


async def test_what_is_the_films_fault_is_not_tried_again(bench: Bench) -> None:
    async def chunk(_: Task, __: Hold) -> Made:
        error = InvalidRequest("encoding.undecodable", "the film is damaged")
        error.add_note("moov atom not found")
        raise error

    await bench.queue.add([task("a")])
    async with bench.worker({"chunk": chunk}) as worker:
        dead = await bench.until_state("a", TaskState.DEAD)

    assert dead.tried == 1
    assert dead.last_words == "moov atom not found"
    assert worker.statistics().refused == 1


async def test_what_is_ours_is_tried_again_and_a_fault_leaves_its_last_words(bench: Bench) -> None:
    async def chunk(_: Task, __: Hold) -> Made:
        raise RuntimeError("boom")

    await bench.queue.add([task("a", attempts=3)])
    async with bench.worker({"chunk": chunk}):
        dead = await bench.until_state("a", TaskState.DEAD)

    assert dead.tried == 3
    assert dead.last_words == "RuntimeError: boom"
    assert dead.problem is not None
    assert dead.problem.code == "encoding.fault"


async def test_a_full_disk_is_said_to_be_one(bench: Bench) -> None:
    async def chunk(_: Task, __: Hold) -> Made:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await bench.queue.add([task("a", attempts=2)])
    async with bench.worker({"chunk": chunk}):
        dead = await bench.until_state("a", TaskState.DEAD)

    assert dead.tried == 2
    assert dead.problem is not None
    assert dead.problem.code == "encoding.disk_full"


async def test_an_attempt_that_does_not_move_is_given_up_and_one_that_waits_is_not(bench: Bench) -> None:
    async def chunk(_: Task, hold: Hold) -> Made:
        while True:
            hold.say(0.5, "frame 7")
            await bench.clock.sleep(1)

    async def live(_: Task, hold: Hold) -> Made:
        while True:
            hold.wait("waits for chunk 3")
            await bench.clock.sleep(1)

    await bench.queue.add([task("a", attempts=1), task("b", "live")])
    async with bench.worker({"chunk": chunk, "live": live}):
        dead = await bench.until_state("a", TaskState.DEAD)
        patient = await bench.state("b")

    assert dead.problem is not None
    assert dead.problem.code == "encoding.stalled"
    assert "frame 7" in dead.problem.detail
    assert patient.tried == 1


async def test_heavy_tasks_share_their_slots_and_light_ones_never_wait_for_them(bench: Bench) -> None:
    begun: list[str] = []

    async def for_ever(one: Task, hold: Hold) -> Made:
        begun.append(one.id)
        while True:
            hold.wait("")
            await bench.clock.sleep(1)

    kinds = ["chunk", "stills", "inspect", "plan", "plan", "audio", "live", "publish"]
    await bench.queue.add([task(f"{kind}{n}", kind) for n, kind in enumerate(kinds)])
    async with bench.worker(dict.fromkeys(kinds, for_ever), Slots(2, plans=1)):
        await bench.until(lambda: len(begun) >= 6)
        for _ in range(100):
            bench.clock.advance(0.1)
            await asyncio.to_thread(int)

    heavy = [one for one in begun if one.startswith(("chunk", "stills", "inspect"))]
    assert len(heavy) == 2
    assert sorted(set(begun) - set(heavy)) == ["audio5", "live6", "plan3", "publish7"]


async def test_a_worker_that_stops_hands_back_what_it_holds(bench: Bench) -> None:
    async def chunk(_: Task, __: Hold) -> Made:
        await asyncio.get_running_loop().create_future()
        return Made(SHA)

    await bench.queue.add([task("a")])
    async with bench.worker({"chunk": chunk}) as worker:
        await bench.until(lambda: bool(worker.statistics().held))

    back = await bench.state("a")

    assert back.state is TaskState.READY
    assert back.problem is not None
    assert back.problem.code == "encoding.worker_stopped"


async def test_bytes_that_differ_from_those_committed_end_the_task_as_our_bug(bench: Bench) -> None:
    tries: list[int] = []

    async def plan(_: Task, hold: Hold) -> Made:
        tries.append(1)
        await hold.part(0, f"{len(tries):064x}", b"")
        raise EngineUnavailable("encoding.crashed", "it was killed")

    await bench.queue.add([task("a", "plan")])
    async with bench.worker({"plan": plan}):
        dead = await bench.until_state("a", TaskState.DEAD)

    assert dead.problem is not None
    assert dead.problem.code == "encoding.not_reproducible"
    assert len(tries) == 2
