"""What a Dask worker does: one block of users, from columns in blobs to bitmaps in blobs."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from pyroaring import BitMap

from bijou.audience.api import (
    Array,
    BitmapWriter,
    Column,
    Definition,
    Dimension,
    Manifest,
    Registry,
    View,
    evaluate_block,
)
from bijou.ports import Blobs, Instant
from bijou.runtime import codec

T = TypeVar("T")

Places = dict[str, tuple[str, int, int]]
"""Dtype, length and first byte of each array of a piece of a file."""


class Files(msgspec.Struct, frozen=True):
    """Where the files of a version lie among the blobs, and what is where in them."""

    under: str
    places: dict[str, list[Places]]


class Plan(msgspec.Struct, frozen=True):
    """What all tasks of one round share.

    Args:
        built: Keys of the bitmaps that the rules build on, by audience.
        under: What the keys of the answers begin with.
    """

    manifest: Manifest
    dimensions: list[Dimension]
    files: Files
    definitions: list[Definition]
    built: dict[str, str]
    now: Instant
    under: str


def evaluate(start: int, *, opening: Callable[[], Blobs], plan_key: str) -> None:
    """Evaluate the plan's rules for one block, and put the bitmaps beside the plan.

    Done again, it puts the same bytes, which changes nothing.
    """
    work = _work_of(opening, plan_key)
    writers = {each.name: BitmapWriter() for each in work.plan.definitions}
    plan = work.plan
    for name, answers in evaluate_block(work.view, start, plan.definitions, work.built, plan.now):
        writers[name].add(start, answers)
    raw = msgspec.msgpack.encode({name: writer.finish() for name, writer in writers.items()})
    work.blobs.put(f"{plan.under}/block-{start:010}", raw)


async def whole(blobs: Blobs, key: str, start: int = 0, stop: int | None = None) -> bytes:
    """Return bytes [start, stop) of a blob."""
    return b"".join([piece async for piece in blobs.read(key, start, stop)])


class _Waiting:
    """Blobs for code that waits."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._runner = asyncio.Runner()

    def read(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return self._run(whole(self._blobs, key, start, stop))

    def put(self, key: str, content: bytes) -> None:
        self._run(self._blobs.put(key, content))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self._runner.close()


class _BlobColumns:
    """`Columns` of a file among the blobs; what is read here and there is fetched once."""

    def __init__(self, blobs: _Waiting, key: str, places: list[Places], scratch: Path) -> None:
        self._blobs = blobs
        self._key = key
        self._places, *self._others = places
        self._scratch = scratch
        self._maps: dict[str, Array] = {}

    def pieces(self) -> list["_BlobColumns"]:
        others = [_BlobColumns(self._blobs, self._key, [each], self._scratch) for each in self._others]
        return [self, *others]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def columns(self) -> list[Column]:
        return [Column(name, dtype, count) for name, (dtype, count, _) in self._places.items()]

    def count(self, name: str) -> int:
        return self._places[name][1]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        dtype, count, offset = self._places[name]
        stop = count if stop is None else min(stop, count)
        if stop <= start:
            return np.empty(0, dtype)
        size = np.dtype(dtype).itemsize
        raw = self._blobs.read(self._key, offset + start * size, offset + stop * size)
        return np.frombuffer(bytearray(raw), dtype)

    def mapped(self, name: str) -> Array:
        if name not in self._maps:
            cells = self.read(name)
            path = self._scratch / f"{len(list(self._scratch.iterdir())):06}"
            cells.tofile(path)
            self._maps[name] = np.memmap(path, cells.dtype, "r") if len(cells) else cells
        return self._maps[name]

    def close(self) -> None:
        self._maps.clear()


class _Work:
    """A plan, opened; kept until another one is asked for."""

    def __init__(self, opening: Callable[[], Blobs], key: str) -> None:
        self.key = key
        self.blobs = _Waiting(opening())
        self.plan = codec.decode(self.blobs.read(key), Plan)
        self._scratch = tempfile.TemporaryDirectory(prefix="block-", dir=_worker_folder())
        files = self.plan.files
        self.view = View(
            Path(files.under),
            self.plan.manifest,
            Registry(self.plan.dimensions),
            lambda path: _BlobColumns(
                self.blobs, str(path), files.places[path.name], Path(self._scratch.name)
            ),
        )
        self.built = {name: BitMap.deserialize(self.blobs.read(at)) for name, at in self.plan.built.items()}

    def close(self) -> None:
        self.view.close()
        self.blobs.close()
        self._scratch.cleanup()


_mine: Final = threading.local()


def _work_of(opening: Callable[[], Blobs], key: str) -> _Work:
    kept: _Work | None = getattr(_mine, "work", None)
    if kept is None or kept.key != key:
        if kept is not None:
            kept.close()
        _mine.work = kept = _Work(opening, key)
    return kept


def _worker_folder() -> str | None:
    """Return the worker's own folder, which its cluster tidies up."""
    from dask.distributed import get_worker  # noqa: PLC0415 - an extra, where it is used

    try:
        return str(get_worker().local_directory)
    except ValueError:
        return None
