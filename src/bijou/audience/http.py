"""Audiences over HTTP, for ad operations."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from bijou.audience.dimensions import Dimension
from bijou.audience.shown import (
    Alike,
    Audience,
    AudienceState,
    Checked,
    Combination,
    DimensionShown,
    Known,
    Names,
    NewAudience,
    OverlapMatrix,
    Reach,
    RuleText,
    Seed,
    Viewer,
)
from bijou.audience.turns import Turns
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

Handler = Callable[[Call], Awaitable[Any]]


class BuildQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether to look at everybody, not only at those who changed."""

    full: bool = False


AUDIENCES = Endpoint(
    method="GET",
    path="/api/audiences",
    role=Role.ADOPS,
    summary="All audiences, by name.",
    gives=list[Audience],
)
AUDIENCE = Endpoint(
    method="GET",
    path="/api/audiences/{name}",
    role=Role.ADOPS,
    summary="One audience, its rule as text and as a tree.",
    gives=Audience,
)
STATE = Endpoint(
    method="GET",
    path="/api/audience-state",
    role=Role.ADOPS,
    summary="What features and audiences there are, and the last batches.",
    gives=AudienceState,
)
DEFINE = Endpoint(
    method="POST",
    path="/api/audiences",
    role=Role.ADOPS,
    summary="Add an audience, or change the one of that name.",
    takes=NewAudience,
    gives=Audience,
)
DROP = Endpoint(
    method="DELETE",
    path="/api/audiences/{name}",
    role=Role.ADOPS,
    summary="Remove an audience that no other builds on.",
    status=204,
)
BUILD = Endpoint(
    method="POST",
    path="/api/audience-builds",
    role=Role.ADOPS,
    summary="Build all audiences into one snapshot.",
    query=BuildQuery,
    gives=list[Audience],
)
CHECK = Endpoint(
    method="POST",
    path="/api/audience-checks",
    role=Role.ADOPS,
    summary="Say what is wrong or odd with a rule, and whom it reaches.",
    takes=RuleText,
    gives=Checked,
)
COMBINE = Endpoint(
    method="POST",
    path="/api/audience-combinations",
    role=Role.ADOPS,
    summary="Count members of some audiences and of none of others.",
    takes=Combination,
    gives=Reach,
)
OVERLAPS = Endpoint(
    method="POST",
    path="/api/audience-overlaps",
    role=Role.ADOPS,
    summary="How many members each two of some audiences share.",
    takes=Names,
    gives=OverlapMatrix,
)
ALIKE = Endpoint(
    method="POST",
    path="/api/audience-lookalikes",
    role=Role.ADOPS,
    summary="People like those of an audience, and in what they are alike.",
    takes=Seed,
    gives=Alike,
)
DIMENSIONS = Endpoint(
    method="GET",
    path="/api/audience-dimensions",
    role=Role.ADOPS,
    summary="All dimensions, and the values that came so far.",
    gives=list[DimensionShown],
)
VIEWER = Endpoint(
    method="POST",
    path="/api/audience-viewers",
    role=Role.ADOPS,
    summary="What may be used of a viewer for a purpose; the identifier stands in no address.",
    takes=Viewer,
    gives=Known,
)
REGISTER = Endpoint(
    method="POST",
    path="/api/audience-dimensions",
    role=Role.ADOPS,
    summary="Register a dimension, or change its words.",
    takes=Dimension,
    status=204,
)


def routes(turns: Turns) -> list[Route]:
    """Serve audiences; in threads, so that nobody else waits."""

    def asking(work: Callable[["AudienceService", Call], Any]) -> Handler:
        async def handler(call: Call) -> Any:
            return await turns.ask(lambda audiences: work(audiences, call))

        return handler

    def changing(work: Callable[["AudienceService", Call], Any]) -> Handler:
        async def handler(call: Call) -> Any:
            return await turns.change(lambda audiences: work(audiences, call))

        return handler

    return [
        AUDIENCES.bind(asking(lambda audiences, _: audiences.audiences())),
        AUDIENCE.bind(asking(lambda audiences, call: audiences.audience(call.path["name"]))),
        STATE.bind(asking(lambda audiences, _: audiences.state())),
        DEFINE.bind(changing(lambda audiences, call: audiences.define(call.body))),
        DROP.bind(changing(lambda audiences, call: audiences.drop(call.path["name"]))),
        BUILD.bind(changing(lambda audiences, call: audiences.build(full=call.query.full))),
        CHECK.bind(asking(_checked)),
        COMBINE.bind(asking(_combined)),
        OVERLAPS.bind(asking(lambda audiences, call: audiences.overlaps(call.body.names))),
        ALIKE.bind(asking(lambda audiences, call: audiences.alike(call.body.seed, call.body.size))),
        DIMENSIONS.bind(asking(lambda audiences, _: audiences.dimensions())),
        REGISTER.bind(changing(lambda audiences, call: audiences.register(call.body))),
        VIEWER.bind(changing(lambda audiences, call: audiences.known(call.body.user, call.body.purpose))),
    ]


def _checked(audiences: "AudienceService", call: Call) -> Checked:
    asked: RuleText = call.body
    return audiences.check(asked.rule, purpose=asked.purpose, tree=asked.tree)


def _combined(audiences: "AudienceService", call: Call) -> Reach:
    asked: Combination = call.body
    return audiences.combine(asked.include, asked.exclude, all_of=asked.all_of)
