"""Sums by advertiser, gathered from all shards of viewers into the shard of the advertiser.

Events lie with their viewers, invoices and reports with their advertisers.
What crosses over is sums a day, replaced whole: so gathering again is harmless,
and an advertiser moves to another database by being gathered there.
"""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert

from bijou.ads.model.booking import days_of_hours
from bijou.ads.model.fact_tables import DAILY
from bijou.ads.model.resharding import Databases
from bijou.ads.model.sharding import Slot, keep_map, read_map, slot_of

_KEYSPACE = "advertiser"


def advertiser_slot(advertiser: int) -> int:
    """Return the shard slot of an advertiser, by number."""
    return slot_of(advertiser.to_bytes(8))


def gather_day(viewers: list[Engine], target: Connection, shard: str, day: int) -> int:
    """Replace a shard's sums of a day by those of all viewers' shards; return how many rows.

    Cost: one query a shard of viewers; memory of the sums.

    Args:
        shard: The name of the target, as its own map has it.
    """
    sums = _sums(viewers, day)
    slots = read_map(target, _KEYSPACE)
    held = {number for number, slot in slots.items() if shard in {slot.shard, slot.target}}
    mine = [row for row in sums if advertiser_slot(row["advertiser"]) in held]
    target.execute(delete(DAILY).where(DAILY.c.day == day))
    if mine:
        target.execute(insert(DAILY), mine)
    return len(mine)


def move_advertisers(
    databases: Databases, viewers: list[Engine], slots: list[int], target: str, days: range
) -> None:
    """Move advertisers to another shard: gather them there, let it answer, forget them here.

    Until it answers the old shard does, so no report is ever without them.

    Args:
        databases: Of the advertisers.
        viewers: The shards that hold events.
    """
    with databases.home.connect() as db:
        before = [read_map(db, _KEYSPACE)[number] for number in slots]
    announced = [Slot(slot.number, slot.shard, target, slot.epoch + 1) for slot in before]
    answered = [Slot(slot.number, target, "", slot.epoch + 1) for slot in announced]
    for map_of_target in (announced, answered):
        with databases.shards[target].begin() as db:
            keep_map(db, _KEYSPACE, map_of_target)
            for day in days:
                gather_day(viewers, db, target, day)
    with databases.home.begin() as db:
        keep_map(db, _KEYSPACE, answered)
    for name in sorted({slot.shard for slot in before} - {target}):
        with databases.shards[name].begin() as db:
            keep_map(db, _KEYSPACE, answered)
            for day in days:
                gather_day(viewers, db, name, day)


def _sums(viewers: list[Engine], day: int) -> list[dict[str, Any]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    micros: Counter[tuple[Any, ...]] = Counter()
    for engine in viewers:
        with engine.connect() as db:
            for *key, events, charge in db.execute(days_of_hours(day)):
                counts[tuple(key)] += events
                micros[tuple(key)] += charge
    names = ("day", "advertiser", "line_item", "kind", "currency")
    return [
        {**dict(zip(names, key, strict=True)), "events": counts[key], "charge_micros": micros[key]}
        for key in sorted(counts)
    ]
