"""Where an edge fetches: the shield that keeps an object, the next one where it fails, the origin last."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from bijou.delivery.line import OriginAnswer
from bijou.delivery.slots import SlotTable, slot_of
from bijou.delivery.upstream import Upstream
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.logs import get_logger

SICK_S: Final = 5.0
"""Seconds that a shield which failed is passed over."""

_log = get_logger()


class Source(Protocol):
    """What an edge fetches from."""

    origin_url: str

    @property
    def fetches(self) -> int:
        """Requests sent."""
        ...

    async def ask(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, *, direct: bool = False
    ) -> OriginAnswer:
        """Send one request and return when the answer's head is there; raises as `Upstream.ask`."""
        ...

    def expire(self, now_ns: int) -> None:
        """Give up on what says nothing."""
        ...

    def close(self) -> None:
        """Drop all connections."""
        ...


class Shields:
    """Every object has one shield; what that does not answer, the slot's second does, then the origin.

    So however many edges there are, the origin is asked once for an object,
    as long as its shield keeps it. A shield itself asks nobody but the origin:
    what comes from an edge is fetched directly.

    Args:
        origin: Asked last.
        urls: Of the shields, at least one.
        name: Of the edge that asks.
        query: What is appended to each request of a shield, such as a token.
        trust: Whom certificates are believed of; None: whom the system trusts.
    """

    def __init__(
        self,
        origin: Upstream,
        urls: Sequence[str],
        clock: Clock,
        *,
        name: str = "bijou",
        query: Callable[[], str] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.origin_url = origin.origin_url
        self._origin = origin
        self._clock = clock
        self._shields = {url: Upstream(url, clock, name=name, query=query, trust=trust) for url in urls}
        self._table = SlotTable(dict.fromkeys(urls, 1.0))
        self._sick_until_ns = dict.fromkeys(urls, 0)

    @property
    def fetches(self) -> int:
        """Requests sent, to whomever."""
        return self._origin.fetches + sum(shield.fetches for shield in self._shields.values())

    async def ask(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, *, direct: bool = False
    ) -> OriginAnswer:
        """Ask the object's shield, or whoever stands in for it; only the origin where `direct`."""
        if direct:
            return await self._origin.ask(method, path, fields)
        for url in self._table.nodes(slot_of(path)):
            if self._clock.monotonic_ns() < self._sick_until_ns[url]:
                continue
            try:
                answer = await self._shields[url].ask(method, path, fields)
            except EngineUnavailable as error:
                self._fell_sick(url, error.detail)
                continue
            if answer.status < 500:
                return answer
            await answer.aclose()
            self._fell_sick(url, f"it answered {answer.status}")
        return await self._origin.ask(method, path, fields)

    def expire(self, now_ns: int) -> None:
        """Give up on what says nothing."""
        for upstream in (self._origin, *self._shields.values()):
            upstream.expire(now_ns)

    def close(self) -> None:
        """Drop all connections."""
        for upstream in (self._origin, *self._shields.values()):
            upstream.close()

    def _fell_sick(self, url: str, why: str) -> None:
        self._sick_until_ns[url] = self._clock.monotonic_ns() + round(SICK_S * 1e9)
        _log.warning("edge.shield_failed", shield=url, why=why, passed_over_s=SICK_S)
