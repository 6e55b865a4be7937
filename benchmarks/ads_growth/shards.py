"""Two databases become four while events are booked."""

import time
from itertools import count
from typing import Any

from sqlalchemy import Engine, create_engine, func, select, text

from benchmarks.ads_growth.filling import FIRST_DAY, fill
from benchmarks.ads_growth.load import load
from bijou.ads.model import partitions
from bijou.ads.model.booking import rebuild_day
from bijou.ads.model.fact_tables import EVENTS, HOURLY
from bijou.ads.model.reconciling import Disagreement, reconcile_day
from bijou.ads.model.resharding import Databases, Move, move_slots
from bijou.ads.model.routing import ShardedBooking
from bijou.ads.model.sharding import keep_map, laid_out, moves, owned, read_map
from bijou.engines.postgres import database_url
from tests.contract.queue.postgres_server import PostgresServer

GROUP = 8
_NUMBERS = count()


def reshard(server: PostgresServer, many: int, days: int, group: int = GROUP) -> dict[str, Any]:
    databases = _databases(server, days)
    began = time.perf_counter()
    for name, where in (("a", "slot < 512"), ("b", "slot >= 512")):
        engine = databases.shards[name]
        with engine.connect() as db:
            fill(db, "ads_events", many, days, where)
        for day in range(FIRST_DAY, FIRST_DAY + days):
            with engine.begin() as db:
                rebuild_day(db, day)
    filled_s = time.perf_counter() - began
    booker = ShardedBooking(databases, lambda: time.sleep(0.001))
    day = FIRST_DAY + days
    with load(booker.book, 5, day) as before:
        time.sleep(3)
    with databases.home.connect() as db:
        plan = moves(read_map(db, "viewer"), ["a", "b", "c", "d"])
    flips: list[float] = []
    moved, began = 0, time.perf_counter()
    with load(booker.book, 6, day) as during:
        for (source, target), numbers in plan.items():
            for first in range(0, len(numbers), group):
                slots = numbers[first : first + group]
                moved += _timed(databases, Move(source, target, slots[0], slots[-1]), flips)
    took = time.perf_counter() - began
    events, hours = _owned_events(databases), _hours(databases)
    wanted = many + len(before.acknowledged) + len(during.acknowledged)
    wrong = _reconciled(databases, days)
    result = {
        "rows": wanted,
        "lost": wanted - events,
        "uncounted": wanted - hours,
        "disagreements": len(wrong),
        "moved": moved,
        "s": round(took, 1),
        "rows_a_s": round(moved / took),
        "longest_flip_ms": round(max(flips) * 1000, 1),
        "fill_s": round(filled_s, 1),
        "writer_before": before.said(),
        "writer_during": during.said(),
    }
    for engine in (databases.home, *databases.shards.values()):
        engine.dispose()
    return result


def _timed(databases: Databases, move: Move, flips: list[float]) -> int:
    """Move slots and remember how long the flip took, which is when their writers wait."""
    marks = [("", time.perf_counter())]
    moved = move_slots(databases, move, lambda step: marks.append((step, time.perf_counter())))
    at = next(number for number, (step, _) in enumerate(marks) if step == "flip")
    flips.append(marks[at][1] - marks[at - 1][1])
    return moved


def _databases(server: PostgresServer, days: int) -> Databases:
    engines: dict[str, Engine] = {}
    for name in ("home", "a", "b", "c", "d"):
        address = server.make(f"shard{next(_NUMBERS)}", template="ads_empty")
        engines[name] = create_engine(database_url(address))
        with engines[name].begin() as db:
            partitions.make_ahead(db, FIRST_DAY, days + 1)
            keep_map(db, "viewer", laid_out(["a", "b"]))
            db.execute(text("CREATE TABLE lines AS SELECT g AS place, g AS line_item, g % 20 AS advertiser"
                            " FROM generate_series(0, 199) g"))  # fmt: skip
    return Databases(engines.pop("home"), engines)


def _owned_events(databases: Databases) -> int:
    """Count each event in the shard that answers for it."""
    total = 0
    for name, engine in databases.shards.items():
        with engine.connect() as db:
            mine = EVENTS.c.slot.in_(owned(db, "viewer", name))
            distinct = select(func.count()).select_from(EVENTS).where(mine)
            total += db.scalar(distinct) or 0
    return total


def _hours(databases: Databases) -> int:
    total = 0
    for engine in databases.shards.values():
        with engine.connect() as db:
            total += int(db.scalar(select(func.sum(HOURLY.c.events))) or 0)
    return total


def _reconciled(databases: Databases, days: int) -> list[Disagreement]:
    """Rebuild each shard's hours from the events it now holds, and compare."""
    found: list[Disagreement] = []
    for engine in databases.shards.values():
        for day in range(FIRST_DAY, FIRST_DAY + days + 1):
            with engine.begin() as db:
                rebuild_day(db, day)
                found += reconcile_day(db, day, closed=False)
    return found
