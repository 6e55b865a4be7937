from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from bijou.ads import AdBreak, AudienceReference, LineItem, NewDimension, Placement, Point, Record, State
from bijou.ads.matching.http import HttpExplains, explaining_routes
from bijou.ads.matching.service import Answer, ExplainingService, Page, Question
from bijou.ads.matching.shards import Profile
from bijou.ads.service import AdOperationsService
from bijou.audience import And, In, InAudience, Kind, Not, Rule
from bijou.ports import Credentials, InvalidRequest, Principal, Role, VirtualClock
from bijou.runtime.http import Wire, service_app
from tests.contract.ads.campaigns import BEGINS, EURO, change, house, make

pytestmark = pytest.mark.anyio


async def profile_of(viewer: str) -> Profile:
    if viewer == "u1":
        return Profile({"age": 33, "interest": frozenset({"cars"})}, ["runners"])
    return Profile({}, [], "no_profile")


async def explained(
    service: AdOperationsService, clock: VirtualClock, question: Question
) -> tuple[Answer, dict[str, tuple[str, str]]]:
    answer = await ExplainingService(service, clock, profile_of).explain(question)
    return answer, {each.name: (each.reason, each.says) for each in answer.verdicts}


async def another(service: AdOperationsService, like: Record, name: str, rule: Rule) -> Record:
    assert isinstance(like.noun, LineItem)
    flights = [replace(flight, budget_micros=EURO, goal_units=10) for flight in like.noun.flights]
    return await make(service, replace(like.noun, name=name, targeting=rule, flights=flights))


