import random
from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bijou.ads.matching import Dayparts, Line, Matcher, Opportunity, Standing
from bijou.ads.matching.configured import competing, rank, too_small
from bijou.ads.model.nouns import (
    Advertiser,
    AudienceReference,
    Campaign,
    Daypart,
    Flight,
    InsertionOrder,
    LineItem,
    Noun,
)
from bijou.ads.model.record import Record
from bijou.ads.model.terms import State, Tier
from bijou.audience import And, In, InAudience, Not, Or, Registry, Rule
from bijou.ports import Instant

DAY_US = 86_400_000_000
DE = In("country", ("DE",))


def day(number: int) -> Instant:
    return Instant(number * DAY_US)


ORDER = InsertionOrder(
    name="o",
    campaign="cmp",
    begins_at=day(0),
    ends_at=day(9),
    budget_micros=1,
    state=State.ACTIVE,
)
CAMPAIGN = Campaign(name="c", advertiser="adv", begins_at=day(0), ends_at=day(9), state=State.ACTIVE)
ITEM = LineItem(
    name="i",
    insertion_order="ord",
    tier=Tier.GUARANTEED,
    targeting=DE,
    flights=[
        Flight(begins_at=day(1), ends_at=day(2)),
        Flight(begins_at=day(4), ends_at=day(5)),
    ],
    state=State.ACTIVE,
)


def configuration(item: LineItem = ITEM, **others: Noun | None) -> list[Record]:
    shipped: dict[str, Noun | None] = {
        "adv": Advertiser(name="Acme"),
        "cmp": CAMPAIGN,
        "ord": ORDER,
        "lin": item,
    }
    nouns = shipped | others
    return [
        Record(record_id, number, "", 1, 1, Instant(0), "ann", "test", noun)
        for number, (record_id, noun) in enumerate(nouns.items())
        if noun is not None
    ]


def standing(**others: Noun | None) -> Standing:
    (line,) = competing(configuration(ITEM, **others), day(1)).lines
    return line.standing


def test_a_line_item_competes_in_its_flight_of_now_or_the_next() -> None:
    first = Line(3, rank(ITEM), DE, day(1), day(2))
    second = replace(first, starts_at=day(4), ends_at=day(5))

    assert competing(configuration(), day(0)) == ([first], day(2))
    assert competing(configuration(), Instant(day(2) - 1)) == ([first], day(2))
    assert competing(configuration(), day(2)) == ([second], None)
    assert competing(configuration(), day(9)) == ([second], None)


def test_drafts_and_what_is_archived_do_not_compete() -> None:
    for state in (State.DRAFT, State.ARCHIVED):
        assert competing(configuration(replace(ITEM, state=state)), day(1)).lines == []
    assert competing(configuration(replace(ITEM, flights=[])), day(1)).lines == []


def test_whatever_stands_above_pauses_a_line_item_and_what_is_missing_does_too() -> None:
    assert standing() == Standing.ACTIVE
    assert standing(ord=replace(ORDER, state=State.PAUSED)) == Standing.PAUSED
    assert standing(cmp=replace(CAMPAIGN, state=State.DRAFT)) == Standing.PAUSED
    assert standing(adv=Advertiser(name="Acme", state=State.ARCHIVED)) == Standing.PAUSED
    assert standing(adv=None) == Standing.PAUSED
    assert standing(cmp=ORDER) == Standing.PAUSED


def test_tiers_come_before_priorities_and_priorities_before_prices() -> None:
    places = [
        replace(ITEM, tier=Tier.GUARANTEED, priority=16, price_micros=1),
        replace(ITEM, tier=Tier.PRICE_PRIORITY, priority=1, price_micros=5),
        replace(ITEM, tier=Tier.PRICE_PRIORITY, priority=2, price_micros=1 << 60),
        replace(ITEM, tier=Tier.PRICE_PRIORITY, priority=2, price_micros=7),
        replace(ITEM, tier=Tier.HOUSE, priority=1, price_micros=9),
    ]

    assert sorted(map(rank, places)) == list(map(rank, places))
    assert len(set(map(rank, places))) == len(places)


