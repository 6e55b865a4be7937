"""The encoder process: one worker that asks the control plane for jobs."""

import asyncio
import socket
from pathlib import Path
from random import SystemRandom

from bijou.app.addresses import encoder_asks
from bijou.app.health import Ready, health_route
from bijou.app.keys import keys_of
from bijou.app.settings import Settings
from bijou.app.stores import open_blobs
from bijou.encoding import EncodingLimits, Worker
from bijou.encoding.http import EncodingClient
from bijou.ports import SystemClock
from bijou.runtime.http import Bounds, Wire, serve_app, service_app

_BOUNDS = Bounds(connections=100)


async def encoder(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    """Work on encode jobs until told to stop."""
    clock, chance = SystemClock(), SystemRandom()
    data_dir = Path(settings.house.data_dir)
    place = settings.encoder
    wire = Wire(encoder_asks(settings), keys_of(settings, chance).service)
    worker = Worker(
        EncodingClient(wire),
        open_blobs(settings, clock, chance),
        clock,
        chance,
        name=f"{socket.gethostname()}:{place.port}",
        scratch=data_dir / "scratch",
        limits=EncodingLimits(
            threads=place.threads,
            child_wall_s=place.child_wall_s,
            child_memory_bytes=place.child_memory_bytes,
            probe_wall_s=place.probe_wall_s,
            probe_memory_bytes=place.probe_memory_bytes,
            max_pixels=place.max_pixels,
            max_duration_s=place.max_duration_s,
        ),
    )
    health = service_app([health_route("encoder", worker.statistics)])
    working = asyncio.create_task(worker.run(stop))
    try:
        await serve_app(health, place.host, place.port, stop=stop, ready=ready, bounds=_BOUNDS)
    finally:
        stop.set()
        await working
        await wire.close()
