"""A small house of ads to start from."""

from typing import Any

import msgspec

from bijou.ads import (
    AdOperations,
    Advertiser,
    Assignment,
    Brand,
    Campaign,
    Category,
    Creative,
    Edit,
    Flight,
    FrequencyCap,
    Goal,
    InsertionOrder,
    LineItem,
    NewChange,
    Noun,
    Record,
    Rendition,
    State,
    Tier,
    Tracker,
)
from bijou.audience import In
from bijou.ports import Instant

BEGINS = Instant.parse("2026-12-01T00:00:00Z")
ENDS = Instant.parse("2027-01-01T00:00:00Z")
EURO = 1_000_000


async def make(ads: AdOperations, noun: Noun, reason: str = "spring") -> Record:
    changed = await ads.change(NewChange(reason, [Edit(noun)]), author="usr_1")
    return changed.records[0]


async def change(ads: AdOperations, record: Record, reason: str = "mended", **fields: Any) -> Record:
    noun = msgspec.structs.replace(record.noun, **fields)
    changed = await ads.change(NewChange(reason, [Edit(noun, record.id, record.version)]), author="usr_2")
    return changed.records[0]


async def house(ads: AdOperations) -> dict[str, Record]:
    """Make one record of each kind that a line item needs, and the line item."""
    made: dict[str, Record] = {}
    made["category"] = await make(ads, Category(name="cars", label="Cars"))
    made["advertiser"] = await make(ads, Advertiser(name="Kino AG", domain="kino.example"))
    made["brand"] = await make(ads, Brand(name="Kino", advertiser=made["advertiser"].id, categories=["cars"]))
    made["campaign"] = await make(
        ads,
        Campaign(
            name="Winter",
            advertiser=made["advertiser"].id,
            begins_at=BEGINS,
            ends_at=ENDS,
            budget_micros=50_000 * EURO,
            caps=[FrequencyCap(10, 7 * 86400)],
            state=State.ACTIVE,
        ),
    )
    made["insertion_order"] = await make(
        ads,
        InsertionOrder(
            name="Order 17",
            campaign=made["campaign"].id,
            begins_at=BEGINS,
            ends_at=ENDS,
            budget_micros=30_000 * EURO,
            state=State.ACTIVE,
        ),
    )
    made["creative"] = await make(ads, creative(made["brand"].id))
    made["line_item"] = await make(ads, line_item(made["insertion_order"].id, made["creative"].id))
    return made


def creative(brand: str) -> Creative:
    return Creative(
        name="Film, 15 s",
        brand=brand,
        duration_ms=15_000,
        click_url="https://kino.example/",
        attributes={"universal_ad_id": "kino-15", "skip_after_ms": 5000},
        renditions=[
            Rendition(
                url="ads/kino-1080.mp4",
                media_type="video/mp4",
                width=1920,
                height=1080,
                bitrate_bps=4_000_000,
            )
        ],
        trackers=[Tracker("impression", "https://count.example/i")],
        state=State.ACTIVE,
    )


def line_item(order: str, creative_id: str) -> LineItem:
    return LineItem(
        name="Guaranteed 1 M",
        insertion_order=order,
        tier=Tier.GUARANTEED,
        price_micros=20 * EURO,
        targeting=In("country", ("DE", "AT")),
        flights=[
            Flight(
                begins_at=BEGINS,
                ends_at=ENDS,
                goal=Goal.IMPRESSIONS,
                goal_units=1_000_000,
                budget_micros=20_000 * EURO,
            )
        ],
        caps=[FrequencyCap(2, 3600), FrequencyCap(6, 86400)],
        creatives=[Assignment(creative_id)],
        state=State.ACTIVE,
    )
