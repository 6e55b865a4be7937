"""The same questions, of partitions and of one table, of joined tables and of sums kept ready."""

import statistics
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.ads_growth.filling import FIRST_DAY

_JOINED = """
SELECT a.name, sum(e.charge_micros) FROM ads_events e
JOIN ads_entities le ON le.number = e.line_item JOIN ads_line_items l ON l.id = le.id
JOIN ads_insertion_orders o ON o.id = l.insertion_order JOIN ads_campaigns c ON c.id = o.campaign
JOIN ads_advertisers a ON a.id = c.advertiser
WHERE e.day BETWEEN {first} AND {last} GROUP BY a.name ORDER BY 2 DESC, 1 LIMIT 10"""
_DENORMALISED = """
SELECT a.name, s.micros FROM (SELECT advertiser, sum(charge_micros) AS micros FROM {table}
WHERE day BETWEEN {first} AND {last} GROUP BY advertiser) s
JOIN ads_entities e ON e.number = s.advertiser JOIN ads_advertisers a ON a.id = e.id
ORDER BY 2 DESC, 1 LIMIT 10"""


def partitioned_or_plain(db: Connection, days: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return milliseconds of each question, on both tables, in interleaved rounds."""
    last = FIRST_DAY + days - 1
    key = "slot = 5 AND impression = decode(md5('77'), 'hex')"
    questions = {
        "one key": f"SELECT * FROM {{table}} WHERE day = {last} AND {key}",
        "one slot of one day": f"SELECT count(*) FROM {{table}} WHERE day = {last} AND slot = 77",
        "one day by line item": f"SELECT line_item, count(*) FROM {{table}} WHERE day = {last} GROUP BY 1",
        "seven days, top 20": "SELECT line_item, sum(charge_micros) FROM {table} "
        f"WHERE day > {last - 7} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        "everything": "SELECT kind, count(*) FROM {table} GROUP BY 1 ORDER BY 1",
    }
    found: dict[str, dict[str, float]] = {}
    for name, question in questions.items():
        asked = {table: question.format(table=table) for table in ("ads_events", "plain_events")}
        found[name] = _beside(db, asked, rounds)
    return found


def normalised_or_not(db: Connection, days: int, rounds: int) -> dict[str, float]:
    """Return milliseconds of one question asked four ways; all give the same answer."""
    between = {"first": FIRST_DAY + max(0, days - 7), "last": FIRST_DAY + days - 1}
    asked = {
        "events joined through five tables": _JOINED.format(**between),
        "events with their advertiser": _DENORMALISED.format(table="ads_events", **between),
        "sums an hour": _DENORMALISED.format(table="ads_hourly", **between),
        "sums a day": _DENORMALISED.format(table="ads_daily", **between),
    }
    return _beside(db, asked, rounds)


def _beside(db: Connection, asked: Mapping[str, str], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in asked}
    answers: dict[str, Any] = {}
    for _ in range(rounds):
        for name, question in asked.items():
            began = time.perf_counter()
            answers[name] = sorted(map(tuple, db.execute(text(question)).all()))
            times[name].append((time.perf_counter() - began) * 1000)
    first, *others = answers.values()
    assert all(other == first for other in others), "the answers differ"
    return {name: round(statistics.median(each), 2) for name, each in times.items()}
