"""Shards over HTTP: the routes, and the client that calls them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from bijou.audience.manifest import BatchReport
from bijou.audience.shards.asking import (
    AudienceShard,
    Build,
    Commit,
    Count,
    Counted,
    FileShown,
    Found,
    Keys,
    NewPart,
    OneBatch,
    OneSlot,
    OneUser,
    Piece,
    ShardState,
    Told,
)
from bijou.audience.shown import Forgotten
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route, Wire

_PART_BYTES: Final = 256 << 20
_PART_S: Final = 60.0


def _endpoint(name: str, summary: str, takes: Any = None, gives: Any = None, **more: Any) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"/api/audience-shard/{name}",
        role=Role.SERVICE,
        summary=summary,
        takes=takes,
        gives=gives,
        status=200 if gives is not None else 204,
        **more,
    )


STATE = _endpoint("state", "What slots of users a shard has.", gives=ShardState)
KNOWN = _endpoint("known", "What may be used of some viewers.", Keys, list[Found])
COUNT = _endpoint("count", "Whom a rule reaches, or who is in audiences, by slot.", Count, list[Counted])
PUT = _endpoint("parts", "Keep some rows of a batch.", NewPart, limit_bytes=_PART_BYTES, body_s=_PART_S)
COMMIT = _endpoint("commits", "Make a batch count in one slot.", Commit, BatchReport)
DISCARD = _endpoint("discards", "Throw a batch's rows away.", OneBatch)
BUILD = _endpoint("builds", "Build a slot's audiences.", Build, dict[str, int], limit_bytes=64 << 20)
TELL = _endpoint("told", "Say which audiences may be told of viewers.", Told, limit_bytes=8 << 20)
FORGET = _endpoint("deletions", "Delete a user.", OneUser, Forgotten)
HOLD = _endpoint("slots", "Begin an empty slot.", OneSlot)
LISTING = _endpoint("files", "The files of a slot.", OneSlot, list[FileShown])
PIECE = _endpoint("pieces", "Some bytes of a slot's file.", Piece, Piece)
COPY = _endpoint("copies", "Copy a slot from another shard.", OneSlot)
DROP_COPY = _endpoint("dropped-copies", "Throw away what was copied of a slot.", OneSlot)
SEAL = _endpoint("seals", "Change nothing more in a slot, for it moves.", OneSlot)
ACCEPT = _endpoint("acceptances", "Answer for a slot that was copied.", OneSlot)
RELEASE = _endpoint("releases", "Answer no more for a slot that moved.", OneSlot)
OPEN = _endpoint("openings", "Take changes in a slot that moved here.", OneSlot)

ENDPOINTS: Final = (
    STATE,
    KNOWN,
    COUNT,
    PUT,
    COMMIT,
    DISCARD,
    BUILD,
    TELL,
    FORGET,
    HOLD,
    LISTING,
    PIECE,
    COPY,
    DROP_COPY,
    SEAL,
    ACCEPT,
    RELEASE,
    OPEN,
)


def routes(shard: AudienceShard) -> list[Route]:
    """Return the table of a shard's routes."""
    works: list[Callable[[Any], Awaitable[Any]]] = [
        shard.known,
        shard.count,
        shard.put,
        shard.commit,
        shard.discard,
        shard.build,
        shard.tell,
        shard.forget,
        shard.hold,
        shard.listing,
        shard.piece,
        shard.copy,
        shard.drop_copy,
        shard.seal,
        shard.accept,
        shard.release,
        shard.open,
    ]

    async def state(_: Call) -> ShardState:
        return await shard.state()

    def answer(work: Callable[[Any], Awaitable[Any]]) -> Callable[[Call], Awaitable[Any]]:
        async def handler(call: Call) -> Any:
            return await work(call.body)

        return handler

    return [
        STATE.bind(state),
        *(endpoint.bind(answer(work)) for endpoint, work in zip(ENDPOINTS[1:], works, strict=True)),
    ]


class HttpAudienceShard:
    """`AudienceShard` on the other end of a wire.

    Args:
        quick: What viewers wait for: gives up soon.
        patient: For builds and moves, which take minutes.
    """

    def __init__(self, quick: Wire, patient: Wire) -> None:
        self._quick = quick
        self._patient = patient

    async def state(self) -> ShardState:
        """Ask for what it has."""
        found: ShardState = await self._quick.call(STATE)
        return found

    async def known(self, keys: Keys) -> list[Found]:
        """Ask for some viewers."""
        found: list[Found] = await self._quick.call(KNOWN, keys)
        return [_with_sets(one) for one in found]

    async def count(self, asked: Count) -> list[Counted]:
        """Ask for counts."""
        found: list[Counted] = await self._quick.call(COUNT, asked)
        return found

    async def put(self, part: NewPart) -> None:
        """Send a part."""
        await self._patient.call(PUT, part)

    async def commit(self, order: Commit) -> BatchReport:
        """Have a batch count."""
        report: BatchReport = await self._patient.call(COMMIT, order)
        return report

    async def discard(self, batch: OneBatch) -> None:
        """Have a batch thrown away."""
        await self._patient.call(DISCARD, batch)

    async def build(self, order: Build) -> dict[str, int]:
        """Have a slot built."""
        members: dict[str, int] = await self._patient.call(BUILD, order)
        return members

    async def tell(self, told: Told) -> None:
        """Say what may be told."""
        await self._patient.call(TELL, told)

    async def forget(self, user: OneUser) -> Forgotten:
        """Have a user deleted."""
        certificate: Forgotten = await self._patient.call(FORGET, user)
        return certificate

    async def hold(self, slot: OneSlot) -> None:
        """Have a slot begun."""
        await self._patient.call(HOLD, slot)

    async def listing(self, slot: OneSlot) -> list[FileShown]:
        """Ask for a slot's files."""
        files: list[FileShown] = await self._patient.call(LISTING, slot)
        return files

    async def piece(self, asked: Piece) -> Piece:
        """Ask for some bytes."""
        piece: Piece = await self._patient.call(PIECE, asked)
        return piece

    async def copy(self, slot: OneSlot) -> None:
        """Have a slot copied."""
        await self._patient.call(COPY, slot)

    async def drop_copy(self, slot: OneSlot) -> None:
        """Have a copy thrown away."""
        await self._patient.call(DROP_COPY, slot)

    async def seal(self, slot: OneSlot) -> None:
        """Have a slot sealed."""
        await self._patient.call(SEAL, slot)

    async def accept(self, slot: OneSlot) -> None:
        """Have a copied slot answered for."""
        await self._patient.call(ACCEPT, slot)

    async def release(self, slot: OneSlot) -> None:
        """Have a moved slot released."""
        await self._patient.call(RELEASE, slot)

    async def open(self, slot: OneSlot) -> None:
        """Have a moved slot opened."""
        await self._patient.call(OPEN, slot)

    async def close(self) -> None:
        """Close idle connections."""
        await self._quick.close()
        await self._patient.close()


def _with_sets(found: Found) -> Found:
    """Return sets where JSON has lists: no feature is a list."""
    if found.known is None:
        return found
    features = found.known.features
    plain = {name: frozenset(value) if isinstance(value, list) else value for name, value in features.items()}
    return Found(msgspec.structs.replace(found.known, features=plain), found.moved)
