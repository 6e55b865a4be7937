"""How long facts stay in the database, and the daily round that sees to it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from bijou.ads.model import partitions
from bijou.ads.model.archiving import Archive, Form, expire
from bijou.ads.model.booking import roll_up_day
from bijou.ports import Instant

AHEAD_DAYS = 7
KEEP_DAYS: Mapping[str, int] = MappingProxyType({"ads_decisions": 30, "ads_events": 90, "ads_hourly": 400})
"""Days that stay: disputes are over after three months, last year's Christmas is compared by the hour."""


def ready(db: Connection, today: int) -> list[str]:
    """Make the partitions of yesterday, today and a week; return the new ones.

    Yesterday's, for decisions of before midnight whose ads are seen after it.
    """
    return partitions.make_ahead(db, today - 1, AHEAD_DAYS + 2)


def to_go(db: Connection, today: int, keep_days: Mapping[str, int] = KEEP_DAYS) -> list[tuple[str, int]]:
    """Return which days (table, day) have stayed long enough, and those half gone, the oldest first."""
    going = []
    for table in partitions.BY_DAY:
        old = [day for day in partitions.attached(db, table) if day < today - keep_days[table.name]]
        going += [(table.name, day) for day in {*old, *partitions.taken_off(db, table)}]
    return sorted(going, key=lambda each: (each[1], each[0]))


def tend(
    engine: Engine,
    now: Instant,
    folder: Path,
    *,
    keep_days: Mapping[str, int] = KEEP_DAYS,
    form: Form = "parquet",
) -> list[Archive]:
    """Make days ahead, and take off to files those that have stayed long enough.

    As often as one likes; what a killed round began, the next one ends. A day
    of hours is rolled up once more before it goes, so that its sums stay.
    """
    today = partitions.day_of(now)
    with engine.begin() as db:
        ready(db, today)
        going = to_go(db, today, keep_days)
    archives = []
    for name, day in going:
        table = next(each for each in partitions.BY_DAY if each.name == name)
        if name == "ads_hourly":
            with engine.begin() as db:
                if day in partitions.attached(db, table):
                    roll_up_day(db, day)
        archives.append(expire(engine, table, day, folder, now, form))
    return archives
