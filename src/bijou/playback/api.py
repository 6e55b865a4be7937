"""One viewer's session with one title: where to fetch it from."""

from typing import Protocol

import msgspec

from bijou.delivery.api import EdgeAddress
from bijou.ports import Instant, Principal


class Pathway(msgspec.Struct, frozen=True):
    """One way to the media: a region's edge.

    Args:
        id: The region's name, as content steering will use it.
        hls: Absolute address of the multivariant playlist through that edge; its
            token is handed on by a variable (EXT-X-DEFINE, QUERYPARAM), so that
            it may be exchanged while the film runs.
        dash: Absolute address of the manifest through that edge.
        plain_hls: The same playlist for players that know no variables: the
            token stands in the path.
        steered_hls: The same playlist for players that steer by themselves
            (EXT-X-CONTENT-STEERING): it names one pathway, the steering
            manifest makes the others of it. Empty: nobody steers.
    """

    id: str
    hls: str
    dash: str
    poster: str = ""
    plain_hls: str = ""
    steered_hls: str = ""


class Session(msgspec.Struct, frozen=True):
    """Everything a player needs; pathways in order of preference.

    Args:
        steering: Absolute address that tells, asked again and again, which
            pathway to use (HLS and DASH content steering); the same path
            answers at every other pathway's edge. Empty: nobody steers.
        reports: Absolute address that takes what the player saw, as CMCD
            events; it proves whose session it is. Empty: nobody listens.
    """

    id: str
    title: str
    started_at: Instant
    pathways: list[Pathway]
    steering: str = ""
    reports: str = ""


class Playback(Protocol):
    """Opens playback sessions."""

    async def start(self, slug: str, viewer: Principal, region: str = "") -> Session:
        """Begin a session.

        Args:
            region: Whose edge comes first; empty: as configured.

        Raises:
            NotFound: `catalog.no_title`.
            InvalidRequest: `playback.no_region`.
            Unauthenticated: `playback.sign_in`, guests may not watch here.
            Forbidden: `playback.role`, nor may those without the role viewer.
        """
        ...

    async def edges(self) -> list[EdgeAddress]:
        """Return the edges, in order of preference."""
        ...