async def test_every_line_item_of_the_configuration_has_its_verdict(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    made = await house(service)
    item = await change(
        service, made["line_item"], name="first", targeting=In("country", ("DE",)), state=State.ACTIVE
    )
    await make(service, AudienceReference(name="joggers", audience="runners"))
    await make(service, NewDimension(name="team", kind=Kind.CATEGORY))
    await another(service, item, "runners", InAudience("joggers"))
    await another(service, item, "team", In("team", ("HSV",)))
    midrolls = And((In("placement", ("midroll",)), In("title", ("ttl_9",))))
    await another(service, item, "midrolls", midrolls)
    placement = await make(service, Placement(name="films"))
    pre = await make(service, AdBreak(placement=placement.id, title="ttl_9", point=Point.PRE))
    asked = Question("u1", pre.id, {"country": "FR"}, at=BEGINS)

    answer, said = await explained(service, clock, asked)

    assert said == {
        "first": ("country", "country is 'FR'; asked: country in (DE)"),
        "runners": ("", ""),
        "team": ("team", "team is unknown; asked: team in (HSV)"),
        "midrolls": ("placement", "placement is 'preroll'; asked: placement in (midroll)"),
    }
    assert (answer.degraded, answer.reasons) == ("", {"country": 1, "team": 1, "placement": 1})
    _, of_stranger = await explained(service, clock, Question("u2", pre.id, at=BEGINS))
    assert of_stranger["runners"] == ("audience", "audience is unknown; asked: audience in (runners)")


class Doorman:
    """Lets everybody in as ad operations."""

    async def principal(self, credentials: Credentials) -> Principal:
        return Principal("usr_1", credentials.bearer, frozenset({Role.ADOPS}))


async def test_the_answer_is_the_same_over_http(service: AdOperationsService, clock: VirtualClock) -> None:
    await house(service)
    local = ExplainingService(service, clock, profile_of)
    transport = httpx.ASGITransport(service_app(explaining_routes(local), Doorman()))
    question = Question("u2", facts={"genre": ["noir"]}, at=BEGINS)

    over_http = await HttpExplains(Wire("http://ads", "key", transport=transport)).explain(question)

    assert over_http == await local.explain(question)
    assert over_http.degraded == "no_profile"


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ({"contry": "DE"}, "there is no dimension 'contry'; did you mean country?"),
        ({"age": "old"}, "age is a integer, which 'old' is not"),
        ({"live": "yes"}, "live is a flag, which 'yes' is not"),
        ({"watched": "noir"}, "watched is a event, which 'noir' is not"),
    ],
)
async def test_facts_that_cannot_be_read_are_refused(
    service: AdOperationsService, clock: VirtualClock, spelled: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await explained(service, clock, Question(spelled=spelled))

    assert refused.value.detail == says


async def test_facts_are_read_by_the_kind_of_their_dimension(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    spelled = {"genre": "noir,war", "interest": "cars", "live": "true", "age": "33", "postal_code": "10115"}

    answer, _ = await explained(service, clock, Question(spelled=spelled))

    assert answer.opportunity.facts == {
        "genre": ["noir", "war"],
        "interest": ["cars"],
        "live": True,
        "age": 33.0,
        "postal_code": "10115",
    }


async def many(service: AdOperationsService) -> list[Record]:
    """Make line items of which some serve in Germany, and some are paused."""
    made = await house(service)
    item = await change(service, made["line_item"], name="n0", state=State.ACTIVE)
    more = [await another(service, item, f"n{n}", In("country", ("DE",))) for n in range(1, 5)]
    austria = [await another(service, item, f"Austria {n}", In("country", ("AT",))) for n in range(3)]
    return [item, *more, *austria]


async def test_verdicts_come_in_pages_and_by_reason(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    await many(service)
    asked = Question(facts={"country": "DE"}, at=BEGINS)

    async def page(**wanted: Any) -> Answer:
        answer, _ = await explained(service, clock, replace(asked, page=Page(**wanted)))
        return answer

    first, last = await page(at_most=5), await page(at_most=5, after=5)
    out, found = await page(reasons=["country"]), await page(like="AUSTRIA", at_most=1)

    names = [each.name for each in (*first.verdicts, *last.verdicts)]
    assert sorted(names) == ["Austria 0", "Austria 1", "Austria 2", "n0", "n1", "n2", "n3", "n4"]
    assert (first.after, last.after) == (5, None)
    for answer in (first, last, out, found):
        assert (answer.total, answer.serving, answer.reasons) == (8, 5, {"country": 3})
    assert {each.name for each in out.verdicts} == {"Austria 0", "Austria 1", "Austria 2"}
    assert (found.found, len(found.verdicts), found.after) == (3, 1, 1)
    assert {each.may_serve for each in (await page(may_serve=True)).verdicts} == {True}


async def test_a_stranger_is_told_apart_from_somebody_without_a_profile(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    stranger, _ = await explained(service, clock, Question(at=BEGINS))
    unknown, _ = await explained(service, clock, Question("u2", at=BEGINS))

    assert (stranger.degraded, unknown.degraded) == ("stranger", "no_profile")


async def test_an_audience_with_too_few_members_is_the_reason_that_is_told(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    made = await house(service)
    await make(service, AudienceReference(name="joggers", audience="runners", least_members=100))
    await change(service, made["line_item"], name="run", targeting=InAudience("joggers"), state=State.ACTIVE)

    async def sizes() -> dict[str, int]:
        return {"runners": 99}

    explaining = ExplainingService(service, clock, profile_of, sizes=sizes)
    (verdict,) = (await explaining.explain(Question("u1", at=BEGINS))).verdicts

    assert not verdict.may_serve
    assert verdict.reason == "audience"
    assert verdict.says == "audience 'joggers' has fewer members than the 100 that it must have"


async def test_the_line_items_that_name_an_audience_are_listed(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    item, other, third, *_ = await many(service)
    reference = await make(service, AudienceReference(name="joggers", audience="runners"))
    await change(service, item, targeting=And((In("country", ("DE",)), InAudience("joggers"))))
    await change(service, other, targeting=Not(InAudience("joggers")), state=State.PAUSED)
    await change(service, third, targeting=Not(Not(InAudience("joggers"))), state=State.DRAFT)
    explaining = ExplainingService(service, clock, profile_of)
    transport = httpx.ASGITransport(service_app(explaining_routes(explaining), Doorman()))

    uses = await HttpExplains(Wire("http://ads", "key", transport=transport)).uses("runners")

    assert [(each.line_item, each.state, each.reference, each.excluded) for each in uses] == [
        (item.id, State.ACTIVE, reference.id, False),
        (other.id, State.PAUSED, reference.id, True),
        (third.id, State.DRAFT, reference.id, False),
    ]
    assert await explaining.uses("nobody") == []
