"""A house of campaigns and many events, made inside the database so that making them is not measured."""

import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, text

from bijou.ads import (
    Advertiser,
    Assignment,
    Brand,
    Campaign,
    Category,
    Creative,
    Flight,
    Goal,
    InsertionOrder,
    LineItem,
    Noun,
    Tier,
    store,
)
from bijou.ads.model import partitions
from bijou.ads.model.fact_tables import EVENTS
from bijou.ads.model.nouns import kind_of
from bijou.ads.model.shapes import SHAPES
from bijou.ads.model.shipped import SHIPPED_AD_TYPES
from bijou.ports import Instant

FIRST_DAY = 20_758  # 2026-11-01
ADVERTISERS, LINES_EACH = 20, 10
STEP = 500_000
_DAY_US = 86_400_000_000
_LINES = """
CREATE TABLE lines AS
SELECT row_number() OVER (ORDER BY l.number) - 1 AS place, l.number AS line_item, a.number AS advertiser
FROM ads_line_items i JOIN ads_entities l ON l.id = i.id
JOIN ads_insertion_orders o ON o.id = i.insertion_order
JOIN ads_campaigns c ON c.id = o.campaign JOIN ads_entities a ON a.id = c.advertiser"""


def make_campaigns(db: Connection) -> None:
    """Write advertisers with ten line items each, as the store keeps them."""
    numbers = count(1)
    change = store.begin_change(db, Instant(1), "bench", "bench")

    def make(noun: Noun) -> str:
        record_id = f"{SHAPES[kind_of(noun)].prefix}_{next(numbers)}"
        store.add(db, record_id, noun, change)
        return record_id

    make(SHIPPED_AD_TYPES[0])
    for number in range(5):
        make(Category(name=f"c{number}", label=f"C{number}"))
    for number in range(ADVERTISERS):
        _advertiser(make, number)


def _advertiser(make: Callable[[Noun], str], number: int) -> None:
    begins, ends = Instant(FIRST_DAY * _DAY_US), Instant((FIRST_DAY + 90) * _DAY_US)
    dates: dict[str, Any] = {"begins_at": begins, "ends_at": ends, "budget_micros": 10**12}
    advertiser = make(Advertiser(name=f"Advertiser {number}"))
    brand = make(Brand(name=f"Brand {number}", advertiser=advertiser, categories=[f"c{number % 5}"]))
    campaign = make(Campaign(name="c", advertiser=advertiser, **dates))
    order = make(InsertionOrder(name="o", campaign=campaign, **dates))
    creative = make(Creative(name="f", brand=brand, duration_ms=15_000))
    flight = Flight(begins_at=begins, ends_at=ends, goal=Goal.IMPRESSIONS, goal_units=10**6)
    for line in range(LINES_EACH):
        make(
            LineItem(
                name=f"l{line}",
                insertion_order=order,
                tier=Tier.GUARANTEED,
                price_micros=20 * 10**6,
                flights=[flight],
                creatives=[Assignment(creative)],
            )
        )


def prepare(engine: Engine, days: int) -> None:
    """Make campaigns, partitions for the days and some more, and a plain table to compare with."""
    with engine.begin() as db:
        make_campaigns(db)
        partitions.make_ahead(db, FIRST_DAY, days + 3)
        db.execute(text("CREATE TABLE plain_events (LIKE ads_events INCLUDING ALL)"))
        # Facts name line items and advertisers by number; this is the list that the filling draws from.
        db.execute(text(_LINES))
        db.execute(text("CREATE UNIQUE INDEX lines_place ON lines (place)"))


def fill(db: Connection, table: str, many: int, days: int, where: str = "true") -> None:
    """Insert `many` events over the days, the same whichever table."""
    db.execute(text("SET synchronous_commit = off"))
    for first in range(0, many, STEP):
        last = min(first + STEP, many) - 1
        db.execute(text(rows_sql(table, first, last, days, where)))
        db.commit()
        print(f"{table:<14} {last + 1:>12,} rows", file=sys.stderr)
    db.execute(text("RESET synchronous_commit"))
    db.commit()


def rows_sql(table: str, first: int, last: int, days: int, where: str) -> str:
    """Return an INSERT of events numbered first to last; one line item is as hot as all others together."""
    names = ", ".join(column.name for column in EVENTS.columns)
    day = f"{FIRST_DAY} + g % {days}"
    return (
        f"INSERT INTO {table} ({names}) SELECT day, slot, impression, kind, at, at + 900000, l.line_item,"
        " h % 2, h % 4, l.advertiser, CASE h % 2 WHEN 0 THEN 'east' ELSE 'west' END,"
        " CASE kind WHEN 'impression' THEN 20000 ELSE 0 END, 'EUR' FROM ("
        f"SELECT {day} AS day, (h >> 4) % 1024 AS slot, decode(md5(g::text), 'hex') AS impression,"
        " (ARRAY['impression','impression','impression','impression','start','first_quartile','midpoint',"
        "'third_quartile','complete','click'])[1 + (h >> 14) % 10] AS kind,"
        f" (({day}) * 86400 + h % 86400) * 1000000 AS at, h,"
        " CASE WHEN h % 2 = 0 THEN 7 ELSE h % 200 END AS place FROM"
        f" (SELECT g, abs(hashint8(g))::bigint AS h FROM generate_series({first}::bigint, {last}) g) n"
        f") e JOIN lines l USING (place) WHERE {where}"
    )
