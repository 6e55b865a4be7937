"""Ad operations on records."""

from random import Random
from typing import Any

import msgspec
from sqlalchemy import Connection

from bijou.ads import store
from bijou.ads.api import Changed, Edit, NewChange
from bijou.ads.model.nouns import Noun, kind_of
from bijou.ads.model.partitions import day_of
from bijou.ads.model.record import Change, Record
from bijou.ads.model.retention import ready
from bijou.ads.model.rules import check
from bijou.ads.model.shapes import SHAPES
from bijou.ads.model.shipped import SHIPPED_AD_TYPES
from bijou.ports import BijouError, Clock, Instant, InvalidRequest, NotFound, Records, new_id
from bijou.runtime import codec

_MOST_EDITS = 1000


class AdOperationsService:
    """`AdOperations` that keeps versions in records.

    Threads: one event loop.
    """

    def __init__(self, records: Records, clock: Clock, chance: Random) -> None:
        self._records = records
        self._clock = clock
        self._chance = chance

    async def prepare(self) -> None:
        """Register the types of ads that ship, and make the first days' partitions."""
        today = day_of(self._clock.now())
        await self._records.write(lambda db: ready(db, today))
        known = {each.id for each in await self.records("ad_type", at_most=_MOST_EDITS)}
        missing = [Edit(noun) for noun in SHIPPED_AD_TYPES if self._id_of(noun) not in known]
        if missing:
            await self.change(NewChange("ships with bijou", missing), author="bijou")

    async def change(self, new: NewChange, *, author: str) -> Changed:
        """Write new versions, all or none."""
        reason = _checked_reason(new)
        for place, edit in enumerate(new.edits):
            _check_identity(edit, f"edits[{place}]")
        ids = [edit.id or self._id_of(edit.noun) for edit in new.edits]
        now = self._clock.now()

        def work(db: Connection) -> Changed:
            change = store.begin_change(db, now, author, reason)
            for place, (edit, record_id) in enumerate(zip(new.edits, ids, strict=True)):
                try:
                    _apply(db, edit, record_id, change)
                except InvalidRequest as error:
                    raise InvalidRequest(error.code, f"edits[{place}].{error.detail}") from error
            made = [store.record(db, record_id) for record_id in ids]
            if new.only_check:
                raise _OnlyCheckedError(Changed(0, made))
            return Changed(change, made)

        try:
            return await self._records.write(work)
        except _OnlyCheckedError as checked:
            return checked.changed

    async def record(self, record_id: str, version: int = 0) -> Record:
        """Return one version of a record; the current one for 0."""
        return await self._records.read(lambda db: store.record(db, record_id, version))

    async def records(self, kind: str, *, after: int = 0, at_most: int = 100) -> list[Record]:
        """Return current records of a kind whose number is over `after`."""
        if kind not in SHAPES:
            raise InvalidRequest(
                "ads.no_such_kind",
                f"{kind[:60]!r} is no kind of record; those are {', '.join(sorted(SHAPES))}",
            )
        return await self._records.read(lambda db: store.records(db, kind, after, at_most))

    async def history(self, record_id: str) -> list[Record]:
        """Return all versions of a record, the newest first."""
        versions = await self._records.read(lambda db: store.history(db, record_id))
        if not versions:
            raise NotFound("ads.no_record", f"there is no record {record_id!r}")
        return versions

    async def changes(self, *, before: int = 0, at_most: int = 100) -> list[Change]:
        """Return revisions, the newest first."""
        return await self._records.read(lambda db: store.changes(db, before, at_most))

    async def configuration(self, *, revision: int | None = None, at: Instant | None = None) -> list[Record]:
        """Return everything that was in effect at a revision or a moment; neither: now."""
        return await self._records.read(lambda db: store.in_effect(db, revision=revision, at=at))

    async def schemas(self) -> dict[str, Any]:
        """Return the JSON Schema of every noun, by name."""
        return codec.schema_of([shape.noun for shape in SHAPES.values()])

    def _id_of(self, noun: Noun) -> str:
        shape = SHAPES[kind_of(noun)]
        if shape.named:
            return f"{shape.prefix}_{msgspec.structs.asdict(noun)['name']}"
        return new_id(shape.prefix, self._clock, self._chance)


class _OnlyCheckedError(Exception):
    """Rolls the transaction back once everything in it went well."""

    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self.changed = changed


def _checked_reason(new: NewChange) -> str:
    reason = " ".join(new.reason.split())
    if not 1 <= len(reason) <= 500:
        raise InvalidRequest(
            "ads.no_reason",
            f"the reason has {len(reason)} characters; say why in 1 to 500, for later readers",
        )
    if not 1 <= len(new.edits) <= _MOST_EDITS:
        raise InvalidRequest(
            "ads.no_edits", f"{len(new.edits)} edits; a change has 1 to {_MOST_EDITS} of them"
        )
    named = [edit.id for edit in new.edits if edit.id]
    if len(named) != len(set(named)):
        twice = next(record_id for record_id in named if named.count(record_id) > 1)
        raise InvalidRequest("ads.edited_twice", f"{twice} is edited twice in one change; once is enough")
    return reason


def _check_identity(edit: Edit, place: str) -> None:
    """Refuse an edit that does not say what it was made on, or that would rename what others name."""
    if bool(edit.id) != (edit.version > 0):
        raise InvalidRequest(
            "ads.bad_edit",
            f"{place}: id {edit.id!r} with version {edit.version}; both, or neither for a new one",
        )
    shape = SHAPES[kind_of(edit.noun)]
    if edit.id and shape.named and edit.id != f"{shape.prefix}_{msgspec.structs.asdict(edit.noun)['name']}":
        raise InvalidRequest(
            "ads.renamed",
            f"{place}: {edit.id} keeps its name, for others refer to it by that; make a new one",
        )


def _apply(db: Connection, edit: Edit, record_id: str, change: int) -> None:
    heads = store.Heads(db)
    check(edit.noun, record_id, heads)
    if edit.id:
        store.replace(db, record_id, edit.noun, edit.version, change)
        _check_dependents(heads, edit.noun, record_id)
    else:
        store.add(db, record_id, edit.noun, change)


def _check_dependents(heads: store.Heads, noun: Noun, record_id: str) -> None:
    """Refuse a version on which what refers to it could no longer stand."""
    kind = kind_of(noun)
    name = msgspec.structs.asdict(noun)["name"] if SHAPES[kind].named else record_id
    for child, shape in SHAPES.items():
        for field in (field for field, parent in shape.parents.items() if parent == kind):
            for child_id, each in heads.naming(child, field, name):
                try:
                    check(each, child_id, heads)
                except BijouError as error:
                    raise InvalidRequest(
                        "ads.would_break", f"noun: it would break the {child} {child_id}: {error.detail}"
                    ) from error
