"""One shard: slots of users in a process, read here, and changed in a child beside it."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from bijou.audience.manifest import BatchReport
from bijou.audience.profiles import Profiles
from bijou.audience.shards import slot_work
from bijou.audience.shards.asking import (
    AudienceShard,
    Build,
    Commit,
    Count,
    Counted,
    FileShown,
    Found,
    Held,
    Keys,
    NewPart,
    OneBatch,
    OneSlot,
    OneUser,
    Piece,
    ShardState,
    State,
    Told,
)
from bijou.audience.shards.beside import Beside
from bijou.audience.shards.holding import (
    Holding,
    add_copied,
    begin_copy,
    files_of,
    keep_copied,
    read_piece,
)
from bijou.audience.shards.parts import check_batch, decoded
from bijou.audience.shards.slot_reading import SlotReader
from bijou.audience.shards.slot_work import Slot
from bijou.audience.shards.slots import slot_of
from bijou.audience.shown import Forgotten
from bijou.ports import Clock, InvalidRequest

Order = TypeVar("Order")
T = TypeVar("T")
_KEY: Final = re.compile(r"[0-9a-f]{16}")


class LocalShard:
    """`AudienceShard` in this process.

    Reading goes on while a slot is built: building is a child's work. Changes
    come one at a time.

    Threads: the event loop of the main thread; the child dies with it.

    Args:
        folder: Made where it is missing; nobody else's.
        opening: Opens the profiles of a slot's folder, here and in the child.
        reaching: Gives the shard at an address, to copy from.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        opening: Callable[[Path], Profiles],
        clock: Clock,
        reaching: Callable[[str], AudienceShard],
    ) -> None:
        self._name = name
        self._opening = opening
        self._clock = clock
        self._reaching = reaching
        self._holding = Holding(folder)
        self._readers: dict[int, SlotReader] = {}
        self._changing = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._copying = asyncio.Lock()
        self._beside = Beside()

    def close(self) -> None:
        """Let files and the child go."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._beside.kill()

    async def state(self) -> ShardState:
        """Return what it has."""
        users = {slot: self._reader(slot).users() for slot in self._holding.here()}
        return ShardState(self._name, self._holding.slots(), users)

    async def known(self, keys: Keys) -> list[Found]:
        """Return what may be used of some viewers.

        Cost: about 20 us each.
        """
        return [self._known(key, keys.purpose) for key in keys.keys]

    async def count(self, asked: Count) -> list[Counted]:
        """Count in a thread; in one slot after the other."""
        async with self._counting:
            here = [slot for slot in asked.slots if self._holding.is_here(slot)]
            peers = [(slot, self._holding.moved(slot)) for slot in asked.slots]
            return [Counted(slot, moved=peer) for slot, peer in peers if peer is not None] + [
                await asyncio.to_thread(self._reader(slot).counted, slot, asked) for slot in here
            ]

    async def put(self, part: NewPart) -> None:
        """Keep a part."""
        _check_part(part)
        async with self._changing:
            slot = self._changeable(part.slot)
            await asyncio.to_thread(slot_work.keep_part, slot, part.batch, part.number, part.part)

    async def commit(self, order: Commit) -> BatchReport:
        """Make a batch count."""
        check_batch(order.batch.id)
        return await self._changed(order.slot, slot_work.commit, order)

    async def discard(self, batch: OneBatch) -> None:
        """Throw a batch's parts away."""
        check_batch(batch.batch)
        async with self._changing:
            slot = self._changeable(batch.slot)
            await asyncio.to_thread(slot_work.discard, slot, batch.batch)

    async def build(self, order: Build) -> dict[str, int]:
        """Build a slot's audiences."""
        return await self._changed(order.slot, slot_work.build, order)

    async def tell(self, told: Told) -> None:
        """Keep which audiences may be told."""
        async with self._changing:
            slot = self._changeable(told.slot)
            slot_work.keep_told(slot.folder, told.audiences)
            self._refresh(told.slot)

    async def forget(self, user: OneUser) -> Forgotten:
        """Delete a user."""
        return await self._changed(slot_of(_hash(user.key)), slot_work.forget, user.key)

    async def hold(self, slot: OneSlot) -> None:
        """Begin an empty slot; what is here already stays."""
        if not self._holding.is_here(slot.slot):
            self._holding.set(slot.slot, Held(State.OPEN))

    async def listing(self, slot: OneSlot) -> list[FileShown]:
        """Return the files of a slot."""
        return await asyncio.to_thread(files_of, self._holding.folder(slot.slot))

    async def piece(self, asked: Piece) -> Piece:
        """Return some bytes of a file; nothing of one that is gone."""
        folder, content = self._holding.folder(asked.slot), b""
        with contextlib.suppress(FileNotFoundError):
            content = await asyncio.to_thread(read_piece, folder, asked.name, asked.start)
        return msgspec.structs.replace(asked, content=content)

    async def copy(self, slot: OneSlot) -> None:
        """Copy what differs, file by file; between two files a deletion may throw all of it away."""
        if slot.peer is None:
            raise InvalidRequest("audience.no_peer", f"slot {slot.slot} is to be copied from nobody")
        source, coming = self._reaching(slot.peer.address), self._holding.coming(slot.slot)
        theirs = {file.name: file for file in await source.listing(slot)}
        coming.mkdir(exist_ok=True, mode=0o700)
        ours = {file.name: file for file in await asyncio.to_thread(files_of, coming)}
        for name in ours.keys() - theirs.keys():
            (coming / name).unlink(missing_ok=True)
        for name, file in theirs.items():
            if ours.get(name) != file:
                async with self._copying:
                    await _copied(source, Piece(slot.slot, name), coming)

    async def drop_copy(self, slot: OneSlot) -> None:
        """Throw away what was copied of a slot."""
        async with self._copying:
            await asyncio.to_thread(shutil.rmtree, self._holding.coming(slot.slot), ignore_errors=True)

    async def seal(self, slot: OneSlot) -> None:
        """Change nothing more in the slot; what is being changed is ended first."""
        async with self._changing:
            if self._holding.slots().get(slot.slot) != Held(State.SEALED, slot.peer):
                self._changeable(slot.slot)
                self._holding.set(slot.slot, Held(State.SEALED, slot.peer))

    async def accept(self, slot: OneSlot) -> None:
        """Answer for what was copied."""
        async with self._copying:
            await asyncio.to_thread(self._holding.accept, slot.slot, slot.digest)

    async def release(self, slot: OneSlot) -> None:
        """Answer no more for a slot that was sealed for this peer."""
        held = self._holding.slots().get(slot.slot)
        if slot.peer is None or held != Held(State.SEALED, slot.peer):
            raise InvalidRequest(
                "audience.not_sealed", f"slot {slot.slot} was not sealed for {slot.peer}; seal it first"
            )
        async with self._changing, self._counting:
            reader = self._readers.pop(slot.slot, None)
            if reader is not None:
                reader.close()
            self._holding.release(slot.slot, slot.peer)

    async def open(self, slot: OneSlot) -> None:
        """Take changes in a slot."""
        async with self._changing:
            if self._holding.is_here(slot.slot):
                self._holding.set(slot.slot, Held(State.OPEN))

    def _known(self, key: str, purpose: str) -> Found:
        hash_ = _hash(key)
        slot = slot_of(hash_)
        if not self._holding.is_here(slot):
            return Found(None, self._holding.moved(slot))
        return Found(self._reader(slot).known(hash_.to_bytes(8, "big"), purpose))

    def _reader(self, slot: int) -> SlotReader:
        if slot not in self._readers:
            self._readers[slot] = SlotReader(self._slot(self._holding.folder(slot)))
        return self._readers[slot]

    def _slot(self, folder: Path) -> Slot:
        return Slot(folder, self._opening, self._clock)

    def _changeable(self, slot: int) -> Slot:
        return self._slot(self._holding.changeable(slot))

    def _refresh(self, slot: int) -> None:
        if slot in self._readers:
            self._readers[slot].refresh()

    async def _changed(self, number: int, work: Callable[[Slot, Order], T], order: Order) -> T:
        """Do some work on a slot in the child."""
        async with self._changing:
            slot = self._changeable(number)
            try:
                return await self._beside.run(work, slot, order)
            finally:
                self._refresh(number)


async def _copied(source: AudienceShard, asked: Piece, folder: Path) -> None:
    """Copy one file, under its name only when it is whole."""
    draft = await asyncio.to_thread(begin_copy, folder)
    at = 0
    while content := (await source.piece(msgspec.structs.replace(asked, start=at))).content:
        await asyncio.to_thread(add_copied, draft, content)
        at += len(content)
    await asyncio.to_thread(keep_copied, folder, asked.name, draft)


def _check_part(part: NewPart) -> None:
    check_batch(part.batch)
    try:
        decoded(part.part)
    except msgspec.MsgspecError as error:
        raise InvalidRequest("audience.bad_part", f"part {part.number} of {part.batch}: {error}") from error


def _hash(key: str) -> int:
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "audience.bad_key", f"{key[:20]!r} is no key of a user; one has 16 of 0-9 and a-f"
        )
    return int(key, 16)
