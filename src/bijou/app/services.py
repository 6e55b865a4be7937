"""Each service of bijou: its rooms, put together on the embedded engines."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import SystemRandom

from bijou.app.addresses import edge_fetches
from bijou.app.health import Ready
from bijou.app.settings import Settings
from bijou.app.trust import trusted_authorities
from bijou.ports import EngineUnavailable, InvalidRequest, SystemClock
from bijou.runtime import lifecycle
from bijou.runtime.lifecycle import servable

_ORIGIN_CONNECTIONS = 10_000
_STEERING_CONNECTIONS = 10_000

Service = Callable[[Settings, asyncio.Event, Ready], Awaitable[None]]


def run_service(name: str, settings: Settings) -> int:
    """Run one service in this process until it is told to stop; return the exit status."""

    async def main(stop: asyncio.Event, ready: Ready) -> None:
        await SERVICES[name](settings, stop, ready)

    os.umask(0o077)
    label = f"edge-{settings.edge.region}" if name == "edge" else name
    return lifecycle.run(main, service=label, clock=SystemClock(), log_level=settings.house.log_level)


async def _control(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    from bijou.app.control import control_plane  # noqa: PLC0415 - each process imports its own rooms

    await control_plane(settings, stop, ready)


async def _encoder(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    from bijou.app.encoder import encoder  # noqa: PLC0415 - as above

    await encoder(settings, stop, ready)


async def _origin(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    from bijou.app.filling import seals_of  # noqa: PLC0415 - as above
    from bijou.app.keys import token_keys  # noqa: PLC0415 - as above
    from bijou.app.stores import open_blobs  # noqa: PLC0415 - as above
    from bijou.delivery import serve_origin  # noqa: PLC0415 - as above

    clock, chance = SystemClock(), SystemRandom()
    blobs = open_blobs(settings, clock, chance)
    place = settings.origin
    await serve_origin(
        blobs,
        host=place.host,
        port=place.port,
        connections=servable(_ORIGIN_CONNECTIONS),
        keys=token_keys(settings, clock, chance),
        seals=seals_of(settings, clock, chance),
        clock=clock,
        stop=stop,
        ready=lambda _: ready(),
    )


async def _edge(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    from bijou.app.filling import fills_of  # noqa: PLC0415 - as above
    from bijou.app.keys import token_keys  # noqa: PLC0415 - as above
    from bijou.app.steering import steerer_of  # noqa: PLC0415 - as above
    from bijou.delivery import serve_edge  # noqa: PLC0415 - as above

    edge, clock = settings.edge, SystemClock()
    keys = token_keys(settings, clock, SystemRandom())
    await serve_edge(
        region=edge.region,
        origin_url=edge_fetches(settings),
        cache_bytes=edge.cache_bytes,
        host=edge.host,
        port=edge.port,
        idle_s=edge.idle_s,
        connections=servable(edge.connections),
        shields=edge.shields,
        keys=keys,
        disk=Path(settings.house.data_dir) / f"edge-{edge.region}",
        disk_bytes=edge.disk_bytes,
        eviction=edge.eviction,
        drain_s=edge.drain_s,
        steerer=steerer_of(settings, clock, SystemRandom(), keys=keys, own=edge.region),
        probe_s=settings.steering.probe_s,
        trust=trusted_authorities(settings),
        fills=fills_of(settings, clock, SystemRandom()),
        clock=clock,
        stop=stop,
        ready=lambda _: ready(),
    )


async def _steering(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    from bijou.app.steering import steerer_of  # noqa: PLC0415 - as above
    from bijou.delivery import serve_steering  # noqa: PLC0415 - as above

    steering, clock = settings.steering, SystemClock()
    steerer = steerer_of(settings, clock, SystemRandom())
    if steerer is None:
        raise InvalidRequest("settings.bad_value", "[steering] enabled is false; nothing is to be steered")
    await serve_steering(
        steerer,
        host=steering.host,
        port=steering.port,
        connections=servable(_STEERING_CONNECTIONS),
        probe_s=steering.probe_s,
        clock=clock,
        stop=stop,
        ready=lambda _: ready(),
    )


async def _audience_shard(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    try:
        from bijou.app.audience_shards import audience_shard  # noqa: PLC0415 - as above
    except ImportError as error:
        raise EngineUnavailable(
            "audience.no_engine", f"audiences need the package {error.name}; install bijou[audience]"
        ) from error
    await audience_shard(settings, stop, ready)


SERVICES: dict[str, Service] = {
    "control": _control,
    "encoder": _encoder,
    "origin": _origin,
    "edge": _edge,
    "steering": _steering,
    "audience-shard": _audience_shard,
}
