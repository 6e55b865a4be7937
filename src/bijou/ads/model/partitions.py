"""A day's facts in a table of their own: made ahead, taken off whole. PostgreSQL only.

On SQLite the same tables are plain; a day goes by DELETE, through its key.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, MetaData, Table, text

from bijou.ads.model.tables import METADATA
from bijou.ports import Instant

BY_DAY = tuple(table for table in METADATA.sorted_tables if table.info["by_day"])
"""The tables that are partitioned by day."""

_DAY_US = 86_400_000_000
_MAKING = 0x61647064  # the advisory lock of whoever makes or takes off partitions
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(at: Instant) -> int:
    """Return the day of a moment: days since 1970-01-01 UTC.

    Example:
        >>> day_of(Instant.parse("2026-11-21T23:59:59.9Z")), day_of(Instant.parse("2026-11-22T00:00:00Z"))
        (20778, 20779)
    """
    return int(at) // _DAY_US


def partition(table: Table, day: int) -> Table:
    """Return the table that holds one day.

    Example:
        >>> partition(METADATA.tables["ads_events"], 20778).name
        'ads_events_d20261121'
    """
    date = (_EPOCH + timedelta(days=day)).strftime("%Y%m%d")
    return table.to_metadata(MetaData(), name=f"{table.name}_d{date}")


def make_ahead(db: Connection, first_day: int, days: int) -> list[str]:
    """Make the partitions of `days` days where they are missing; return their names.

    The new table is made aside and attached, so that writers of other days
    wait for nothing: ATTACH takes a lock that lets them write, where CREATE
    ... PARTITION OF would stop all of them.

    Cost: some 10 ms a table and day; nothing on SQLite.
    """
    if db.dialect.name != "postgresql":
        return []
    db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
    made = []
    for table in BY_DAY:
        there = attached(db, table)
        missing = [day for day in range(first_day, first_day + days) if day not in there]
        made += [_make(db, table, day) for day in missing]
    return made


def attached(db: Connection, table: Table) -> list[int]:
    """Return the days that a table has partitions for, in order."""
    found = db.scalars(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass(:parent) AND NOT i.inhdetachpending"
        ),
        {"parent": table.name},
    )
    return sorted(_day_in(table, name) for name in found)


def taken_off(db: Connection, table: Table) -> list[int]:
    """Return the days whose partition is there and no longer attached: work that was interrupted."""
    found = db.scalars(
        text(
            "SELECT c.relname FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
            "WHERE c.relkind = 'r' AND c.relname LIKE :like "
            "AND c.relnamespace = current_schema::regnamespace "
            "AND (i.inhrelid IS NULL OR i.inhdetachpending)"
        ),
        {"like": f"{table.name}\\_d________"},
    )
    return sorted(_day_in(table, name) for name in found)


def take_off(db: Connection, table: Table, day: int) -> None:
    """Detach one day while others read and write; ends what a killed run began.

    Args:
        db: In autocommit, for it is two transactions of the server's own.
    """
    name = partition(table, day).name
    pending = db.scalar(
        text("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:name)"), {"name": name}
    )
    if pending is not None:
        how = "FINALIZE" if pending else "CONCURRENTLY"
        db.execute(text(f"ALTER TABLE {table.name} DETACH PARTITION {name} {how}"))


def attach(db: Connection, table: Table, day: int) -> None:
    """Attach one day's table that lies beside; it has been filled, or is to be."""
    name = partition(table, day).name
    rule = f"{name}_day"
    # With a rule that says the same, attaching reads no row.
    db.execute(text(f"ALTER TABLE {name} ADD CONSTRAINT {rule} CHECK (day = {day})"))
    db.execute(
        text(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({day + 1})")
    )
    db.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT {rule}"))


def make_aside(db: Connection, table: Table, day: int) -> Table:
    """Make one day's table beside the others, not attached."""
    aside = partition(table, day)
    db.execute(text(f"CREATE TABLE {aside.name} (LIKE {table.name} INCLUDING ALL)"))
    return aside


def _make(db: Connection, table: Table, day: int) -> str:
    name = make_aside(db, table, day).name
    attach(db, table, day)
    return name


def _day_in(table: Table, name: Any) -> int:
    date = datetime.strptime(str(name)[len(table.name) + 2 :], "%Y%m%d").replace(tzinfo=UTC)
    return (date - _EPOCH).days
