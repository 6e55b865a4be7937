"""Audiences over HTTP, for ad operations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bijou.audience.dimensions import Dimension
from bijou.audience.shown import (
    Audience,
    AudienceState,
    Checked,
    Combination,
    Forgotten,
    NewAudience,
    Person,
    Reach,
    RuleText,
)
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

Handler = Callable[[Call], Awaitable[Any]]

AUDIENCES = Endpoint(
    method="GET",
    path="/api/audiences",
    role=Role.ADOPS,
    summary="All audiences, by name.",
    gives=list[Audience],
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
    gives=list[Audience],
    body_s=600.0,
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
REGISTER = Endpoint(
    method="POST",
    path="/api/audience-dimensions",
    role=Role.ADOPS,
    summary="Register a dimension, or change its words.",
    takes=Dimension,
    status=204,
)
FORGET = Endpoint(
    method="POST",
    path="/api/audience-deletions",
    role=Role.ADOPS,
    summary="Delete a user from every file; the answer is the certificate.",
    takes=Person,
    gives=Forgotten,
)


def routes(opened: Callable[[], "AudienceService"]) -> list[Route]:
    """Serve audiences; one request at a time, in a thread.

    Args:
        opened: Opens them when they are first asked for.
    """
    one_at_a_time = asyncio.Lock()

    def answer(work: Callable[["AudienceService", Call], Any]) -> Handler:
        async def handler(call: Call) -> Any:
            async with one_at_a_time:
                return await asyncio.to_thread(lambda: work(opened(), call))

        return handler

    return [
        AUDIENCES.bind(answer(lambda audiences, _: audiences.audiences())),
        STATE.bind(answer(lambda audiences, _: audiences.state())),
        DEFINE.bind(answer(lambda audiences, call: audiences.define(call.body))),
        DROP.bind(answer(lambda audiences, call: audiences.drop(call.path["name"]))),
        BUILD.bind(answer(lambda audiences, _: audiences.build())),
        CHECK.bind(answer(_checked)),
        COMBINE.bind(answer(_combined)),
        REGISTER.bind(answer(lambda audiences, call: audiences.register(call.body))),
        FORGET.bind(answer(lambda audiences, call: audiences.forget(call.body.user))),
    ]


def _checked(audiences: "AudienceService", call: Call) -> Checked:
    asked: RuleText = call.body
    return audiences.check(asked.rule, purpose=asked.purpose)


def _combined(audiences: "AudienceService", call: Call) -> Reach:
    asked: Combination = call.body
    return audiences.combine(asked.include, asked.exclude, all_of=asked.all_of)