def test_targeting_asks_the_audiences_that_its_references_stand_for() -> None:
    rule = And((DE, Or((InAudience("fans"), InAudience("own"))), Not(InAudience("kids"))))
    references = {
        "aur_fans": AudienceReference(name="fans", audience="football"),
        "aur_kids": AudienceReference(name="kids", audience="under 14"),
    }

    (line,) = competing(configuration(replace(ITEM, targeting=rule), **references), day(1)).lines

    assert line.rule == And(
        (DE, Or((InAudience("football"), InAudience("own"))), Not(InAudience("under 14")))
    )


def test_targeting_of_any_depth_competes_and_is_left_to_the_matcher_to_refuse() -> None:
    rule: Rule = InAudience("fans")
    for _ in range(5_000):
        rule = Not(rule)

    (line,) = competing(configuration(replace(ITEM, targeting=rule)), day(1)).lines

    assert Matcher(Registry.shipped(), native=False).load([line]).refused.keys() == {3}


def test_dayparts_become_minutes_of_the_line_items_week() -> None:
    item = replace(ITEM, dayparts=[Daypart(1, 60, 1440)], time_zone="Europe/Berlin")
    (line,) = competing(configuration(item), day(1)).lines

    assert line.dayparts == Dayparts("Europe/Berlin", ((1500, 2880),))


FANS = {
    "aur_fans": AudienceReference(name="fans", audience="football", least_members=1000),
    "aur_kids": AudienceReference(name="kids", audience="under 14", least_members=1),
}


def serves(targeting: Rule, audiences: Collection[str], sizes: Mapping[str, int] | None) -> bool:
    """Tell whether a line item of that targeting may serve a viewer in these audiences."""
    lines = competing(configuration(replace(ITEM, targeting=targeting), **FANS), day(1), sizes).lines
    matcher = Matcher(Registry.shipped(), native=False)
    matcher.load(lines)
    asked = Opportunity(day(1), {"country": "DE"}, sorted(audiences))
    found = bool(matcher.match(asked, 1).lines)
    assert found == bool(matcher.explain(asked).serving())
    return found


def test_an_audience_with_too_few_members_serves_nobody_on_either_side_of_a_not() -> None:
    enough, few = {"football": 1000, "under 14": 5}, {"football": 999, "under 14": 5}
    inside, outside = InAudience("fans"), Not(InAudience("fans"))

    assert serves(inside, ["football"], enough)
    assert serves(outside, [], enough)
    for rule in (inside, outside):
        assert not serves(rule, ["football"], few)
        assert not serves(rule, [], few)
    assert serves(Or((inside, DE)), [], few)
    assert not serves(And((outside, DE)), [], few)


def test_an_audience_that_is_not_built_has_too_few_members() -> None:
    assert not serves(InAudience("fans"), ["football"], {})
    assert too_small(configuration(ITEM, **FANS), {}) == {"fans": 1000, "kids": 1}
    assert too_small(configuration(ITEM, **FANS), None) == {}


@given(st.randoms(use_true_random=False))
def test_membership_in_too_small_an_audience_changes_no_verdict(chance: random.Random) -> None:
    rule = _drawn(chance, 3)
    sizes = {"football": chance.choice([0, 999]), "under 14": 10}
    others = [name for name in ("under 14",) if chance.random() < 0.5]

    inside, outside = serves(rule, ["football", *others], sizes), serves(rule, others, sizes)

    assert inside == outside


def _drawn(chance: random.Random, levels: int) -> Rule:
    if levels == 0 or chance.random() < 0.2:
        rules: list[Rule] = [InAudience("fans"), InAudience("kids"), DE]
        return chance.choice(rules)
    if chance.random() < 0.3:
        return Not(_drawn(chance, levels - 1))
    parts = tuple(_drawn(chance, levels - 1) for _ in range(chance.randint(1, 3)))
    return And(parts) if chance.random() < 0.5 else Or(parts)
