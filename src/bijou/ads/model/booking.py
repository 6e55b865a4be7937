"""Events become facts, each once; statistics are their sums, kept in the same transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from bijou.ads.model.fact_tables import DAILY, EVENTS, HOURLY
from bijou.ports import Instant

_HOUR_US = 3_600_000_000


class AdEvent(msgspec.Struct, frozen=True):
    """Something that happened to an ad that was decided for.

    Args:
        day: Of the decision, days since 1970-01-01 UTC.
        slot: Shard slot of the viewer.
        impression: 16 bytes of the impression token.
        charge_micros: What it costs; 0 for kinds that nobody pays for.
    """

    day: int
    slot: int
    impression: bytes
    kind: str
    at: Instant
    received_at: Instant
    line_item: int
    creative: int
    placement: int
    advertiser: int
    region: str = ""
    charge_micros: int = 0
    currency: str = "EUR"


def book(db: Connection, events: Sequence[AdEvent], *, count: bool = True) -> list[AdEvent]:
    """Keep events and add them to the hours; return those that were new.

    Whatever came before, in whichever order and however often, is booked once:
    the key of an event is its impression and kind.

    Cost: two statements a thousand events; rows of hours are locked in order,
    so that batches side by side wait and never deadlock.

    Args:
        count: Whether to add to the hours; not on a shard that a slot moves
            to, where another shard has counted.
    """
    distinct = {(each.day, each.slot, each.impression, each.kind): each for each in reversed(events)}
    if not distinct:
        return []
    rows = [msgspec.structs.asdict(distinct[key]) for key in sorted(distinct)]
    for row in rows:
        row["at"], row["received_at"] = int(row["at"]), int(row["received_at"])
    key = (EVENTS.c.day, EVENTS.c.slot, EVENTS.c.impression, EVENTS.c.kind)
    kept = db.execute(_insert(db, EVENTS).on_conflict_do_nothing().returning(*key), rows)
    new = [distinct[row.day, row.slot, bytes(row.impression), row.kind] for row in kept]
    if count:
        _add_to_hours(db, new)
    return new


def rebuild_day(db: Connection, day: int) -> None:
    """Make the hours of a day anew from its events."""
    if db.dialect.name == "postgresql":  # nobody adds while we sum
        db.execute(text(f"LOCK TABLE {HOURLY.name} IN SHARE ROW EXCLUSIVE MODE"))
    db.execute(delete(HOURLY).where(HOURLY.c.day == day))
    summed = hours_of_events(day)
    db.execute(insert(HOURLY).from_select([column.name for column in summed.selected_columns], summed))


def roll_up_day(db: Connection, day: int) -> None:
    """Make the daily sums of a day anew from its hours; as often as one likes."""
    db.execute(delete(DAILY).where(DAILY.c.day == day))
    summed = days_of_hours(day)
    db.execute(insert(DAILY).from_select([column.name for column in summed.selected_columns], summed))


def hours_of_events(day: int) -> Select[Any]:
    """Return the query that sums a day's events into hours."""
    own = [EVENTS.c[name] for name in ("line_item", "creative", "placement", "region", "kind", "currency")]
    hour = (EVENTS.c.at // _HOUR_US).label("hour")
    of_hour = (EVENTS.c.day, hour, *own, EVENTS.c.advertiser)
    sums = (func.count().label("events"), _total(EVENTS.c.charge_micros).label("charge_micros"))
    return select(*of_hour, *sums).where(EVENTS.c.day == day).group_by(*of_hour)


def days_of_hours(day: int) -> Select[Any]:
    """Return the query that sums a day's hours."""
    of_day = [HOURLY.c[name] for name in ("day", "advertiser", "line_item", "kind", "currency")]
    sums = (_total(HOURLY.c.events).label("events"), _total(HOURLY.c.charge_micros).label("charge_micros"))
    return select(*of_day, *sums).where(HOURLY.c.day == day).group_by(*of_day)


def _total(column: Any) -> Any:
    """Sum to whole numbers; PostgreSQL would answer with decimals."""
    return func.sum(column).cast(column.type)


def _add_to_hours(db: Connection, events: Iterable[AdEvent]) -> None:
    counts: Counter[tuple[Any, ...]] = Counter()
    charges: Counter[tuple[Any, ...]] = Counter()
    for each in events:
        key = (
            *(each.day, int(each.at) // _HOUR_US, each.line_item, each.creative, each.placement),
            *(each.region, each.kind, each.currency, each.advertiser),
        )
        counts[key] += 1
        charges[key] += each.charge_micros
    if not counts:
        return
    names = [column.name for column in HOURLY.columns][:9]
    rows = [
        {**dict(zip(names, key, strict=True)), "events": counts[key], "charge_micros": charges[key]}
        for key in sorted(counts)
    ]
    add = _insert(db, HOURLY)
    sums = {name: HOURLY.c[name] + add.excluded[name] for name in ("events", "charge_micros")}
    db.execute(add.on_conflict_do_update(index_elements=list(HOURLY.primary_key), set_=sums), rows)


def _insert(db: Connection, table: Any) -> Any:
    return (sqlite if db.dialect.name == "sqlite" else postgresql).insert(table)
