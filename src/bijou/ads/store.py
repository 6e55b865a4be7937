"""The configuration in records: versions are the truth, heads are what they add up to."""

import hashlib
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from bijou.ads.model.history_tables import CHANGES, ENTITIES, REVISION, VERSIONS
from bijou.ads.model.nouns import Noun, kind_of
from bijou.ads.model.record import Change, Record
from bijou.ads.model.shapes import SHAPES, Shape, noun_of, rows_of
from bijou.ads.model.tables import METADATA
from bijou.ports import Conflict, Instant, NotFound
from bijou.runtime import codec

__all__ = ["METADATA"]


def begin_change(db: Connection, now: Instant, author: str, reason: str) -> int:
    """Take the next revision; others who change wait until this transaction ends.

    Its moment is never before the last one's, so a moment names one revision.
    """
    if db.scalar(select(REVISION.c.number)) is None:
        db.execute(insert(REVISION).values(one=1, number=0, at=0))
    later = func.max if db.dialect.name == "sqlite" else func.greatest
    moment = later(REVISION.c.at, int(now))
    db.execute(update(REVISION).values(number=REVISION.c.number + 1, at=moment))
    number, at = db.execute(select(REVISION.c.number, REVISION.c.at)).one()
    db.execute(insert(CHANGES).values(number=number, at=at, author=author, reason=reason))
    return int(number)


def add(db: Connection, record_id: str, noun: Noun, change: int) -> None:
    """Write the first version of a record.

    Raises:
        Conflict: `ads.name_taken`.
    """
    if db.scalar(select(ENTITIES.c.id).where(ENTITIES.c.id == record_id)):
        raise Conflict("ads.name_taken", f"another {kind_of(noun)} is {record_id} already; take another name")
    db.execute(insert(ENTITIES).values(id=record_id, kind=kind_of(noun), version=1))
    _write(db, record_id, noun, 1, change)


def replace(db: Connection, record_id: str, noun: Noun, version: int, change: int) -> None:
    """Write the next version of a record.

    Args:
        version: The one that the caller read.

    Raises:
        NotFound: `ads.no_record`.
        Conflict: `ads.changed_meanwhile`, somebody else was faster.
    """
    current = db.execute(select(ENTITIES).where(ENTITIES.c.id == record_id)).first()
    if current is None or current.kind != kind_of(noun):
        raise NotFound("ads.no_record", f"there is no {kind_of(noun)} {record_id!r}")
    mine = and_(ENTITIES.c.id == record_id, ENTITIES.c.version == version)
    if db.execute(update(ENTITIES).where(mine).values(version=version + 1)).rowcount != 1:
        raise Conflict(
            "ads.changed_meanwhile",
            f"{record_id} is at version {current.version}, and the change is of {version}; read it again",
        )
    _write(db, record_id, noun, version + 1, change)


def record(db: Connection, record_id: str, version: int = 0) -> Record:
    """Return one version of a record; the current one for 0.

    Raises:
        NotFound: `ads.no_record`.
    """
    which = VERSIONS.c.version == (version or ENTITIES.c.version)
    row = db.execute(_versions().where(VERSIONS.c.id == record_id, which)).first()
    if row is None:
        at = f" at version {version}" if version else ""
        raise NotFound("ads.no_record", f"there is no record {record_id!r}{at}")
    return _record(row)


def records(db: Connection, kind: str, after: int, at_most: int) -> list[Record]:
    """Return current records of a kind, in the order of their numbers."""
    current = and_(
        ENTITIES.c.kind == kind, ENTITIES.c.number > after, VERSIONS.c.version == ENTITIES.c.version
    )
    rows = db.execute(_versions().where(current).order_by(ENTITIES.c.number).limit(at_most))
    return [_record(row) for row in rows]


def history(db: Connection, record_id: str) -> list[Record]:
    """Return all versions of a record, the newest first."""
    rows = db.execute(_versions().where(VERSIONS.c.id == record_id).order_by(VERSIONS.c.version.desc()))
    return [_record(row) for row in rows]


def changes(db: Connection, before: int, at_most: int) -> list[Change]:
    """Return revisions below a number (0: from the newest), the newest first."""
    page = select(CHANGES).order_by(CHANGES.c.number.desc()).limit(at_most)
    rows = db.execute(page.where(CHANGES.c.number < before) if before else page).all()
    touched: dict[int, list[str]] = {row.number: [] for row in rows}
    for change, record_id in db.execute(
        select(VERSIONS.c.change, VERSIONS.c.id).where(VERSIONS.c.change.in_(touched)).order_by(VERSIONS.c.id)
    ):
        touched[change].append(record_id)
    return [Change(row.number, Instant(row.at), row.author, row.reason, touched[row.number]) for row in rows]


def revision(db: Connection) -> int:
    """Return the newest revision; 0 before the first change."""
    return int(db.scalar(select(REVISION.c.number)) or 0)


def in_effect(db: Connection, *, revision: int | None = None, at: Instant | None = None) -> list[Record]:
    """Return the whole configuration as it was, by one query.

    Cost: one pass over the versions up to then, through their key.

    Args:
        revision: As of this revision, the way a decision names it; or
        at: as of this moment; neither: now.
    """
    upto: ColumnElement[bool] | None = None
    if revision is not None:
        upto = VERSIONS.c.change <= revision
    elif at is not None:
        newest = select(func.max(CHANGES.c.number)).where(CHANGES.c.at <= int(at)).scalar_subquery()
        upto = VERSIONS.c.change <= newest
    latest = select(VERSIONS.c.id, func.max(VERSIONS.c.version).label("version")).group_by(VERSIONS.c.id)
    then = (latest.where(upto) if upto is not None else latest).subquery()
    same = and_(VERSIONS.c.id == then.c.id, VERSIONS.c.version == then.c.version)
    return [_record(row) for row in db.execute(_versions().join(then, same).order_by(ENTITIES.c.number))]


