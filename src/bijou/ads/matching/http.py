"""Matching over HTTP: a shard, and why not; the routes, and the clients that call them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from bijou.ads.matching.service import Answer, Explains, Page, Question
from bijou.ads.matching.shards import Ask, Found, MatchShard
from bijou.ads.matching.uses import AudienceUse
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route, Wire


class Asks(msgspec.Struct, frozen=True):
    """Several viewers' opportunities; one call costs more than one match."""

    asks: Annotated[list[Ask], Meta(max_length=1000)]


FIND = Endpoint(
    method="POST",
    path="/api/ads/match",
    role=Role.SERVICE,
    summary="The best line items that may serve, for each of several viewers.",
    takes=Asks,
    gives=list[Found],
    limit_bytes=8 << 20,
)


class UsesQuery(msgspec.Struct, frozen=True):
    """Which audience."""

    audience: str


EXPLAIN = Endpoint(
    method="POST",
    path="/api/ads/explain",
    role=Role.ADOPS,
    summary="Every line item's verdict for a viewer at a break: may it serve, and the first reason why not.",
    takes=Question,
    gives=Answer,
)
USES = Endpoint(
    method="GET",
    path="/api/ads/audience-uses",
    role=Role.ADOPS,
    summary="Line items whose targeting names an audience, drafts too.",
    query=UsesQuery,
    gives=list[AudienceUse],
)


def explaining_routes(explains: Explains) -> list[Route]:
    """Return the table of routes that say why not."""

    async def explain(call: Call) -> Answer:
        question: Question = call.body
        if question.page is None:
            question = msgspec.structs.replace(question, page=Page())
        return await explains.explain(question)

    async def uses(call: Call) -> list[AudienceUse]:
        return await explains.uses(call.query.audience)

    return [EXPLAIN.bind(explain), USES.bind(uses)]


class HttpExplains:
    """`Explains` on the other end of a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def explain(self, question: Question) -> Answer:
        """Ask it; see `Explains`."""
        answer: Answer = await self._wire.call(EXPLAIN, question)
        return answer

    async def uses(self, audience: str) -> list[AudienceUse]:
        """Ask it; see `Explains`."""
        uses: list[AudienceUse] = await self._wire.call(USES, query=UsesQuery(audience))
        return uses


def routes(shard: MatchShard) -> list[Route]:
    """Return the table of a shard's routes."""

    async def find(call: Call) -> list[Found]:
        return await shard.find(call.body.asks)

    return [FIND.bind(find)]


class HttpShard:
    """`MatchShard` on the other end of a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def find(self, asks: Sequence[Ask]) -> list[Found]:
        """Ask it; EngineUnavailable where it does not answer."""
        found: list[Found] = await self._wire.call(FIND, Asks(list(asks)))
        return found
