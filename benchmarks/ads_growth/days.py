"""Days: made ahead, summed, reconciled, taken off; a partition dropped beside rows deleted."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, select, text

from benchmarks.ads_growth.filling import FIRST_DAY
from benchmarks.ads_growth.load import Load, load, today
from bijou.ads.model import partitions
from bijou.ads.model.archiving import expire, restore
from bijou.ads.model.booking import book, rebuild_day, roll_up_day
from bijou.ads.model.fact_tables import DAILY, EVENTS
from bijou.ads.model.reconciling import reconcile_archives, reconcile_day
from bijou.ports import Instant


def booker(engine: Engine) -> Any:
    def write(batch: Any) -> None:
        with engine.begin() as db:
            book(db, batch)

    return write


def summed_and_reconciled(engine: Engine, days: int) -> dict[str, float]:
    """Rebuild all statistics from events and compare them again; return seconds a million rows."""
    took = {"rebuild": 0.0, "roll up": 0.0, "reconcile": 0.0}
    wrong = 0
    for day in range(FIRST_DAY, FIRST_DAY + days):
        for name, work in (("rebuild", rebuild_day), ("roll up", roll_up_day), ("reconcile", reconcile_day)):
            began = time.perf_counter()
            with engine.begin() as db:
                found = work(db, day)  # type: ignore[operator]
            took[name] += time.perf_counter() - began
            wrong += len(found or [])
    with engine.connect() as db:
        rows = int(db.scalar(select(func.sum(DAILY.c.events))) or 0)
    return {
        **{f"{name}_s_per_million": round(s / rows * 1e6, 2) for name, s in took.items()},
        "disagreements": wrong,
    }


def made_ahead(engine: Engine, days: int) -> dict[str, Any]:
    """Make 20 days of partitions while somebody writes."""
    with load(booker(engine), 1, today(days)) as during:
        _wait(during)
        began = time.perf_counter()
        with engine.begin() as db:
            made = partitions.make_ahead(db, FIRST_DAY + days + 3, 20)
        took = time.perf_counter() - began
        _wait(during)
    return {"ms_a_partition": round(took * 1000 / len(made), 1), "writer": during.said()}


def taken_off(engine: Engine, folder: Path, days: int) -> dict[str, Any]:
    """Take a day off partitioned events, and delete the same day of the plain table, under load."""
    day = FIRST_DAY
    with engine.connect() as db:
        before = _bytes(engine, "plain_events")
        rows = db.scalar(select(func.count()).where(EVENTS.c.day == day)) or 0
    with load(booker(engine), 2, today(days)) as during:
        began = time.perf_counter()
        archive = expire(engine, EVENTS, day, folder, Instant(1))
        archived_s = time.perf_counter() - began
    began = time.perf_counter()
    with engine.begin() as db:
        plain = EVENTS.to_metadata(EVENTS.metadata.__class__(), name="plain_events")
        db.execute(delete(plain).where(plain.c.day == day))
    deleted_s = time.perf_counter() - began
    began = time.perf_counter()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM plain_events"))
    vacuum_s = time.perf_counter() - began
    detach_s = _detach_and_drop(engine, day + 1, folder)
    began = time.perf_counter()
    with engine.begin() as db:
        restore(db, EVENTS, archive, folder)
        wrong = [*reconcile_day(db, day), *reconcile_archives(db)]
    return {
        "rows": rows,
        "lost": rows - archive.rows,
        "disagreements": len(wrong),
        "archive_s": round(archived_s, 2),
        "archive_bytes_a_row": round((folder / archive.file).stat().st_size / rows, 1),
        "restore_s": round(time.perf_counter() - began, 2),
        "detach_and_drop_ms": round(detach_s * 1000, 1),
        "delete_s": round(deleted_s, 2),
        "vacuum_s": round(vacuum_s, 2),
        "plain_shrank_by_share": round(1 - _bytes(engine, "plain_events") / before, 3),
        "writer": during.said(),
    }


def sizes(engine: Engine, rows: int) -> dict[str, float]:
    """Return bytes a row of each table, indexes included."""
    names = ("ads_events", "plain_events")
    return {name: round(_bytes(engine, name) / rows, 1) for name in names}


def _detach_and_drop(engine: Engine, day: int, folder: Path) -> float:
    """Take another day off without a file, and bring it back from one that was made before."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        began = time.perf_counter()
        partitions.take_off(db, EVENTS, day)
        took = time.perf_counter() - began
    archive = expire(engine, EVENTS, day, folder, Instant(1))
    with engine.begin() as db:
        restore(db, EVENTS, archive, folder)
    return took


def _bytes(engine: Engine, table: str) -> int:
    whole = "SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size(:table))"
    with engine.connect() as db:
        return int(db.scalar(text(f"{whole} FROM pg_partition_tree(:table)"), {"table": table}) or 0)


def _wait(during: Load, batches: int = 40) -> None:
    enough = len(during.took_s) + batches
    while len(during.took_s) < enough:
        time.sleep(0.01)
