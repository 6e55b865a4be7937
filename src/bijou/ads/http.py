"""Ad operations over HTTP: the routes, and the client that calls them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bijou.ads.api import AdOperations, Changed, NewChange
from bijou.ads.model.record import Change, Record
from bijou.ports import Instant, Role
from bijou.runtime.http import Call, Endpoint, Route, Wire

_Page = Annotated[int, Meta(ge=1, le=1000)]


class ChangesQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which page of the log of changes."""

    before: Annotated[int, Meta(ge=0)] = 0
    at_most: _Page = 100


class RecordsQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which kind of record, and which page of them."""

    kind: str
    after: Annotated[int, Meta(ge=0)] = 0
    at_most: _Page = 100


class VersionQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which version; 0 is the current one."""

    version: Annotated[int, Meta(ge=0)] = 0


class ConfigurationQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """As of which revision or moment; neither: now."""

    revision: Annotated[int, Meta(ge=0)] | None = None
    at: Instant | None = None


CHANGE = Endpoint(
    method="POST",
    path="/api/ads/changes",
    role=Role.ADOPS,
    summary="Write new versions of records of ad operations, all or none; `only_check` changes nothing.",
    takes=NewChange,
    gives=Changed,
    status=201,
    limit_bytes=8 << 20,
)
CHANGES = Endpoint(
    method="GET",
    path="/api/ads/changes",
    role=Role.ADOPS,
    summary="Who changed the ad configuration, when and why, the newest first.",
    query=ChangesQuery,
    gives=list[Change],
)
CONFIGURATION = Endpoint(
    method="GET",
    path="/api/ads/configuration",
    role=Role.ADOPS,
    summary="The whole ad configuration as of a revision or a moment.",
    query=ConfigurationQuery,
    gives=list[Record],
)
RECORDS = Endpoint(
    method="GET",
    path="/api/ads/records",
    role=Role.ADOPS,
    summary="Current records of one kind, by number.",
    query=RecordsQuery,
    gives=list[Record],
)
RECORD = Endpoint(
    method="GET",
    path="/api/ads/records/{record}",
    role=Role.ADOPS,
    summary="One record, the current or any older version.",
    query=VersionQuery,
    gives=Record,
)
HISTORY = Endpoint(
    method="GET",
    path="/api/ads/records/{record}/history",
    role=Role.ADOPS,
    summary="All versions of a record, the newest first.",
    gives=list[Record],
)
SCHEMAS = Endpoint(
    method="GET",
    path="/api/ads/schemas",
    role=Role.ADOPS,
    summary="JSON Schema of every noun of ad operations; what forms are made of.",
    gives=dict[str, Any],
)


def routes(ads: AdOperations) -> list[Route]:
    """Serve ad operations."""

    async def change(call: Call) -> Changed:
        return await ads.change(call.body, author=call.principal.id)

    async def changes(call: Call) -> list[Change]:
        return await ads.changes(before=call.query.before, at_most=call.query.at_most)

    async def configuration(call: Call) -> list[Record]:
        return await ads.configuration(revision=call.query.revision, at=call.query.at)

    async def records(call: Call) -> list[Record]:
        return await ads.records(call.query.kind, after=call.query.after, at_most=call.query.at_most)

    async def record(call: Call) -> Record:
        return await ads.record(call.path["record"], call.query.version)

    async def history(call: Call) -> list[Record]:
        return await ads.history(call.path["record"])

    async def schemas(_: Call) -> dict[str, Any]:
        return await ads.schemas()

    return [
        CHANGE.bind(change),
        CHANGES.bind(changes),
        CONFIGURATION.bind(configuration),
        RECORDS.bind(records),
        RECORD.bind(record),
        HISTORY.bind(history),
        SCHEMAS.bind(schemas),
    ]


class AdOperationsClient:
    """`AdOperations` of another process; the author is whoever the wire's token stands for."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def change(self, new: NewChange, *, author: str) -> Changed:  # noqa: ARG002 - the service sees it
        """Write new versions, all or none."""
        changed: Changed = await self._wire.call(CHANGE, new)
        return changed

    async def record(self, record_id: str, version: int = 0) -> Record:
        """Return one version of a record."""
        record: Record = await self._wire.call(RECORD, query=VersionQuery(version), record=record_id)
        return record

    async def records(self, kind: str, *, after: int = 0, at_most: int = 100) -> list[Record]:
        """Return current records of a kind."""
        records: list[Record] = await self._wire.call(RECORDS, query=RecordsQuery(kind, after, at_most))
        return records

    async def history(self, record_id: str) -> list[Record]:
        """Return all versions of a record, the newest first."""
        versions: list[Record] = await self._wire.call(HISTORY, record=record_id)
        return versions

    async def changes(self, *, before: int = 0, at_most: int = 100) -> list[Change]:
        """Return revisions, the newest first."""
        changes: list[Change] = await self._wire.call(CHANGES, query=ChangesQuery(before, at_most))
        return changes

    async def configuration(self, *, revision: int | None = None, at: Instant | None = None) -> list[Record]:
        """Return everything that was in effect at a revision or a moment; neither: now."""
        everything: list[Record] = await self._wire.call(
            CONFIGURATION, query=ConfigurationQuery(revision, at)
        )
        return everything

    async def schemas(self) -> dict[str, Any]:
        """Return the JSON Schema of every noun, by name."""
        schemas: dict[str, Any] = await self._wire.call(SCHEMAS)
        return schemas
