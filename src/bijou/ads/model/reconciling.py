"""Derived rows against what they are derived from: what disagrees, exactly."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from bijou.ads.model.booking import days_of_hours, hours_of_events
from bijou.ads.model.fact_tables import ARCHIVES, DAILY, HOURLY, INVOICE_LINES, INVOICES
from bijou.ads.model.history_tables import CHANGES, ENTITIES, REVISION, VERSIONS

_SHOWN = 5


class Disagreement(msgspec.Struct, frozen=True):
    """Two tables that do not say the same.

    Args:
        derived: The table that is wrong.
        place: Where: a day, a record, an invoice.
        rows: How many rows differ.
        examples: Some of them, as the derived table has them or lacks them.
    """

    derived: str
    place: str
    rows: int
    examples: list[str]


def reconcile_day(db: Connection, day: int, *, closed: bool = True) -> list[Disagreement]:
    """Return what is wrong with a day's statistics; empty where every count and micro agrees.

    Cost: one pass over the day's events and two over its hours.

    Args:
        closed: Whether the day has been rolled up, so that its daily sums must agree too.
    """
    checks = [(HOURLY, hours_of_events(day))]
    if closed:
        checks.append((DAILY, days_of_hours(day)))
    return [found for table, truth in checks for found in _compare(db, table, truth, day)]


def reconcile_archives(db: Connection) -> list[Disagreement]:
    """Return archived days of events whose file holds other sums than the daily ones."""
    daily = (
        select(
            DAILY.c.day,
            func.sum(DAILY.c.events).label("rows"),
            func.sum(DAILY.c.charge_micros).label("micros"),
        )
        .group_by(DAILY.c.day)
        .subquery()
    )
    both = (
        select(ARCHIVES.c.day, ARCHIVES.c.rows, ARCHIVES.c.charge_micros, daily.c.rows, daily.c.micros)
        .outerjoin(daily, daily.c.day == ARCHIVES.c.day)
        .where(ARCHIVES.c.table == "ads_events", ARCHIVES.c.rows > 0)
    )
    return [
        Disagreement("ads_daily", f"day {day}", 1, [f"archived {rows}, {charge}; daily {told}, {micros}"])
        for day, rows, charge, told, micros in db.execute(both)
        if (rows, charge) != (told, micros)
    ]


def reconcile_invoices(db: Connection) -> list[Disagreement]:
    """Return invoices whose total is not the sum of their lines."""
    summed = func.coalesce(func.sum(INVOICE_LINES.c.amount_micros), 0)
    rows = db.execute(
        select(INVOICES.c.id, INVOICES.c.total_micros, summed)
        .outerjoin(INVOICE_LINES, INVOICE_LINES.c.invoice == INVOICES.c.id)
        .group_by(INVOICES.c.id, INVOICES.c.total_micros)
        .having(INVOICES.c.total_micros != summed)
    )
    return [
        Disagreement("ads_invoices", invoice, 1, [f"total {total}, lines {lines}"])
        for invoice, total, lines in rows
    ]


def reconcile_history(db: Connection) -> list[Disagreement]:
    """Return what is wrong with the numbers of revisions and versions: a gap is a loss."""
    found = []
    newest, many = db.execute(
        select(func.coalesce(func.max(CHANGES.c.number), 0), func.count(CHANGES.c.number))
    ).one()
    told = db.scalar(select(REVISION.c.number)) or 0
    if not newest == many == told:
        said = f"{many} changes, the newest {newest}, the revision {told}"
        found.append(Disagreement("ads_revision", "the one row", 1, [said]))
    versions = (
        select(ENTITIES.c.id, ENTITIES.c.version, func.count(), func.max(VERSIONS.c.version))
        .outerjoin(VERSIONS, VERSIONS.c.id == ENTITIES.c.id)
        .group_by(ENTITIES.c.id, ENTITIES.c.version)
    )
    for record, current, count, last in db.execute(versions):
        if not current == count == last:
            said = f"version {current}, {count} kept, the last {last}"
            found.append(Disagreement("ads_entities", record, 1, [said]))
    return found


def _compare(db: Connection, table: Table, truth: Select[Any], day: int) -> Iterable[Disagreement]:
    names = [column.name for column in truth.selected_columns]
    said = select(*(table.c[name] for name in names)).where(table.c.day == day)
    missing = db.execute(truth.except_(said)).all()
    extra = db.execute(said.except_(truth)).all()
    if missing or extra:
        examples = [f"wants {tuple(row)}" for row in missing[:_SHOWN]]
        examples += [f"has {tuple(row)}" for row in extra[:_SHOWN]]
        yield Disagreement(table.name, f"day {day}", max(len(missing), len(extra)), examples)
