"""A column comes to a table that is written: in steps, and beside it in one statement."""

import time
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.ads_growth.days import booker
from benchmarks.ads_growth.load import load, today
from bijou.ads.model import online_change
from bijou.ads.model.fact_tables import EVENTS
from bijou.ads.model.online_change import NewColumn

COLUMN = NewColumn("ads_events", "charge_cents", "BIGINT", "charge_micros / 10000")


def nap() -> None:
    time.sleep(0.02)


def in_steps(engine: Engine, days: int) -> dict[str, Any]:
    """Expand, migrate, contract under load; count rows that lack the column or have a wrong one."""
    took = {}
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db,
        load(booker(engine), 3, today(days)) as during,
    ):
        for name, work in (
            ("expand", lambda: online_change.expand(db, COLUMN, nap)),
            ("migrate", lambda: sum(online_change.migrate(db, COLUMN))),
            ("contract", lambda: online_change.contract(db, COLUMN, nap)),
        ):
            began = time.perf_counter()
            work()
            took[f"{name}_s"] = round(time.perf_counter() - began, 2)
    with engine.connect() as db:
        wrong = db.scalar(
            text("SELECT count(*) FROM ads_events WHERE charge_cents IS DISTINCT FROM charge_micros / 10000")
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        online_change.undo(db, COLUMN, nap)
    return {**took, "wrong_rows": wrong, "writer": during.said()}


def at_once(engine: Engine) -> dict[str, Any]:
    """Add the same column to the plain table by one statement, which rewrites it behind a lock."""
    names = ", ".join(column.name for column in EVENTS.columns)
    values = ", ".join(f":{column.name}" for column in EVENTS.columns)
    insert = text(f"INSERT INTO plain_events ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")

    def write(batch: Any) -> None:
        rows = [{name: getattr(each, name) for name in names.split(", ")} for each in batch]
        with engine.begin() as db:
            db.execute(insert, [{**row, "at": int(row["at"]), "received_at": 0} for row in rows])

    with load(write, 4, 1) as during:
        time.sleep(0.5)
        began = time.perf_counter()
        with engine.begin() as db:
            db.execute(
                text(
                    "ALTER TABLE plain_events ADD COLUMN charge_cents BIGINT "
                    "GENERATED ALWAYS AS (charge_micros / 10000) STORED"
                )
            )
        took = time.perf_counter() - began
        time.sleep(0.2)
    return {"s": round(took, 2), "writer": during.said()}
