"""A process that takes part in emptying one queue; tests start several, with its address.

It says it is ready, waits for a line, and prints what it claimed and committed.
"""

import asyncio
import json
import sys
from random import Random

from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import Commit, SystemClock, TaskState
from tests.contract.queue.words import KINDS, A

GROUPS, CHUNKS = 12, 20


async def main(address: str, name: str) -> None:
    records = PostgresRecords(address, serial=False, connections=2)
    queue = RecordsQueue(records, SystemClock(), Random(1), lease_s=60)
    await queue.claim(name, ["nothing"])
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    said = []
    while (await queue.tasks(states=[TaskState.READY, TaskState.WAITING, TaskState.RUNNING], limit=1))[0]:
        tasks = await queue.claim(name, KINDS, 5)
        acks = await queue.commit([Commit(task.id, task.epoch, A) for task in tasks])
        said += [(task.id, task.epoch, ack.value) for task, ack in zip(tasks, acks, strict=True)]
    await records.close()
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
