"""The part of a disk that only plans change: what the order in force wants, and what is not replaced yet."""

import asyncio
import contextlib
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from bijou.delivery.cached import Cached
from bijou.delivery.object_files import Kept, ObjectFiles
from bijou.delivery.store import OVERHEAD_BYTES
from bijou.runtime.logs import get_logger

KEEP_FREE_BYTES: Final = 1024**3
"""Bytes of the volume that fills leave free."""

S = TypeVar("S", bound=msgspec.Struct)

_log = get_logger()


class NoRoom(Exception):
    """Nothing more can be held; says why."""


class Reserve:
    """Objects on disk that viewers read and only orders bring and take away.

    What an order does not want leaves when room is needed, what it wants does
    not. Two notes lie beside the objects: the order in force, and what was
    asked for, so that a restart loses neither.

    Threads: one event loop; files are read and written by threads.

    Args:
        folder: Of this edge alone; made where it is not there.
        capacity_bytes: Of objects, 1 KiB each for their keep included; >= 1.
        keep_free_bytes: Of the volume.
    """

    def __init__(self, folder: Path, capacity_bytes: int, keep_free_bytes: int = KEEP_FREE_BYTES) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self.wanted_here = self.wanted_here_bytes = 0
        self.hits = self.hit_bytes = self.damaged = 0
        self._folder = folder
        self._keep_free_bytes = keep_free_bytes
        self._files = ObjectFiles(folder)
        self._held: dict[str, Kept] = {}
        self._wanted: Collection[str] = ()
        self._unwanted: list[str] = []

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, path: str) -> bool:
        return path in self._held

    @property
    def paths(self) -> frozenset[str]:
        """What is held now."""
        return frozenset(self._held)

    async def open(self) -> None:
        """Find what an earlier process has held."""
        for kept in await asyncio.to_thread(self._files.scan):
            self._held[kept.path] = kept
            self.used_bytes += _cost(kept.size_bytes)
        self.prefer(())

    def prefer(self, wanted: Sequence[str]) -> None:
        """Let what is not wanted leave first, what came first before what came last."""
        self._wanted = frozenset(wanted)
        self._unwanted = [path for path in reversed(self._held) if path not in self._wanted]
        sizes = [kept.size_bytes for path, kept in self._held.items() if path in self._wanted]
        self.wanted_here, self.wanted_here_bytes = len(sizes), sum(sizes)

    async def shrink(self, wanted: Sequence[str]) -> None:
        """Let go of what is more than fits, as after a restart with less room: the least wanted first."""
        by_worth = [path for path in wanted if path in self._held]
        leaving = []
        while self.used_bytes > self.capacity_bytes and (self._unwanted or by_worth):
            path = (self._unwanted or by_worth).pop()
            leaving += self._forget(path)
        await asyncio.to_thread(self._files.remove, leaving)

    async def read(self, path: str) -> tuple[Kept, bytes] | None:
        """Return an object, or None where it is not held or not whole."""
        kept = self._held.get(path)
        if kept is None:
            return None
        body = await asyncio.to_thread(self._files.read, kept)
        if body is None:
            if self._held.get(path) is kept:
                self.damaged += 1
                _log.warning("edge.disk_damaged", path=path)
                await asyncio.to_thread(self._files.remove, self._forget(path))
            return None
        self.hits += 1
        self.hit_bytes += kept.size_bytes
        return kept, body

    async def make_room(self, size_bytes: int) -> None:
        """Let go of what is not wanted until an object of that size fits.

        Raises:
            NoRoom: it does not, or the volume is full.
        """
        leaving = []
        while self.used_bytes + _cost(size_bytes) > self.capacity_bytes and self._unwanted:
            leaving += self._forget(self._unwanted.pop())
        free_bytes = await asyncio.to_thread(self._cleared, leaving)
        if self.used_bytes + _cost(size_bytes) > self.capacity_bytes:
            raise NoRoom(f"all {self.capacity_bytes} bytes hold what is wanted")
        if free_bytes - size_bytes < self._keep_free_bytes:
            raise NoRoom(f"the volume has {free_bytes} bytes free; fills leave {self._keep_free_bytes}")

    async def keep(self, cached: Cached) -> None:
        """Hold an object for which there is room.

        Raises:
            NoRoom: it could not be written.
        """
        try:
            kept = await asyncio.to_thread(self._files.write, cached)
        except OSError as error:
            raise NoRoom(f"{cached.representation.path} could not be written: {error.strerror}") from error
        self._forget(kept.path)
        self._held[kept.path] = kept
        self.used_bytes += _cost(kept.size_bytes)
        if kept.path in self._wanted:
            self.wanted_here += 1
            self.wanted_here_bytes += kept.size_bytes

    async def note(self, name: str, value: msgspec.Struct) -> None:
        """Keep a note beside the objects; a restart finds the last one, whole."""
        await asyncio.to_thread(_write_note, self._folder / f"{name}.json", value)

    def note_at_last(self, name: str, value: msgspec.Struct) -> None:
        """Keep a note when there is no time to wait for a thread."""
        _write_note(self._folder / f"{name}.json", value)

    async def noted(self, name: str, kind: type[S]) -> S | None:
        """Return a note of an earlier process; None where there is none, or it cannot be read."""
        file = self._folder / f"{name}.json"
        try:
            return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("edge.note_unreadable", file=str(file), why=str(error))
            return None

    def _cleared(self, leaving: Sequence[str]) -> int:
        """Remove files; return what is free after that."""
        self._files.remove(leaving)
        return shutil.disk_usage(self._folder).free

    def _forget(self, path: str) -> list[str]:
        """Return the path where it was held."""
        kept = self._held.pop(path, None)
        if kept is None:
            return []
        self.used_bytes -= _cost(kept.size_bytes)
        if path in self._wanted:
            self.wanted_here -= 1
            self.wanted_here_bytes -= kept.size_bytes
        return [path]


def _cost(size_bytes: int) -> int:
    return size_bytes + OVERHEAD_BYTES


def _write_note(file: Path, value: msgspec.Struct) -> None:
    draft = file.with_suffix(".new")
    try:
        draft.write_bytes(msgspec.json.encode(value))
        draft.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        _log.warning("edge.note_not_kept", file=str(file), why=error.strerror)
