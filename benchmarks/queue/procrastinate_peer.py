"""One process: fill Procrastinate's queue, then fetch and finish with its own manager.

No task is run, no worker's loop is paid for: what its queue costs, and no more.

    python -m benchmarks.queue.procrastinate_peer ADDRESS TASKS WORKERS
"""

import asyncio
import json
import sys
import time

import procrastinate
from procrastinate.jobs import Status


async def main(address: str, tasks: int, workers: int) -> None:
    connector = procrastinate.PsycopgConnector(conninfo=address, min_size=workers, max_size=workers)
    app = procrastinate.App(connector=connector)

    @app.task(queue="chunk", name="chunk")
    async def chunk(payload: str) -> None:
        """Never run here."""

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for _ in range(tasks):
            await chunk.defer_async(payload="x" * 200)

        async def work() -> int:
            worker = await app.job_manager.register_worker()
            done = 0
            while job := await app.job_manager.fetch_job(["chunk"], worker):
                await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
                done += 1
            return done

        began = time.perf_counter()
        done = await asyncio.gather(*(work() for _ in range(workers)))
        took_s = time.perf_counter() - began
    assert sum(done) == tasks, f"{sum(done)} of {tasks} jobs were done"
    print(json.dumps({"per_s": tasks / took_s}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