class Heads:
    """The current state, as rules ask for it; `Around` on a connection."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def find(self, kind: str, name: str) -> Noun | None:
        """Return the current record of a kind by id, or by name where it is named."""
        shape = SHAPES[kind]
        column = shape.table.c.name if shape.named else shape.table.c.id
        found = self._read(shape, column == name)
        return found[0][1] if found else None

    def naming(self, kind: str, field: str, record_id: str) -> list[tuple[str, Noun]]:
        """Return the current records (id, noun) whose `field` names a record."""
        shape = SHAPES[kind]
        if field in shape.parts:
            part = shape.parts[field]
            named = part.c.value if "value" in part.c else part.c[_singular(field)]
            owner = next(iter(part.primary_key))
            return self._read(shape, shape.table.c.id.in_(select(owner).where(named == record_id)))
        return self._read(shape, shape.table.c[field] == record_id)

    def all(self, kind: str) -> list[tuple[str, Noun]]:
        """Return all current records (id, noun) of a kind."""
        return self._read(SHAPES[kind], None)

    def _read(self, shape: Shape, where: ColumnElement[bool] | None) -> list[tuple[str, Noun]]:
        wanted: Select[Any] = select(shape.table)
        rows = self._db.execute(wanted if where is None else wanted.where(where)).mappings().all()
        parts: dict[str, dict[Any, list[dict[str, Any]]]] = {row["id"]: {} for row in rows}
        for table in shape.parts.values():
            owner = next(iter(table.primary_key))
            found = select(table).order_by(owner, table.c.position)
            if where is not None:
                found = found.where(owner.in_(parts))
            for part in self._db.execute(found).mappings():
                if part[owner.name] in parts:
                    parts[part[owner.name]].setdefault(table, []).append(dict(part))
        return [(row["id"], noun_of(shape, dict(row), parts[row["id"]])) for row in rows]


def rebuild(db: Connection) -> int:
    """Make all heads anew from the versions; return how many records there are."""
    for table in reversed(_head_tables()):
        db.execute(delete(table))
    current = in_effect(db)
    order = list(SHAPES)
    for each in sorted(current, key=lambda each: (order.index(each.kind), each.number)):
        db.execute(update(ENTITIES).where(ENTITIES.c.id == each.id).values(version=each.version))
        _write_head(db, each.id, each.noun)
    return len(current)


def untrue_heads(db: Connection) -> list[str]:
    """Return the ids of records whose head is not their newest version; for the reconciler."""
    heads = Heads(db)
    said = {record_id: noun for kind in SHAPES for record_id, noun in heads.all(kind)}
    meant = {each.id: each.noun for each in in_effect(db)}
    return sorted(key for key in said.keys() | meant.keys() if said.get(key) != meant.get(key))


def tampered(db: Connection) -> list[tuple[str, int]]:
    """Return the versions (id, version) whose body is not what its checksum says."""
    rows = db.execute(select(VERSIONS.c.id, VERSIONS.c.version, VERSIONS.c.body, VERSIONS.c.sha256))
    return [(row.id, row.version) for row in rows if _sha256(row.body) != row.sha256]


def _write(db: Connection, record_id: str, noun: Noun, version: int, change: int) -> None:
    body = codec.encode(noun).decode()
    db.execute(
        insert(VERSIONS).values(
            id=record_id, version=version, change=change, kind=kind_of(noun), body=body, sha256=_sha256(body)
        )
    )
    _write_head(db, record_id, noun)


def _write_head(db: Connection, record_id: str, noun: Noun) -> None:
    shape = SHAPES[kind_of(noun)]
    row, parts = rows_of(shape, record_id, noun)
    there = shape.table.c.id == record_id
    if not db.execute(update(shape.table).where(there).values(row)).rowcount:
        db.execute(insert(shape.table).values(row))
    for table, items in parts.items():
        db.execute(delete(table).where(next(iter(table.primary_key)) == record_id))
        if items:
            db.execute(insert(table), items)


def _head_tables() -> list[Table]:
    heads = {shape.table for shape in SHAPES.values()}
    heads |= {table for shape in SHAPES.values() for table in shape.parts.values()}
    return [table for table in METADATA.sorted_tables if table in heads]


def _versions() -> Select[Any]:
    return (
        select(VERSIONS, ENTITIES.c.number, CHANGES.c.at, CHANGES.c.author, CHANGES.c.reason)
        .join(ENTITIES, ENTITIES.c.id == VERSIONS.c.id)
        .join(CHANGES, CHANGES.c.number == VERSIONS.c.change)
    )


def _record(row: Row[Any]) -> Record:
    return Record(
        id=row.id,
        number=row.number,
        kind=row.kind,
        version=row.version,
        revision=row.change,
        at=Instant(row.at),
        author=row.author,
        reason=row.reason,
        noun=codec.decode(row.body, SHAPES[row.kind].noun),
    )


def _sha256(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _singular(field: str) -> str:
    return field.removesuffix("s")
