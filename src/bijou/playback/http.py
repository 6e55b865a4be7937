"""Playback over HTTP: the routes, and the client that calls them."""

import msgspec

from bijou.delivery.api import EdgeAddress
from bijou.playback.api import Playback, Session
from bijou.ports import Principal, Role
from bijou.runtime.http import Call, Endpoint, Route, Wire


class StartQuery(msgspec.Struct, frozen=True):
    """Which region's edge is to come first; empty: as configured."""

    region: str = ""


START = Endpoint(
    method="POST",
    path="/api/titles/{slug}/playback",
    role=Role.ANYONE,
    summary="Begin a playback session; needs a viewer where anonymous viewers are turned off.",
    query=StartQuery,
    gives=Session,
)
DELIVERY = Endpoint(
    method="GET",
    path="/api/delivery",
    role=Role.ANYONE,
    summary="The edges, in order of preference.",
    gives=list[EdgeAddress],
)


def routes(playback: Playback) -> list[Route]:
    """Serve playback sessions."""

    async def start(call: Call) -> Session:
        return await playback.start(call.path["slug"], call.principal, call.query.region)

    async def delivery(_: Call) -> list[EdgeAddress]:
        return await playback.edges()

    return [START.bind(start), DELIVERY.bind(delivery)]


class PlaybackClient:
    """`Playback` of another process; the viewer is whoever the wire's token stands for."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def start(self, slug: str, viewer: Principal, region: str = "") -> Session:  # noqa: ARG002 - the service sees it
        """Begin a session."""
        session: Session = await self._wire.call(START, query=StartQuery(region), slug=slug)
        return session

    async def edges(self) -> list[EdgeAddress]:
        """Return the edges in order of preference."""
        edges: list[EdgeAddress] = await self._wire.call(DELIVERY)
        return edges
