"""An encoder that was killed and started again takes up its tasks at once."""

import pytest

from bijou.app.encoder import hand_back
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import Ack, Commit, NewTask, TaskState, VirtualClock

pytestmark = pytest.mark.anyio


async def test_what_a_killed_process_held_is_handed_back_and_nobody_elses(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([NewTask(f"film/{n}", "film", "chunk") for n in range(3)])
    (mine,) = await queue.claim("host:1", ["chunk"])
    (others,) = await queue.claim("host:2", ["chunk"])

    await hand_back(queue, "host:1")

    states = {task.id: task.state for task in (await queue.tasks())[0]}
    assert (states[mine.id], states[others.id]) == (TaskState.READY, TaskState.RUNNING)
    assert await queue.commit([Commit(mine.id, mine.epoch, "a" * 64)]) == [Ack.LOST]
    clock.advance(2)
    again = await queue.claim("host:1", ["chunk"], 3)
    assert {task.id: task.epoch for task in again}[mine.id] == mine.epoch + 1
