"""The encoder process: one worker that takes tasks from the queue."""

import asyncio
import os
import socket
from pathlib import Path
from random import SystemRandom

from bijou.app.health import Ready, health_route
from bijou.app.settings import Settings
from bijou.app.stores import (
    encode_slots,
    open_blobs,
    open_queue_records,
    queue_on,
    queue_place,
    tables_are_there,
)
from bijou.encoding import ALL_TASKS, EncodingLimits, Executors, Slots, TaskWorker
from bijou.ports import Clock, EngineUnavailable, Failure, Queue, SystemClock, TaskState
from bijou.runtime.http import Bounds, serve_app, service_app
from bijou.runtime.race import first

_BOUNDS = Bounds(connections=100)


async def encoder(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    """Work on encodes until told to stop."""
    clock, chance = SystemClock(), SystemRandom()
    place = settings.encoder
    own = str(place.port or os.getpid())
    name = f"{socket.gethostname()}:{own}"
    records = open_queue_records(settings)
    queue = queue_on(records, settings, clock, chance)
    executors = Executors(
        queue,
        open_blobs(settings, clock, chance),
        clock,
        limits=limits_of(settings),
        scratch=Path(settings.house.data_dir) / "scratch" / own,
        chance=chance,
    )
    worker = TaskWorker(
        queue,
        clock,
        chance,
        name=name,
        work=executors.work,
        slots=Slots(heavy=encode_slots(settings)),
    )

    async def work() -> None:
        """Take tasks as soon as their tables are there; warm up meanwhile."""
        opening = asyncio.create_task(_opened(settings, executors, clock))
        stopping = asyncio.create_task(stop.wait())
        try:
            await first(opening, stopping)
            if opening.done():
                opening.result()
                await hand_back(queue, name)
                await worker.run(stop)
        finally:
            opening.cancel()
            stopping.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)

    health = service_app([health_route("encoder", worker.statistics)])
    working = asyncio.create_task(work())
    working.add_done_callback(lambda _: stop.set())
    try:
        await serve_app(health, place.host, place.port, stop=stop, ready=ready, bounds=_BOUNDS)
    finally:
        stop.set()
        try:
            await working
        finally:
            await executors.close()
            await records.close()


async def hand_back(queue: Queue, worker: str) -> None:
    """Give back what an earlier process of this name held when it died, instead of waiting for its leases.

    Were it alive after all, its word under the older epoch is not heard.
    """
    running, _ = await queue.tasks(states=(TaskState.RUNNING,), limit=ALL_TASKS)
    problem = EngineUnavailable(
        "encoding.worker_died", "the encoder died over it and was started again"
    ).problem()
    await queue.fail([Failure(one.id, one.epoch, problem) for one in running if one.worker == worker])


async def _opened(settings: Settings, executors: Executors, clock: Clock) -> None:
    await asyncio.gather(tables_are_there(queue_place(settings), clock), executors.start())


def limits_of(settings: Settings) -> EncodingLimits:
    """Return what one encode may take."""
    place = settings.encoder
    return EncodingLimits(
        threads=place.slots,
        child_wall_s=place.child_wall_s,
        child_memory_bytes=place.child_memory_bytes,
        probe_wall_s=place.probe_wall_s,
        probe_memory_bytes=place.probe_memory_bytes,
        max_pixels=place.max_pixels,
        max_duration_s=place.max_duration_s,
    )
