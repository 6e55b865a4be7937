"""One process: fill our queue, then let workers empty it in batches.

python -m benchmarks.queue.ours PLACE TASKS WORKERS BATCH
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from random import Random

from bijou.app import schema
from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Ack, Commit, NewTask, Queue, Records, SystemClock

KINDS = ["chunk"]
MADE = "a" * 64


def records_at(place: str, connections: int) -> Records:
    """Bring a database to its tables and open it; both are durable."""
    if place.startswith("postgresql://"):
        schema.upgrade(place)
        return PostgresRecords(place, serial=False, connections=connections)
    schema.upgrade(Path(place))
    return SqliteRecords(Path(place))


async def fill(queue: Queue, tasks: int) -> None:
    await queue.add(
        [NewTask(f"t{number}", f"g{number % 20}", "chunk", b"x" * 200) for number in range(tasks)]
    )


async def work(queue: Queue, name: str, batch: int, *, takes_s: float = 0.0) -> int:
    """Claim and commit until nothing is left; return how many counted."""
    counted = 0
    while tasks := await queue.claim(name, KINDS, batch):
        if takes_s:
            await asyncio.sleep(takes_s)
        acks = await queue.commit([Commit(task.id, task.epoch, MADE, b"facts") for task in tasks])
        counted += acks.count(Ack.COMMITTED)
    return counted


async def main(place: str, tasks: int, workers: int, batch: int) -> None:
    records = records_at(place, workers)
    queue = RecordsQueue(records, SystemClock(), Random(1), lease_s=60)
    await fill(queue, tasks)
    began = time.perf_counter()
    done = await asyncio.gather(*(work(queue, f"w{number}", batch) for number in range(workers)))
    took_s = time.perf_counter() - began
    await records.close()
    assert sum(done) == tasks, f"{sum(done)} of {tasks} tasks counted"
    print(json.dumps({"per_s": tasks / took_s}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
