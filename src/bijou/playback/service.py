"""Sessions from the catalogue and the configured edges."""

from random import Random

from bijou.catalog import Catalog
from bijou.delivery.api import EdgeAddress
from bijou.playback import model
from bijou.playback.api import Session
from bijou.ports import Clock, Forbidden, Principal, Role, Unauthenticated, new_id


class PlaybackService:
    """`Playback` that keeps nothing.

    Args:
        edges: In order of preference, at least one.
        anonymous_viewers: Whether people may watch without signing in.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        chance: Random,
        *,
        edges: list[EdgeAddress],
        anonymous_viewers: bool = True,
    ) -> None:
        self._catalog = catalog
        self._edges = edges
        self._clock = clock
        self._chance = chance
        self._anonymous_viewers = anonymous_viewers

    async def start(self, slug: str, viewer: Principal, region: str = "") -> Session:
        """Begin a session."""
        self._admit(viewer)
        edges = model.preferred(self._edges, region)
        title = await self._catalog.title(slug)
        return Session(
            id=new_id("ses", self._clock, self._chance),
            title=title.slug,
            started_at=self._clock.now(),
            pathways=[model.pathway(edge, title.publication) for edge in edges],
        )

    async def edges(self) -> list[EdgeAddress]:
        """Return the edges in order of preference."""
        return self._edges

    def _admit(self, viewer: Principal) -> None:
        if self._anonymous_viewers or viewer.may(Role.VIEWER):
            return
        if viewer.id:
            raise Forbidden(
                "playback.role", f"{viewer.name} does not hold the role viewer, which watching needs"
            )
        raise Unauthenticated("playback.sign_in", "watching needs an account here; sign in first")
