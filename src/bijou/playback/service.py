"""Sessions from the catalogue and the configured edges."""

import math
from random import Random
from typing import Final

from bijou.catalog import Catalog
from bijou.delivery import Grant, TokenKeys
from bijou.delivery.api import EdgeAddress
from bijou.playback import model
from bijou.playback.api import Session
from bijou.ports import Clock, Forbidden, Principal, Role, Unauthenticated, new_id

TOKEN_S: Final = 12 * 3600.0


class PlaybackService:
    """`Playback` that keeps nothing.

    Args:
        edges: In order of preference, at least one.
        anonymous_viewers: Whether people may watch without signing in.
        keys: Sign what edges ask for; None: they ask for nothing.
        token_s: Seconds that a token holds.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        chance: Random,
        *,
        edges: list[EdgeAddress],
        anonymous_viewers: bool = True,
        keys: TokenKeys | None = None,
        token_s: float = TOKEN_S,
    ) -> None:
        self._keys = keys
        self._token_s = token_s
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
        session = new_id("ses", self._clock, self._chance)
        token = self._token(session, title.publication.base, edges[0].region)
        return Session(
            id=session,
            title=title.slug,
            started_at=self._clock.now(),
            pathways=[model.pathway(edge, title.publication, token) for edge in edges],
        )

    async def edges(self) -> list[EdgeAddress]:
        """Return the edges in order of preference."""
        return self._edges

    def _token(self, session: str, base: str, region: str) -> str:
        if self._keys is None:
            return ""
        self._keys.refresh()
        expires_at_s = self._clock.now() // 1_000_000 + math.ceil(self._token_s)
        return self._keys.sign(Grant(base.removeprefix("media/"), expires_at_s, session, region))

    def _admit(self, viewer: Principal) -> None:
        if self._anonymous_viewers or viewer.may(Role.VIEWER):
            return
        if viewer.id:
            raise Forbidden(
                "playback.role", f"{viewer.name} does not hold the role viewer, which watching needs"
            )
        raise Unauthenticated("playback.sign_in", "watching needs an account here; sign in first")
