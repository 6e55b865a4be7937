"""Origin and edge as services: from a stop event to the last byte."""

import asyncio
from collections.abc import Callable
from typing import Final

from bijou.delivery.edge import Edge
from bijou.delivery.origin import Origin
from bijou.delivery.server import Server, serve
from bijou.delivery.upstream import Upstream
from bijou.ports import Blobs, Clock

IDLE_S: Final = 60.0
CONNECTIONS: Final = 10_000


async def serve_origin(
    blobs: Blobs,
    *,
    host: str,
    port: int,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[int], None],
    idle_s: float = IDLE_S,
    connections: int = CONNECTIONS,
) -> None:
    """Serve the blobs under `media/` until `stop` is set; end within half a second.

    Args:
        port: 0: any that is free.
        ready: Called once with the port, when it accepts connections.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.

    Raises:
        OSError: the address cannot be listened on.
    """
    server = Server(Origin(blobs, clock), clock, idle_s=idle_s, connections=connections)
    await serve(server, host, port, stop=stop, ready=ready)


async def serve_edge(
    *,
    region: str,
    origin_url: str,
    cache_bytes: int,
    host: str,
    port: int,
    idle_s: float,
    connections: int,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[int], None],
) -> None:
    """Serve a region's viewers until `stop` is set; end within half a second.

    Needs no origin to start, nor for what it holds already.

    Args:
        origin_url: `http://host:port`; another edge does as well.
        cache_bytes: Memory for objects.
        port: 0: any that is free.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.
        ready: Called once with the port, when it accepts connections.

    Raises:
        InvalidRequest: `delivery.bad_origin_url`.
        OSError: the address cannot be listened on.
    """
    upstream = Upstream(origin_url, clock)
    edge = Edge(region=region, upstream=upstream, cache_bytes=cache_bytes, clock=clock)
    server = Server(edge, clock, idle_s=idle_s, connections=connections)
    try:
        await serve(server, host, port, watched=[upstream], stop=stop, ready=ready)
    finally:
        await edge.close()
