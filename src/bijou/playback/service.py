"""Sessions from the catalogue and the configured edges."""

import math
from random import Random
from typing import Final

from bijou.catalog import Catalog
from bijou.delivery import REPORT_PATH, STEER_PREFIX, Grant, Standing, States, TokenKeys
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
        states: Begin what steering knows of a session; None: nobody steers.
        steering_url: Where steering answers; empty: at each edge.
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
        states: States | None = None,
        steering_url: str = "",
    ) -> None:
        self._states = states
        self._steering_url = steering_url.rstrip("/")
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
        expires_at_s = self._clock.now() // 1_000_000 + math.ceil(self._token_s)
        scope = title.publication.base.removeprefix("media/")
        token = self._token(Grant(scope, expires_at_s, session, edges[0].region))
        steering, reports = self._steering(
            Standing(session, edges[0].region, edges[0].region, expires_at_s, scope), edges[0]
        )
        return Session(
            id=session,
            title=title.slug,
            started_at=self._clock.now(),
            pathways=[model.pathway(edge, title.publication, token, steering) for edge in edges],
            steering=steering,
            reports=reports,
        )

    async def edges(self) -> list[EdgeAddress]:
        """Return the edges in order of preference."""
        return self._edges

    def _token(self, grant: Grant) -> str:
        if self._keys is None:
            return ""
        self._keys.refresh()
        return self._keys.sign(grant)

    def _steering(self, standing: Standing, edge: EdgeAddress) -> tuple[str, str]:
        """Return where the session is steered, and where it tells what it saw."""
        if self._states is None:
            return "", ""
        self._states.refresh()
        state = self._states.write(standing)
        base = self._steering_url or edge.base_url.rstrip("/")
        return f"{base}{STEER_PREFIX}{state}", f"{base}{REPORT_PATH}?state={state}"

    def _admit(self, viewer: Principal) -> None:
        if self._anonymous_viewers or viewer.may(Role.VIEWER):
            return
        if viewer.id:
            raise Forbidden(
                "playback.role", f"{viewer.name} does not hold the role viewer, which watching needs"
            )
        raise Unauthenticated("playback.sign_in", "watching needs an account here; sign in first")
