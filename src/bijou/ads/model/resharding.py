"""A group of slots moves from one database to another while events are booked. PostgreSQL only.

announce   both shards learn it; writers who did not are refused and route anew,
           those who did write to the target and to the source
copy       old rows, a day at a time; a row that is there already is the same row
flip       for a moment nobody writes these slots: the sums must agree, then the
           target answers for them
clear      the source's rows go, a day at a time

Each step may be done again after a kill at any point in it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, text

from bijou.ads.model import partitions
from bijou.ads.model.fact_tables import EVENTS
from bijou.ads.model.sharding import Slot, keep_map, read_map
from bijou.ports import BijouBug

_KEYSPACE = "viewer"


class Move(msgspec.Struct, frozen=True):
    """Neighbouring slots that move together.

    Args:
        first, last: Slots, both included.
    """

    source: str
    target: str
    first: int
    last: int


class Databases(msgspec.Struct, frozen=True):
    """Where a move takes place.

    Args:
        home: Keeps the map that writers read.
        shards: By name.
    """

    home: Engine
    shards: dict[str, Engine]


def announce(databases: Databases, move: Move) -> None:
    """Tell the target, the source and then everybody; waits for writers that are under way."""
    before = _slots(databases, move)
    if _is_done(before, move):
        return
    slots = [
        Slot(slot.number, move.source, move.target, slot.epoch + (slot.target != move.target))
        for slot in before
    ]
    for engine in (databases.shards[move.target], databases.shards[move.source], databases.home):
        with engine.begin() as db:
            keep_map(db, _KEYSPACE, slots)


def copy(databases: Databases, move: Move) -> Iterator[int]:
    """Copy what was there before the announcement; yield how many rows each day brought."""
    with databases.shards[move.source].connect() as db:
        days = partitions.attached(db, EVENTS)
    for day in days:
        with (
            databases.shards[move.source].begin() as source,
            databases.shards[move.target].begin() as target,
        ):
            yield _copy_day(source, target, move, day)


def flip(databases: Databases, move: Move) -> int:
    """Let the target answer for the slots; return how many rows it answers for.

    Cost: writers of these slots wait while both sides are summed, through the
    key: a millisecond for some thousand rows.

    Raises:
        BijouBug: `ads.move_differs`; nothing has changed.
    """
    before = _slots(databases, move)
    if _is_done(before, move):  # all that a kill can have left out is to tell everybody
        with databases.home.begin() as db:
            keep_map(db, _KEYSPACE, before)
        return 0
    slots = [Slot(slot.number, move.target, "", slot.epoch + 1) for slot in before]
    with databases.shards[move.source].begin() as source:
        keep_map(source, _KEYSPACE, slots)  # writers wait here, and are refused afterwards
        with databases.shards[move.target].begin() as target:
            said, there = _sums(source, move), _sums(target, move)
            if said != there:
                _forget_unacknowledged(source, target, move)
                there = _sums(target, move)
            if said != there:
                raise BijouBug(
                    "ads.move_differs",
                    f"slots {move.first} to {move.last} hold {said} in {move.source}"
                    f" and {there} in {move.target}",
                )
            keep_map(target, _KEYSPACE, slots)
    with databases.home.begin() as db:
        keep_map(db, _KEYSPACE, slots)
    return said[0]


def clear(databases: Databases, move: Move) -> int:
    """Delete what the source no longer answers for; return how many rows went."""
    gone = 0
    with databases.shards[move.source].connect() as db:
        days = partitions.attached(db, EVENTS)
    for day in days:
        with databases.shards[move.source].begin() as db:
            gone += db.execute(delete(EVENTS).where(EVENTS.c.day == day, _in(move))).rowcount
    return gone


def move_slots(databases: Databases, move: Move, step: Callable[[str], None] = lambda _: None) -> int:
    """Do all of it; return how many rows moved.

    Args:
        step: Told the name of each step when it is done.
    """
    announce(databases, move)
    step("announce")
    for _ in copy(databases, move):
        step("copy")
    moved = flip(databases, move)
    step("flip")
    clear(databases, move)
    step("clear")
    return moved


def _slots(databases: Databases, move: Move) -> list[Slot]:
    """Return the slots as the source has them."""
    with databases.shards[move.source].begin() as db:
        slots = read_map(db, _KEYSPACE)
    return [slots[number] for number in range(move.first, move.last + 1)]


def _is_done(slots: list[Slot], move: Move) -> bool:
    return all(slot.shard == move.target for slot in slots)


def _copy_day(source: Connection, target: Connection, move: Move, day: int) -> int:
    aside = f"copied_{move.first}_{day}"
    target.execute(text(f"CREATE TEMPORARY TABLE {aside} (LIKE {EVENTS.name}) ON COMMIT DROP"))
    _pour(source, "*", f"day = {day} AND {_between(move)}", target, aside)
    # In the order of the key, as writers insert, so that neither waits for the other in a circle.
    ordered = f"SELECT * FROM {aside} ORDER BY slot, impression, kind"  # noqa: S608 - names of ours
    brought = f"INSERT INTO {EVENTS.name} {ordered} ON CONFLICT DO NOTHING"
    return target.execute(text(brought)).rowcount


def _forget_unacknowledged(source: Connection, target: Connection, move: Move) -> None:
    """Delete from the target what the source has not: its writer died between the two.

    Nobody was told that it is booked, so it comes again, and is counted then.
    """
    key = "day, slot, impression, kind"
    empty = f"SELECT {key} FROM {EVENTS.name} LIMIT 0"  # noqa: S608 - names of ours
    target.execute(text(f"CREATE TEMPORARY TABLE acknowledged ON COMMIT DROP AS {empty}"))
    _pour(source, key, _between(move), target, "acknowledged")
    extra = f"DELETE FROM {EVENTS.name} WHERE {_between(move)}"  # noqa: S608 - names of ours
    known = f"({key}) NOT IN (SELECT {key} FROM acknowledged)"  # noqa: S608 - names of ours
    target.execute(text(f"{extra} AND {known}"))


def _pour(source: Connection, columns: str, where: str, target: Connection, into: str) -> None:
    """Copy rows of events from one database into a table of another, through this process."""
    rows = f"SELECT {columns} FROM {EVENTS.name} WHERE {where}"  # noqa: S608 - names of ours
    with (
        _driver(source).copy(f"COPY ({rows}) TO STDOUT (FORMAT binary)") as out,
        _driver(target).copy(f"COPY {into} FROM STDIN (FORMAT binary)") as taking,
    ):
        for block in out:
            taking.write(block)


def _between(move: Move) -> str:
    return f"slot BETWEEN {move.first} AND {move.last}"


def _sums(db: Connection, move: Move) -> tuple[int, int, int]:
    """Return rows, micros and moments added up: a row that differs shows in one of them."""
    total = func.coalesce(func.sum(EVENTS.c.charge_micros), 0), func.coalesce(func.sum(EVENTS.c.at), 0)
    rows, micros, moments = db.execute(select(func.count(), *total).where(_in(move))).one()
    return int(rows), int(micros), int(moments)


def _in(move: Move) -> ColumnElement[bool]:
    return and_(EVENTS.c.slot >= move.first, EVENTS.c.slot <= move.last)


def _driver(db: Connection) -> Any:
    """Return a cursor of the driver, which alone can COPY."""
    return db.connection.cursor()
