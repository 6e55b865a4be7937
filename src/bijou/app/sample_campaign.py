"""A campaign that nobody bought: line items of every sort, to try `explain` with."""

from collections.abc import Iterable
from typing import Final

import msgspec

from bijou.ads import (
    AdBreak,
    AdOperations,
    Advertiser,
    Assignment,
    AudienceReference,
    Brand,
    Campaign,
    Creative,
    Edit,
    Flight,
    Goal,
    InsertionOrder,
    LineItem,
    NewChange,
    Noun,
    Placement,
    Record,
    Rendition,
    State,
    Tier,
)
from bijou.audience import InAudience, Registry, Rule, read_rule
from bijou.ports import Instant

_EURO: Final = 1_000_000
_DAY_S: Final = 86_400.0
_REASON: Final = "a sample, to try things with"
_GOALS: Final = {Tier.GUARANTEED: (Goal.IMPRESSIONS, 10_000), Tier.SPONSORSHIP: (Goal.SHARE, 20)}
_TARGETS: Final = (
    ("Everybody", Tier.HOUSE, "true"),
    ("Germany", Tier.GUARANTEED, 'country in ("DE")'),
    ("Television, evenings", Tier.SPONSORSHIP, 'device in ("tv") and hour 18..22'),
    ("Noir, not on phones", Tier.PRICE_PRIORITY, 'genre in ("noir") and device not in ("phone")'),
    ("Young people", Tier.PRICE_PRIORITY, "age 18..29"),
)


class Sample(msgspec.Struct, frozen=True):
    """What was made: the break to ask about, and the line items."""

    break_id: str
    placement: str
    line_items: list[str]


async def make_sample_campaign(ads: AdOperations, now: Instant, *, audience: str = "", author: str) -> Sample:
    """Make an advertiser with a campaign, and a break before every film; each time another.

    Args:
        audience: One that line items are to ask for, and to rule out.

    Raises:
        Conflict: `ads.name_taken`, ad operations call another audience by that name; nothing is made.
    """
    begins_at, ends_at = now.plus_s(-_DAY_S), now.plus_s(90 * _DAY_S)

    async def make(*nouns: Noun) -> list[Record]:
        changed = await ads.change(NewChange(_REASON, [Edit(noun) for noun in nouns]), author=author)
        return changed.records

    reference = AudienceReference(name=audience, audience=audience)
    if audience and reference not in [each.noun for each in await ads.records("audience", at_most=1000)]:
        await make(reference)
    (advertiser,) = await make(Advertiser(name="Sample & Sons", domain="sample.example"))
    brand, campaign = await make(
        Brand(name="Sample", advertiser=advertiser.id),
        Campaign(
            name="Sample campaign",
            advertiser=advertiser.id,
            begins_at=begins_at,
            ends_at=ends_at,
            state=State.ACTIVE,
        ),
    )
    order, creative, placement = await make(
        InsertionOrder(
            name="Sample order",
            campaign=campaign.id,
            begins_at=begins_at,
            ends_at=ends_at,
            budget_micros=100_000 * _EURO,
            state=State.ACTIVE,
        ),
        _creative(brand.id),
        Placement(name="Before films, sample"),
    )
    flight = Flight(begins_at=begins_at, ends_at=ends_at, budget_micros=1_000 * _EURO)
    items = list(_line_items(order.id, creative.id, flight, audience=audience))
    records = await make(*items, AdBreak(placement=placement.id))
    return Sample(records[-1].id, placement.id, [record.id for record in records[:-1]])


def _creative(brand: str) -> Creative:
    return Creative(
        name="Sample film, 15 s",
        brand=brand,
        duration_ms=15_000,
        attributes={"universal_ad_id": "sample-15"},
        renditions=[Rendition(url="ads/sample-1080.mp4", media_type="video/mp4", width=1920, height=1080)],
        state=State.ACTIVE,
    )


def _line_items(order: str, creative: str, flight: Flight, *, audience: str) -> Iterable[LineItem]:
    registry = Registry.shipped()
    rules: list[tuple[str, Tier, Rule]] = [
        (name, tier, read_rule(text, registry)) for name, tier, text in _TARGETS
    ]
    if audience:
        rules.append(("The audience", Tier.GUARANTEED, InAudience(audience)))
        outside = read_rule(f'not in audience("{audience}")', registry, [audience])
        rules.append(("All but the audience", Tier.PRICE_PRIORITY, outside))
    for number, (name, tier, rule) in enumerate(rules, 1):
        goal, units = _GOALS.get(tier, (Goal.NONE, 0))
        yield LineItem(
            name=name,
            insertion_order=order,
            tier=tier,
            price_micros=0 if tier is Tier.HOUSE else number * _EURO,
            targeting=rule,
            flights=[msgspec.structs.replace(flight, goal=goal, goal_units=units)],
            creatives=[Assignment(creative)],
            state=State.PAUSED if name == "Young people" else State.ACTIVE,
        )
