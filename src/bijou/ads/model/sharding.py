"""Slots of keys in databases: whose rows are where, and how a slot moves while it is written.

A key belongs to one of 1,024 slots for ever; a slot belongs to a shard until it
is moved. Each database keeps the map as rows that writers lock: so it can
refuse, in the writer's own transaction, what was routed by an older map.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from bijou.ads.model.fact_tables import SHARD_SLOTS
from bijou.ports import Conflict

SLOTS: Final = 1024


class Slot(msgspec.Struct, frozen=True):
    """Where one slot is.

    Args:
        shard: Who holds it and answers for it.
        target: Whom it moves to, and who is written to as well; empty where it stays.
        epoch: Rises with every change of this row.
    """

    number: int
    shard: str
    target: str = ""
    epoch: int = 1


def slot_of(key: bytes) -> int:
    """Return the slot of a viewer's pseudonym, or of an advertiser's number as bytes.

    Example:
        >>> slot_of(b"viewer 1"), slot_of(b"viewer 2")
        (503, 507)
    """
    return int.from_bytes(hashlib.blake2b(key, digest_size=2).digest()) % SLOTS


def laid_out(shards: Sequence[str]) -> list[Slot]:
    """Return a map in which each shard holds a run of slots, as equal as they go."""
    return [Slot(number, shards[number * len(shards) // SLOTS]) for number in range(SLOTS)]


def moves(slots: Mapping[int, Slot], shards: Sequence[str]) -> dict[tuple[str, str], list[int]]:
    """Return which slots must move, by (from, to), for each shard to hold as many as the others.

    As few as possible: a shard that holds too many gives its last ones.

    Example:
        >>> plan = moves({slot.number: slot for slot in laid_out(["a", "b"])}, ["a", "b", "c", "d"])
        >>> {pair: len(slots) for pair, slots in plan.items()}
        {('a', 'c'): 256, ('b', 'd'): 256}
    """
    held: dict[str, list[int]] = {shard: [] for shard in shards}
    for number in sorted(slots):
        held.setdefault(slots[number].shard, []).append(number)
    fair = {shard: SLOTS // len(shards) + (at < SLOTS % len(shards)) for at, shard in enumerate(shards)}
    plan: dict[tuple[str, str], list[int]] = {}
    wanting = [shard for shard in shards for _ in range(fair[shard] - len(held[shard]))]
    for shard, numbers in held.items():
        for number in numbers[fair.get(shard, 0) :]:
            plan.setdefault((shard, wanting.pop(0)), []).append(number)
    return plan


def read_map(db: Connection, keyspace: str) -> dict[int, Slot]:
    """Return the map that a database keeps."""
    rows = db.execute(select(SHARD_SLOTS).where(SHARD_SLOTS.c.keyspace == keyspace))
    return {row.slot: Slot(row.slot, row.shard, row.target, row.epoch) for row in rows}


def keep_map(db: Connection, keyspace: str, slots: Iterable[Slot]) -> None:
    """Keep rows of the map; waits for writers who hold them."""
    rows = [
        {"keyspace": keyspace, "slot": s.number, "shard": s.shard, "target": s.target, "epoch": s.epoch}
        for s in sorted(slots, key=lambda slot: slot.number)
    ]
    insert = (sqlite if db.dialect.name == "sqlite" else postgresql).insert(SHARD_SLOTS)
    changed = {name: insert.excluded[name] for name in ("shard", "target", "epoch")}
    key = list(SHARD_SLOTS.primary_key)
    db.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)


def hold(db: Connection, keyspace: str, routed: Iterable[Slot]) -> None:
    """Hold slots where they are until this transaction ends, as they were when it was routed.

    Writers hold them together; a move waits for all of them.

    Raises:
        Conflict: `ads.slot_moved`, the map has changed; read it again and route anew.
    """
    wanted = {slot.number: slot.epoch for slot in routed}
    mine = and_(SHARD_SLOTS.c.keyspace == keyspace, SHARD_SLOTS.c.slot.in_(wanted))
    query = select(SHARD_SLOTS.c.slot, SHARD_SLOTS.c.epoch).where(mine).order_by(SHARD_SLOTS.c.slot)
    there = {row.slot: row.epoch for row in db.execute(query.with_for_update(read=True))}
    moved = sorted(number for number, epoch in wanted.items() if there.get(number) != epoch)
    if moved:
        raise Conflict(
            "ads.slot_moved",
            f"{len(moved)} slots of {keyspace}, the first {moved[0]}, have moved since; read the map again",
        )


def owned(db: Connection, keyspace: str, shard: str) -> list[int]:
    """Return the slots that a shard answers for, by its own map."""
    mine = and_(SHARD_SLOTS.c.keyspace == keyspace, SHARD_SLOTS.c.shard == shard)
    return list(db.scalars(select(SHARD_SLOTS.c.slot).where(mine).order_by(SHARD_SLOTS.c.slot)))
