"""`./run bench ads-growth`: the growth plan of the data model, carried out and measured.

All on one PostgreSQL of the benchmark's own that flushes every commit: events
in partitions by day beside the same rows in one plain table, statistics from
events, days made ahead and taken off to files, a column that comes while
events are booked, two databases that become four, and one question asked of
joined and of denormalised tables. `--quick` takes a minute, the long form
(`./run long ads-growth`) has over ten million rows.
"""

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, text

from benchmarks.ads_growth import asking, changing, days, filling, shards
from bijou.app import schema
from bijou.engines.postgres import database_url
from tests.contract.queue.postgres_server import PostgresServer

FORMS = {
    "quick": (100_000, 5, 100_000, 3),
    "bench": (2_000_000, 10, 1_000_000, 7),
    "long": (10_200_000, 17, 1_000_000, 3),
}
"""Events, days, events of the resharding, rounds of each question."""


def main(words: list[str]) -> int:
    form = "quick" if "--quick" in words else "long" if "--long" in words else "bench"
    many, of_days, sharded, rounds = FORMS[form]
    server = PostgresServer(durable=True)
    try:
        server.start()
        found = measured(server, many, of_days, rounds)
        found["reshard"] = shards.reshard(server, sharded, min(of_days, 5))
    finally:
        server.remove()
    show(found)
    targets = targets_of(found)
    for row in targets:
        bound = f"at least {row['at_least']}" if "at_least" in row else f"at most {row['at_most']}"
        met = "met" if row["met"] else "MISSED"
        Console().print(f"{row['name']:<62} {row['value']:>8}   {bound:<14} {met}")
    said = {"benchmark": "ads-growth", "form": form, "peers": found.pop("versions")}
    print(json.dumps({**said, "found": found, "targets": targets}))
    return 0


def measured(server: PostgresServer, many: int, of_days: int, rounds: int) -> dict[str, Any]:
    schema.upgrade(server.make("ads_empty"))
    address = server.make("growth", template="ads_empty")
    engine = create_engine(database_url(address))
    filling.prepare(engine, of_days)
    found = Found({"versions": _versions(engine), "rows": many, "days": of_days})
    for table in ("ads_events", "plain_events"):
        began = time.perf_counter()
        with engine.connect() as db:
            filling.fill(db, table, many, of_days)
        found[f"fill_{table}_rows_a_s"] = round(many / (time.perf_counter() - began))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))
    found["bytes_a_row"] = days.sizes(engine, many)
    found["statistics"] = days.summed_and_reconciled(engine, of_days)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))
        found["questions_ms"] = asking.partitioned_or_plain(db, of_days, rounds)
        found["same_question_ms"] = asking.normalised_or_not(db, of_days, rounds)
    found["made_ahead"] = days.made_ahead(engine, of_days)
    with tempfile.TemporaryDirectory(prefix="ads-growth-") as folder:
        found["taken_off"] = days.taken_off(engine, Path(folder), of_days)
    found["column_at_once"] = changing.at_once(engine)
    found["column_in_steps"] = changing.in_steps(engine, of_days)
    engine.dispose()
    return found


class Found(dict[str, Any]):
    """What was measured; each part is told when it is known, for the whole takes long."""

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        print(f"{name:<28} {json.dumps(value)}", file=sys.stderr)


def targets_of(found: dict[str, Any]) -> list[dict[str, object]]:
    off, reshard, steps = found["taken_off"], found["reshard"], found["column_in_steps"]
    wrong = found["statistics"]["disagreements"] + off["disagreements"] + reshard["disagreements"]
    return [
        target("rows lost by resharding 2 -> 4 while writing", reshard["lost"], at_most=0),
        target("events uncounted by resharding", reshard["uncounted"], at_most=0),
        target("rows lost by archiving a day", off["lost"], at_most=0),
        target("rows without the new column, or with a wrong one", steps["wrong_rows"], at_most=0),
        target("disagreements that the reconciler found", wrong, at_most=0),
    ]


def target(name: str, value: float, **bound: float) -> dict[str, object]:
    ((kind, limit),) = bound.items()
    met = value >= limit if kind == "at_least" else value <= limit
    return {"name": name, "value": round(value, 1), kind: limit, "met": met}


def show(found: dict[str, Any]) -> None:
    console = Console()
    table = Table("question", "partitions, ms", "one table, ms")
    for name, times in found["questions_ms"].items():
        table.add_row(name, f"{times['ads_events']:,}", f"{times['plain_events']:,}")
    console.print(table)
    table = Table("spend of seven days by advertiser", "ms")
    for name, ms in found["same_question_ms"].items():
        table.add_row(name, f"{ms:,}")
    console.print(table)
    for title in ("statistics", "made_ahead", "taken_off", "column_in_steps", "column_at_once", "reshard"):
        table = Table(title.replace("_", " "), "")
        for name, value in found[title].items():
            table.add_row(name, json.dumps(value))
        console.print(table)


def _versions(engine: Engine) -> dict[str, str]:
    with engine.connect() as db:
        server = str(db.scalar(text("SHOW server_version")))
    return {"postgresql": server, "psycopg": psycopg.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
