"""Origin and edge as services: from a stop event to the last byte."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bijou.delivery.disk import Disk
from bijou.delivery.edge import Edge
from bijou.delivery.fills import POSTS, Fills, filling
from bijou.delivery.origin import Origin
from bijou.delivery.probing import PROBE_S, keep_probing
from bijou.delivery.sealed import Seals
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
    seals: Seals | None = None,
) -> None:
    """Serve the blobs under `media/` until `stop` is set; end within half a second.

    Args:
        keys: Of the tokens that `/allowed/…` checks.
        seals: By which edges prove themselves that ask what there is to fill from; None: nobody is told.
        port: 0: any that is free.
        ready: Called once with the port, when it accepts connections.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.

    Raises:
        OSError: the address cannot be listened on.
    """
    server = Server(Origin(blobs, clock, keys, seals), clock, idle_s=idle_s, connections=connections)
    watched = [each for each in (keys, seals) if each is not None]
    await serve(server, host, port, watched=watched, stop=stop, ready=ready)


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
    fills: Fills | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Serve a region's viewers until `stop` is set; end within `drain_s`.

    Needs no origin to start, nor for what it holds already.

    Args:
        origin_url: `http://host:port` or `https://host:port`; another edge does as well.
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
        fills: How to fetch ahead of demand; None: nothing is.
        trust: Whom certificates of origin and edges are believed of; None: whom the system trusts.

    Raises:
        InvalidRequest: `delivery.bad_origin_url`.
        OSError: the address cannot be listened on.
    """
    upstream = _source(origin_url, shields, region, clock, keys, trust)
    below = Disk(disk, disk_bytes) if disk and disk_bytes else None
    if below is not None:
        await below.open()
    reserve = fills.reserve() if fills else None
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
        reserve=reserve,
    )
    posts = (steerer.posts if steerer else {}) | (POSTS if fills else {})
    server = Server(edge, clock, idle_s=idle_s, connections=connections, posts=posts)
    watched = [*looks_at_the_time(upstream, keys, steerer), *([fills.seals] if fills else [])]
    try:
        async with (
            _probed(steerer, clock, region, probe_s, lambda: edge.tally.connections, trust),
            filling(fills, reserve, edge, upstream, region, clock),
        ):
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
    trust: ssl.SSLContext | None = None,
) -> None:
    """Steer viewers of edges that cannot do so themselves, until `stop` is set.

    Args:
        port: 0: any that is free.
        idle_s: Seconds after which a connection is closed on which nothing moves.
        connections: Served at once; more are refused with 503.
        probe_s: Seconds between two probes of each edge.
        trust: Whom certificates of edges are believed of; None: whom the system trusts.
        ready: Called once with the port, when it accepts connections.

    Raises:
        OSError: the address cannot be listened on.
    """
    site = SteeringSite(steerer, clock)
    server = Server(site, clock, idle_s=idle_s, connections=connections, posts=steerer.posts)
    async with _probed(steerer, clock, "steering", probe_s, trust=trust):
        await serve(server, host, port, watched=[steerer], stop=stop, ready=ready)


@contextlib.asynccontextmanager
async def _probed(
    steerer: Steerer | None,
    clock: Clock,
    name: str,
    every_s: float,
    load: Callable[[], int] | None = None,
    trust: ssl.SSLContext | None = None,
) -> AsyncIterator[None]:
    """Probe the pathways of a steerer for as long as the block lasts."""
    if steerer is None:
        yield
        return
    looking = keep_probing(steerer.pathways, clock, name=name, every_s=every_s, load=load, trust=trust)
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
    origin_url: str,
    shields: Sequence[str],
    region: str,
    clock: Clock,
    keys: TokenKeys | None,
    trust: ssl.SSLContext | None,
) -> Source:
    origin = Upstream(origin_url, clock, name=region, trust=trust)
    if not shields:
        return origin

    def query() -> str:
        grant = Grant("", expires_at_s=clock.now() // 1_000_000 + _SHIELD_TOKEN_S)
        return "" if keys is None else f"{TOKEN_PARAMETER}={keys.sign(grant)}"

    return Shields(origin, shields, clock, name=region, query=query, trust=trust)
