"""Every rule about a noun: what is right passes, and each breach is one sentence."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.ads import (
    AdBreak,
    AdType,
    Advertiser,
    Assignment,
    AudienceReference,
    Brand,
    Campaign,
    Category,
    Creative,
    Daypart,
    Flight,
    FrequencyCap,
    Goal,
    InsertionOrder,
    LineItem,
    NewDimension,
    Noun,
    Per,
    Placement,
    Point,
    PriceModel,
    Rendition,
    Surface,
    Tier,
    Tracker,
)
from bijou.ads.model.nouns import kind_of
from bijou.ads.model.rules import check
from bijou.ads.model.shapes import SHAPES, noun_of, rows_of
from bijou.ads.model.shipped import SHIPPED_AD_TYPES
from bijou.audience import And, In, InAudience, Kind, Range
from bijou.ports import Instant, InvalidRequest
from bijou.runtime import codec

EURO = 1_000_000
DAY_US = 86_400_000_000


def day(number: int) -> Instant:
    return Instant(number * DAY_US)


class Configuration:
    """`Around` in a dictionary."""

    def __init__(self, nouns: dict[str, Noun]) -> None:
        self.nouns = nouns

    def find(self, kind: str, name: str) -> Noun | None:
        found = self.nouns.get(name)
        return found if found is not None and kind_of(found) == kind else None

    def naming(self, kind: str, field: str, record_id: str) -> list[tuple[str, Noun]]:
        return [
            (key, noun)
            for key, noun in self.nouns.items()
            if kind_of(noun) == kind and getattr(noun, field) == record_id
        ]


ADVERTISER = Advertiser(name="Kino AG")
BRAND = Brand(name="Kino", advertiser="adv", categories=["cars"])
CAMPAIGN = Campaign(
    name="Winter", advertiser="adv", begins_at=day(10), ends_at=day(20), budget_micros=100 * EURO
)
ORDER = InsertionOrder(
    name="Order", campaign="cmp", begins_at=day(10), ends_at=day(20), budget_micros=90 * EURO
)
FLIGHT = Flight(
    begins_at=day(10), ends_at=day(12), goal=Goal.IMPRESSIONS, goal_units=1000, budget_micros=20 * EURO
)
CREATIVE = Creative(name="Film", brand="brd", duration_ms=15_000)
LINE = LineItem(
    name="Line",
    insertion_order="ior",
    tier=Tier.GUARANTEED,
    price_micros=20 * EURO,
    flights=[FLIGHT],
    creatives=[Assignment("crv")],
)
PLACEMENT = Placement(name="Films")
BREAK = AdBreak(placement="plc")
CARS = Category(name="cars", label="Cars", parent="vehicles")
AD_TYPE = AdType(name="shelf", renderer="shelf", schema={"type": "object"}, events={"shown": "impression"})
TEAM = NewDimension(name="team", kind=Kind.CATEGORY)
FANS = AudienceReference(name="fans", audience="aud_1")


@pytest.fixture
def around() -> Configuration:
    nouns: dict[str, Noun] = {
        "adv": ADVERTISER,
        "rival": Advertiser(name="Rival"),
        "brd": BRAND,
        "theirs": Brand(name="Theirs", advertiser="rival"),
        "cmp": CAMPAIGN,
        "ior": ORDER,
        "crv": CREATIVE,
        "foreign": msgspec.structs.replace(CREATIVE, brand="theirs"),
        "lin": LINE,
        "plc": PLACEMENT,
        "pausing": Placement(name="Pause", surface=Surface.PAUSE, ad_types=["pause"]),
        "brk": BREAK,
        "cars": CARS,
        "vehicles": Category(name="vehicles", label="Vehicles"),
        "team": TEAM,
        "fans": FANS,
        "shelf": AD_TYPE,
    }
    return Configuration({**nouns, **{each.name: each for each in SHIPPED_AD_TYPES}})


def test_what_is_right_passes(around: Configuration) -> None:
    for key, noun in around.nouns.items():
        check(noun, key, around)


def flight(**fields: Any) -> list[Flight]:
    return [msgspec.structs.replace(FLIGHT, **fields)]


BREACHES: list[tuple[Noun, dict[str, Any], str]] = [
    (ADVERTISER, {"name": " "}, "name: ' ' is no name; it has 1 to 200 printable characters"),
    (ADVERTISER, {"name": "a\nb"}, "is no name"),
    (ADVERTISER, {"currency": "euro"}, "currency: 'euro' is no currency; take three letters of ISO 4217"),
    (ADVERTISER, {"time_zone": "Mars"}, "time_zone: 'Mars' is no time zone"),
    (BRAND, {"advertiser": "nobody"}, "advertiser: there is no advertiser 'nobody'; make it first"),
    (BRAND, {"categories": ["cars", "beer"]}, "categories[1]: there is no category 'beer'"),
    (CAMPAIGN, {"advertiser": "brd"}, "there is no advertiser 'brd'"),
    (
        CAMPAIGN,
        {"ends_at": day(10)},
        "and ends 1970-01-11T00:00:00.000000Z; it must end after it begins",
    ),
    (
        CAMPAIGN,
        {"currency": "CHF"},
        "the campaign's budget is in CHF, and the advertiser's currency is EUR; they must agree",
    ),
    (CAMPAIGN, {"budget_micros": -1}, "budget_micros: -1 micros; an amount is 0 to 2^60"),
    (CAMPAIGN, {"caps": [FrequencyCap(0, 60)]}, "caps[0]: 0 a viewer in 60 s; a cap is 1 to 511"),
    (CAMPAIGN, {"caps": [FrequencyCap(1, 60, Per.BREAK)]}, "only of a session or a break without a window"),
    (CAMPAIGN, {"caps": [FrequencyCap(1)]}, "caps[0]: 1 a viewer;"),
    (
        CAMPAIGN,
        {"caps": [FrequencyCap(6, 86400), FrequencyCap(6, 3600)]},
        "caps: 6 a viewer in 3600 s says nothing beside 6 a viewer in 86400 s",
    ),
    (ORDER, {"currency": "CHF"}, "the order's budget is in CHF, and the campaign's currency is EUR"),
    (ORDER, {"ends_at": day(21)}, "and its campaign only 1970-01-11T00:00:00.000000Z to 1970-01-21"),
    (ORDER, {"begins_at": day(9)}, "it must lie inside"),
    (
        ORDER,
        {"budget_micros": 101 * EURO},
        "budget_micros: 101.00 EUR and the campaign's other orders' 0.00 EUR are more than its 100.00 EUR",
    ),
    (LINE, {"insertion_order": "x"}, "insertion_order: there is no insertion order 'x'"),
    (LINE, {"currency": "CHF"}, "the line item's price is in CHF, and the order's currency is EUR"),
    (LINE, {"price_micros": -1}, "price_micros: -1 micros"),
    (LINE, {"priority": 0}, "priority: 0; it is 1 (first) to 16"),
    (LINE, {"time_zone": "Mars"}, "'Mars' is no time zone"),
    (LINE, {"tier": Tier.HOUSE, "flights": []}, "price_micros: 20.00 EUR of the house"),
    (LINE, {"flights": flight(ends_at=day(10))}, "flights[0] begins 1970-01-11T00:00:00.000000Z and ends"),
    (LINE, {"flights": flight(begins_at=day(9))}, "flights[0] runs"),
    (
        LINE,
        {"flights": [FLIGHT, msgspec.structs.replace(FLIGHT, begins_at=day(11), ends_at=day(13))]},
        "flights[1] begins 1970-01-12T00:00:00.000000Z, before the flight ahead of it ends",
    ),
    (LINE, {"flights": flight(budget_micros=-1)}, "flights[0].budget_micros: -1 micros"),
    (
        LINE,
        {"flights": flight(goal=Goal.NONE, goal_units=0)},
        "flights[0]: a guaranteed line item cannot promise none; it promises clicks or completes or",
    ),
    (LINE, {"tier": Tier.SPONSORSHIP}, "a sponsorship line item cannot promise impressions"),
    (
        LINE,
        {"tier": Tier.SPONSORSHIP, "flights": flight(goal=Goal.SHARE, goal_units=101)},
        "flights[0]: the goal share of 101; a share is 1 to 100",
    ),
    (
        LINE,
        {"price_model": PriceModel.CPC},
        "flights[0]: a goal of impressions is paid by cpc, which counts clicks",
    ),
    (
        LINE,
        {"flights": flight(goal_units=1001)},
        "flights[0]: 1,001 impressions cost 20.02 EUR, and its budget is 20.00 EUR",
    ),
    (
        LINE,
        {"price_model": PriceModel.CPCV, "flights": flight(goal=Goal.COMPLETES, goal_units=2)},
        "flights[0]: 2 completes cost 40.00 EUR, and its budget is 20.00 EUR",
    ),
    (
        LINE,
        {"flights": flight(budget_micros=91 * EURO)},
        "flights: 91.00 EUR and the order's other line items' 0.00 EUR are more than its 90.00 EUR",
    ),
    (LINE, {"dayparts": [Daypart(7, 0, 60)]}, "dayparts[0]: minutes 0 to 60 of weekday 7"),
    (LINE, {"dayparts": [Daypart(0, 0, 61), Daypart(0, 60, 90)]}, "dayparts[1]: minutes 60 to 90"),
    (LINE, {"caps": [FrequencyCap(512, 60)]}, "caps[0]: 512 a viewer in 60 s"),
    (
        LINE,
        {"targeting": And((In("country", ("DE",)), In("teem", ("blue",))))},
        "targeting: there is no dimension 'teem'",
    ),
    (LINE, {"targeting": InAudience("everyone")}, "targeting: there is no audience 'everyone'"),
    (
        LINE,
        {"creatives": [Assignment("foreign")]},
        "creatives[0]: Film is of Theirs, whose advertiser does not pay for this",
    ),
    (LINE, {"creatives": [Assignment("crv", 0)]}, "creatives[0]: weight 0; it is 1 to 1000"),
    (CREATIVE, {"brand": "x"}, "brand: there is no brand 'x'"),
    (CREATIVE, {"ad_type": "hologram"}, "ad_type: there is no ad type 'hologram'"),
    (
        CREATIVE,
        {"attributes": {"skip_after_ms": "5 s"}},
        "attributes.skip_after_ms: '5 s' is no whole number (the schema of the ad type linear)",
    ),
    (CREATIVE, {"duration_ms": 0}, "duration_ms: 0; an ad of type linear takes time of a break"),
    (CREATIVE, {"ad_type": "pause", "attributes": {"image": "x"}}, "type pause takes no time of a break"),
    (CREATIVE, {"ad_type": "pause", "duration_ms": 0}, "attributes.image is missing"),
    (CREATIVE, {"click_url": "javascript:alert(1)"}, "click_url: 'javascript:alert(1)' is no http"),
    (CREATIVE, {"renditions": [Rendition(url="", media_type="video/mp4")]}, "renditions[0]: 'video/mp4'"),
    (
        CREATIVE,
        {"trackers": [Tracker("resumed", "https://x.example")]},
        "trackers[0]: 'resumed' never happens to an ad of type linear; what does is loaded, impression",
    ),
    (CREATIVE, {"trackers": [Tracker("start", "x")]}, "trackers[0]: 'x' is no http or https address"),
    (PLACEMENT, {"ad_types": ["linear", "pause"]}, "ad_types[1]: pause takes no time, and a break is made"),
    (PLACEMENT, {"surface": Surface.PAUSE}, "ad_types[0]: linear takes time, and a pause has none"),
    (PLACEMENT, {"refuses": ["beer"]}, "refuses[0]: there is no category 'beer'"),
    (PLACEMENT, {"floor_micros": -1}, "floor_micros: -1 micros"),
    (BREAK, {"placement": "pausing"}, "placement: Pause is of the pause, not of a break"),
    (BREAK, {"point": Point.MID}, "at_ms: 0 of a mid break; mid ones have a place over 0, others 0"),
    (BREAK, {"at_ms": 5}, "at_ms: 5 of a pre break"),
    (BREAK, {"slots": 31}, "31 ads in 90000 ms; a break has 1 to 30 in up to 20 minutes"),
    (CARS, {"name": "Cars"}, "name: 'Cars'; it is up to 40 of a-z, 0-9 and _, a letter first"),
    (CARS, {"parent": "cars"}, "parent: cars would be its own ancestor"),
    (CARS, {"parent": "boats"}, "parent: there is no category 'boats'"),
    (AD_TYPE, {"renderer": "../x"}, "renderer: '../x'"),
    (AD_TYPE, {"schema": {"type": "array", "items": {"type": "string"}}}, "attributes are an object"),
    (AD_TYPE, {"schema": {"type": "object", "anyOf": []}}, "schema: 'anyOf' is no keyword of object"),
    (AD_TYPE, {"events": {"shown": "Shown"}}, "events.shown: 'Shown'"),
    (AD_TYPE, {"events": {"shown": "viewable"}}, "none of shelf's counts as impression"),
    (TEAM, {"name": "country", "kind": Kind.INTEGER}, "country is a category of the request"),
    (TEAM, {"kind": Kind.FLAG, "values": ["a"]}, "a flag has no list of values"),
    (FANS, {"audience": ""}, "audience '' of at least 1000; it is one, of 1 or more"),
    (FANS, {"least_members": 0}, "of at least 0"),
]


@pytest.mark.parametrize(("noun", "spoiled", "sentence"), BREACHES, ids=lambda value: str(value)[:60])
def test_a_breach_is_one_sentence_with_the_place_the_values_and_the_rule(
    around: Configuration, noun: Noun, spoiled: dict[str, Any], sentence: str
) -> None:
    own = next(key for key, each in around.nouns.items() if each is noun)
    broken = msgspec.structs.replace(noun, **spoiled)

    with pytest.raises(InvalidRequest, match=re.escape(sentence)) as refusal:
        check(broken, own, around)

    assert refusal.value.code.startswith("ads.")
    assert "\n" not in refusal.value.detail


def test_budgets_of_siblings_are_added_up_and_ones_own_older_self_is_not(around: Configuration) -> None:
    around.nouns["sibling"] = LINE
    dear = msgspec.structs.replace(LINE, flights=flight(budget_micros=71 * EURO))

    check(msgspec.structs.replace(LINE, flights=flight(budget_micros=70 * EURO)), "lin", around)
    with pytest.raises(InvalidRequest, match=r"other line items' 20\.00 EUR"):
        check(dear, "lin", around)


def test_many_caps_hold_at_once_where_each_says_something(around: Configuration) -> None:
    caps = [
        FrequencyCap(2, 3600),
        FrequencyCap(6, 86400),
        FrequencyCap(10, 7 * 86400),
        FrequencyCap(1, 0, Per.BREAK),
        FrequencyCap(2, 3600, Per.HOUSEHOLD),
    ]

    check(msgspec.structs.replace(LINE, caps=caps), "lin", around)


NOUNS = [
    *(ADVERTISER, BRAND, CAMPAIGN, ORDER, CREATIVE, PLACEMENT, BREAK, CARS, AD_TYPE, TEAM, FANS),
    *SHIPPED_AD_TYPES,
    msgspec.structs.replace(
        LINE,
        targeting=And((In("country", ("DE",)), Range("age", 18, None))),
        dayparts=[Daypart(0, 60, 90)],
        caps=[FrequencyCap(2, 3600)],
    ),
    NewDimension(name="height", kind=Kind.NUMBER, low=0.5, high=2.5, unit="m"),
]


@pytest.mark.parametrize("noun", NOUNS, ids=kind_of)
def test_a_noun_comes_back_from_its_rows_and_from_its_json(noun: Noun) -> None:
    shape = SHAPES[kind_of(noun)]
    row, parts = rows_of(shape, "x", noun)

    assert noun_of(shape, row, parts) == noun
    assert codec.decode(codec.encode(noun), shape.noun) == noun
    assert set(row) == set(shape.table.c.keys())


@given(st.lists(st.tuples(st.integers(1, 511), st.sampled_from([60, 3600, 86400, 604800])), max_size=5))
def test_caps_pass_exactly_when_each_can_bite_by_itself(pairs: list[tuple[int, int]]) -> None:
    configuration = Configuration({"adv": ADVERTISER})
    campaign = msgspec.structs.replace(CAMPAIGN, caps=[FrequencyCap(*pair) for pair in pairs])
    useless = any(
        first != second and pairs[first][1] <= pairs[second][1] and pairs[first][0] >= pairs[second][0]
        for first in range(len(pairs))
        for second in range(len(pairs))
    )

    expected: AbstractContextManager[object] = (
        pytest.raises(InvalidRequest, match="says nothing beside") if useless else nullcontext()
    )
    with expected:
        check(campaign, "cmp", configuration)
