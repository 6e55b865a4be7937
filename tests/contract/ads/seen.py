"""Events of made-up viewers, and the slowest obvious way to sum them."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from sqlalchemy import Connection, select

from bijou.ads.model.booking import AdEvent
from bijou.ads.model.fact_tables import EVENTS, HOURLY
from bijou.ads.model.sharding import SLOTS
from bijou.ports import Instant

DAY = 20_000
_KINDS = ("impression", "start", "complete", "click")
_HOUR_US = 3_600_000_000


def events(chance: Random, many: int, days: int = 2) -> list[AdEvent]:
    return [event(chance) if days == 1 else event(chance, DAY + chance.randrange(days)) for _ in range(many)]


def event(chance: Random, day: int = DAY) -> AdEvent:
    line_item, kind = chance.randrange(5), chance.choice(_KINDS)
    at = Instant(day * 24 * _HOUR_US + chance.randrange(30 * _HOUR_US))  # some after their day's midnight
    return AdEvent(
        day=day,
        slot=chance.randrange(SLOTS),
        impression=chance.randbytes(16),
        kind=kind,
        at=at,
        received_at=Instant(at + chance.randrange(10**7)),
        line_item=line_item,
        creative=chance.randrange(3),
        placement=chance.randrange(2),
        advertiser=chance.randrange(2),  # a line item may have been given to another order
        region=chance.choice(["east", "west"]),
        charge_micros=20_000 if kind == "impression" else 0,
    )


def summed(seen: Sequence[AdEvent]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Return (events, micros) by hour key; each impression and kind once, as it first came."""
    once: dict[tuple[Any, ...], AdEvent] = {}
    for each in seen:
        once.setdefault((each.impression, each.kind), each)
    counts: Counter[tuple[Any, ...]] = Counter()
    micros: Counter[tuple[Any, ...]] = Counter()
    for each in once.values():
        key = (
            each.day, each.at // _HOUR_US, each.line_item, each.creative,
            each.placement, each.region, each.kind, each.currency, each.advertiser,
        )  # fmt: skip
        counts[key] += 1
        micros[key] += each.charge_micros
    return {key: (counts[key], micros[key]) for key in counts}


def hours(db: Connection) -> dict[tuple[Any, ...], tuple[int, int]]:
    return {tuple(row)[:9]: (row.events, row.charge_micros) for row in db.execute(select(HOURLY))}


def keys(db: Connection) -> set[tuple[bytes, str]]:
    return {(bytes(row[0]), row[1]) for row in db.execute(select(EVENTS.c.impression, EVENTS.c.kind))}
