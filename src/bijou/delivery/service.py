"""Origin and edge as services: from a stop event to the last byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bijou.delivery.disk import Disk
from bijou.delivery.edge import Edge
from bijou.delivery.origin import Origin
from bijou.delivery.probing import PROBE_S, keep_probing
from bijou.delivery.server import DRAIN_S, Expiring, Server, serve
from bijou.delivery.shields import Shields, Source
from bijou.delivery.steering import Steerer
from bijou.delivery.steering_site import SteeringSite
from bijou.delivery.tokens import TOKEN_PARAMETER, Grant, TokenKeys
from bijou.delivery.upstream import Upstream
from bijou.ports import Blobs, Clock

if TYPE_CHECKING:
    from bijou.delivery.playheads import PlayheadPolicy

IDLE_S: Final = 60.0
CONNECTIONS: Final = 10_000
PLAYHEADS: Final = "playheads"

_SHIELD_TOKEN_S: Final = 60


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
    keys: TokenKeys | None = None,
) -> None:
    """Serve the blobs under `media/` until `stop` is set; end within half a second.

    Args:
        keys: Of the tokens that `/allowed/…` checks.
        port: 0: any that is free.
        ready: Called once with the port, when it accepts connections.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.

    Raises:
        OSError: the address cannot be listened on.
    """
    server = Server(Origin(blobs, clock, keys), clock, idle_s=idle_s, connections=connections)
    await serve(server, host, port, watched=[keys] if keys else [], stop=stop, ready=ready)


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
    shields: Sequence[str] = (),
    keys: TokenKeys | None = None,
    disk: Path | None = None,
    disk_bytes: int = 0,
    eviction: str = PLAYHEADS,
    drain_s: float = DRAIN_S,
    steerer: Steerer | None = None,
    probe_s: float = PROBE_S,
) -> None:
    """Serve a region's viewers until `stop` is set; end within `drain_s`.

    Needs no origin to start, nor for what it holds already.

    Args:
        origin_url: `http://host:port`; another edge does as well.
        cache_bytes: Memory for objects.
        port: 0: any that is free.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.
        ready: Called once with the port, when it accepts connections.
        shields: Edges that are asked before the origin, each for its share of the objects.
        keys: Of the tokens that requests must show; None: everybody is let in.
        disk: Folder for what leaves memory; None: it is gone.
        disk_bytes: Of that folder.
        eviction: Who leaves memory first: `playheads` or `s3fifo`.
        drain_s: Seconds that answers in progress have to finish.
        steerer: Answers players who ask which edge to use; its pathways are probed meanwhile.
        probe_s: Seconds between two probes.

    Raises:
        InvalidRequest: `delivery.bad_origin_url`.
        OSError: the address cannot be listened on.
    """
    upstream = _source(origin_url, shields, region, clock, keys)
    below = Disk(disk, disk_bytes) if disk and disk_bytes else None
    if below is not None:
        await below.open()
    policy = _by_playheads(clock) if eviction == PLAYHEADS else None
    edge = Edge(
        region=region,
        upstream=upstream,
        cache_bytes=cache_bytes,
        clock=clock,
        connections=connections,
        keys=keys,
        disk=below,
        policy=policy,
        witness=policy,
        steerer=steerer,
    )
    server = Server(
        edge, clock, idle_s=idle_s, connections=connections, posts=steerer.posts if steerer else None
    )
    watched = looks_at_the_time(upstream, keys, steerer)
    try:
        async with _probed(steerer, clock, region, probe_s, lambda: edge.tally.connections):
            await serve(server, host, port, watched=watched, stop=stop, ready=ready, drain_s=drain_s)
    finally:
        await edge.close()


def looks_at_the_time(upstream: Expiring, keys: TokenKeys | None, steerer: Steerer | None) -> list[Expiring]:
    """Return what of an edge is to look at the time; steering has keys where no token is asked for too."""
    return [upstream, *(each for each in (keys, steerer) if each is not None)]


async def serve_steering(
    steerer: Steerer,
    *,
    host: str,
    port: int,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[int], None],
    idle_s: float = IDLE_S,
    connections: int = CONNECTIONS,
    probe_s: float = PROBE_S,
) -> None:
    """Steer viewers of edges that cannot do so themselves, until `stop` is set.

    Args:
        port: 0: any that is free.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.
        probe_s: Seconds between two probes of each edge.
        ready: Called once with the port, when it accepts connections.

    Raises:
        OSError: the address cannot be listened on.
    """
    site = SteeringSite(steerer, clock)
    server = Server(site, clock, idle_s=idle_s, connections=connections, posts=steerer.posts)
    async with _probed(steerer, clock, "steering", probe_s):
        await serve(server, host, port, watched=[steerer], stop=stop, ready=ready)


@contextlib.asynccontextmanager
async def _probed(
    steerer: Steerer | None, clock: Clock, name: str, every_s: float, load: Callable[[], int] | None = None
) -> AsyncIterator[None]:
    """Probe the pathways of a steerer for as long as the block lasts."""
    if steerer is None:
        yield
        return
    looking = keep_probing(steerer.pathways, clock, name=name, every_s=every_s, load=load)
    probing = asyncio.create_task(looking)
    try:
        yield
    finally:
        probing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await probing


def _by_playheads(clock: Clock) -> "PlayheadPolicy":
    from bijou.delivery.playheads import PlayheadPolicy  # noqa: PLC0415 - brings numpy, which only this needs

    return PlayheadPolicy(clock.monotonic_ns)


def _source(
    origin_url: str, shields: Sequence[str], region: str, clock: Clock, keys: TokenKeys | None
) -> Source:
    origin = Upstream(origin_url, clock, name=region)
    if not shields:
        return origin

    def query() -> str:
        grant = Grant("", expires_at_s=clock.now() // 1_000_000 + _SHIELD_TOKEN_S)
        return "" if keys is None else f"{TOKEN_PARAMETER}={keys.sign(grant)}"

    return Shields(origin, shields, clock, name=region, query=query)
