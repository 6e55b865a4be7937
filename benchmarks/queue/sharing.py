"""One of several worker processes that share a queue; says how many tasks it got.

    python -m benchmarks.queue.sharing ADDRESS NAME BATCH

It says it is ready, waits for a line, and works until nothing is left. A
batch takes it 30 ms beside what the queue takes, as if it encoded: so shares
tell of the queue, and not of who got the processor.
"""

import asyncio
import sys
from random import Random

from benchmarks.queue.ours import records_at, work
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import SystemClock


async def main(address: str, name: str, batch: int) -> None:
    records = records_at(address, 1)
    queue = RecordsQueue(records, SystemClock(), Random(1), lease_s=60)
    await queue.claim(name, ["nothing"], batch)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(await work(queue, name, batch, takes_s=0.03))
    await records.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
