"""One process: enqueue workflows that do nothing, then let DBOS dequeue and end them.

python -m benchmarks.queue.dbos_peer ADDRESS TASKS WORKERS
"""

import json
import sys
import time

from dbos import DBOS, DBOSConfig


@DBOS.workflow()
def chunk(payload: str) -> int:
    """Do nothing, durably."""
    return len(payload)


def main(address: str, tasks: int, workers: int) -> None:
    config: DBOSConfig = {
        "name": "peer",
        "system_database_url": address,
        "log_level": "CRITICAL",
    }
    DBOS(config=config)
    DBOS.launch()
    # No worker may take one before all are there; it looks for work as often as it can be told to.
    DBOS.register_queue("chunks", worker_concurrency=0, polling_interval_sec=0.01)
    handles = [DBOS.enqueue_workflow("chunks", chunk, "x" * 200) for _ in range(tasks)]
    began = time.perf_counter()
    DBOS.register_queue(
        "chunks", worker_concurrency=workers, polling_interval_sec=0.01, on_conflict="always_update"
    )
    assert all(handle.get_result() == 200 for handle in handles)
    took_s = time.perf_counter() - began
    DBOS.destroy()
    print(json.dumps({"per_s": tasks / took_s}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
