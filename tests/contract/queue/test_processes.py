"""Several workers at one PostgreSQL at the same moment."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import NewTask, Steer, TaskState, VirtualClock
from bijou.runtime.processes import die_with_parent
from tests.contract.queue.claimer import CHUNKS, GROUPS
from tests.contract.queue.words import chunk, claimed, commit, done, states

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 3


@pytest.fixture
async def queue(shared_database: str, clock: VirtualClock, chance: Random) -> AsyncIterator[RecordsQueue]:
    records = PostgresRecords(shared_database, serial=False, connections=4)
    yield RecordsQueue(records, clock, chance, lease_s=60)
    await records.close()


def titles() -> list[NewTask]:
    """Groups whose end waits for all of their chunks."""
    tasks = []
    for number in range(GROUPS):
        names = [f"g{number}/c{index}" for index in range(CHUNKS)]
        tasks += [chunk(name, group=f"g{number}") for name in names]
        tasks.append(NewTask(f"g{number}/end", f"g{number}", "publish", needs=tuple(names)))
    return tasks


async def test_several_processes_do_each_task_once(queue: RecordsQueue, shared_database: str) -> None:
    await queue.add(titles())
    claimers = [
        subprocess.Popen(  # noqa: ASYNC220 - read below
            [sys.executable, "-m", "tests.contract.queue.claimer", shared_database, f"w{number}"],
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - async-signal-safe
        )
        for number in range(PROCESSES)
    ]
    try:
        for claimer in claimers:
            assert claimer.stdout is not None
            assert claimer.stdout.readline() == "ready\n"
        for claimer in claimers:
            assert claimer.stdin is not None
            claimer.stdin.write("go\n")
            claimer.stdin.flush()
        said = [json.loads(claimer.communicate(timeout=60)[0]) for claimer in claimers]
    finally:
        for claimer in claimers:
            claimer.kill()
            claimer.wait()

    every = sorted(tuple(one) for each in said for one in each)
    assert every == sorted((task.id, 1, "committed") for task in titles())
    assert set((await states(queue)).values()) == {TaskState.DONE}


async def test_workers_who_ask_at_the_same_moment_all_get_what_they_ask_for(queue: RecordsQueue) -> None:
    await queue.add([chunk(f"c{number}", group=f"g{number % 5}") for number in range(200)])

    shares = dict.fromkeys(["w1", "w2", "w3", "w4"], 0)
    taken: list[str] = []
    for _ in range(10):
        for tasks in await asyncio.gather(*(claimed(queue, worker, 5) for worker in shares)):
            shares[tasks[0].worker] += len(tasks)
            taken += [task.id for task in tasks]

    assert len(set(taken)) == 200
    assert max(shares.values()) - min(shares.values()) <= 0.1 * 50


async def test_the_same_tasks_added_at_the_same_moment_are_added_once(queue: RecordsQueue) -> None:
    tasks = titles()

    for _ in range(4):
        added = await asyncio.gather(*(queue.add(tasks[::step]) for step in (1, -1, 1, -1)))
        assert sum(added) in {len(tasks), 0}

    assert len(await states(queue)) == len(tasks)


async def test_the_last_two_needs_that_end_at_the_same_moment_make_ready_once(queue: RecordsQueue) -> None:
    for turn in range(20):
        a, b = f"a{turn}", f"b{turn}"
        await queue.add([chunk(a), chunk(b), chunk(f"end{turn}", a, b)])
        first, second = await claimed(queue, limit=2)
        await asyncio.gather(commit(queue, done(first)), commit(queue, done(second)))
        (end,) = await claimed(queue, limit=9)

        assert (end.id, end.epoch) == (f"end{turn}", 1)
        await commit(queue, done(end))


async def test_what_is_added_while_its_need_is_cancelled_or_done_is_never_left_waiting(
    queue: RecordsQueue,
) -> None:
    for turn in range(20):
        await queue.add([chunk(f"a{turn}"), chunk(f"b{turn}", f"a{turn}"), chunk(f"d{turn}")])
        tasks = {task.id: task for task in await claimed(queue, limit=2)}
        await asyncio.gather(
            queue.steer(Steer("cancel", task=f"a{turn}")),
            queue.add([chunk(f"c{turn}", f"b{turn}")]),
            commit(queue, done(tasks[f"d{turn}"])),
            queue.add([chunk(f"e{turn}", f"d{turn}")]),
            return_exceptions=True,
        )
        found = await states(queue)
        assert found.get(f"c{turn}", TaskState.CANCELLED) is TaskState.CANCELLED
        assert found[f"e{turn}"] is TaskState.READY
        await commit(queue, *(done(task) for task in await claimed(queue, limit=9)))
