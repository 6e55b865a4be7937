r"""Files of columns: plain arrays behind a JSON head, read in parts and scrubbed in place.

Layout: `BJCOLS1\n`, u64 length of the head, the head (`meta`, and for each
array its name, dtype, count and offset), then the arrays, each at a multiple
of 64. A file appears whole under its name, or not at all.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bijou.ports import EngineUnavailable

Array = NDArray[Any]
_MAGIC: Final = b"BJCOLS1\n"
_ALIGN: Final = 64


class Column(NamedTuple):
    """What a file says of one of its arrays."""

    name: str
    dtype: str
    cells: int


class _Placed(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    count: int
    offset: int


class _Head(msgspec.Struct, frozen=True):
    meta: dict[str, Any]
    arrays: list[_Placed]


class ColumnWriter:
    """Writes a file of columns whose sizes are known, in any order and in parts.

    Nothing stands under `path` before `seal`; a killed writer leaves a `.new`.
    """

    def __init__(self, path: Path, columns: Iterable[Column], meta: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.new")
        placed, head = _head(list(columns), dict(meta or {}))
        self._placed = {each.name: each for each in placed}
        self._file = os.open(self._draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.pwrite(self._file, head, 0)
        os.ftruncate(self._file, max([len(head), *(_end(each) for each in placed)]))

    def write(self, name: str, values: Array, start: int = 0) -> None:
        """Write values of one array from its place `start` on."""
        placed = self._placed[name]
        dtype = np.dtype(placed.dtype)
        raw = _bytes_of(np.ascontiguousarray(values, dtype))
        at = placed.offset + start * dtype.itemsize
        while raw:
            done = os.pwrite(self._file, raw, at)
            raw, at = raw[done:], at + done

    def seal(self) -> None:
        """Put the file on the disk and under its name; `sync_folder` then makes the name last."""
        os.fsync(self._file)
        os.close(self._file)
        self._draft.replace(self._path)


class ColumnFile:
    """A file of columns, opened; parts of arrays are read as they are asked for.

    Threads: any, for reading.

    Raises:
        EngineUnavailable: `audience.damaged`, it is no such file.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self.path = path
        self._file = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            head = self._read_head()
        except (ValueError, msgspec.MsgspecError) as error:
            os.close(self._file)
            raise EngineUnavailable(
                "audience.damaged", f"{path} is no file of columns ({error}); restore it from a backup"
            ) from error
        self.meta = head.meta
        self._placed = {each.name: each for each in head.arrays}
        self._maps: dict[str, Array] = {}

    def _read_head(self) -> _Head:
        start = os.pread(self._file, len(_MAGIC) + 8, 0)
        if start[:8] != _MAGIC:
            raise ValueError(f"it begins with {start[:8]!r}")
        head = msgspec.json.decode(os.pread(self._file, int.from_bytes(start[8:], "little"), 16), type=_Head)
        size = os.fstat(self._file).st_size
        if any(_end(each) > size for each in head.arrays):
            raise ValueError(f"it ends at byte {size:,}, before its arrays do")
        return head

    def __contains__(self, name: object) -> bool:
        return name in self._placed

    def columns(self) -> list[Column]:
        """Return what it holds."""
        return [Column(each.name, each.dtype, each.count) for each in self._placed.values()]

    def count(self, name: str) -> int:
        """Return the length of an array."""
        return self._placed[name].count

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Return a part of an array, copied from the file."""
        placed = self._placed[name]
        stop = placed.count if stop is None else min(stop, placed.count)
        dtype = np.dtype(placed.dtype)
        values = np.empty(max(stop - start, 0), dtype)
        view = _bytes_of(values)
        at = placed.offset + start * dtype.itemsize
        while view:
            done = os.preadv(self._file, [view], at)
            if not done:
                raise EngineUnavailable("audience.damaged", f"{self.path} ends within {name}")
            view, at = view[done:], at + done
        return values

    def mapped(self, name: str) -> Array:
        """Return an array as the kernel's pages show it; for reading here and there."""
        if name not in self._maps:
            placed = self._placed[name]
            self._maps[name] = (
                np.memmap(self.path, placed.dtype, "r", placed.offset, (placed.count,))
                if placed.count
                else np.empty(0, placed.dtype)
            )
        return self._maps[name]

    def overwrite(self, name: str, at: int, values: Array) -> None:
        """Change a few cells in place; for scrubbing what must not be there any more."""
        placed = self._placed[name]
        dtype = np.dtype(placed.dtype)
        raw = np.ascontiguousarray(values, dtype).tobytes()
        os.pwrite(self._file, raw, placed.offset + at * dtype.itemsize)

    def sync(self) -> None:
        """Put what was overwritten on the disk."""
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let the file go; arrays that were handed out stay good."""
        self._maps.clear()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def write_columns(path: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any] | None = None) -> None:
    """Write a file of columns whose arrays are all at hand."""
    writer = ColumnWriter(path, [Column(n, a.dtype.str, len(a)) for n, a in arrays.items()], meta)
    for name, array in arrays.items():
        writer.write(name, array)
    writer.seal()


@contextlib.contextmanager
def opened(path: Path, *, writable: bool = False) -> Iterator[ColumnFile]:
    """Open a file of columns for a while."""
    file = ColumnFile(path, writable=writable)
    try:
        yield file
    finally:
        file.close()


def replace_file(path: Path, content: bytes) -> None:
    """Put new content under a name in one step that outlives a power cut."""
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _head(columns: list[Column], meta: dict[str, Any]) -> tuple[list[_Placed], bytes]:
    """Place the arrays behind a head whose own length depends on their places."""
    room = 256 + len(msgspec.json.encode(meta)) + sum(len(msgspec.json.encode(c)) + 96 for c in columns)
    at, placed = _aligned(room), []
    for name, dtype, count in columns:
        placed.append(_Placed(name, dtype, count, at))
        at = _aligned(_end(placed[-1]))
    head = msgspec.json.encode(_Head(meta, placed))
    return placed, _MAGIC + len(head).to_bytes(8, "little") + head


def _bytes_of(values: Array) -> memoryview:
    raw: Any = values.reshape(-1).view(np.uint8)
    return memoryview(raw)


def _end(placed: _Placed) -> int:
    return placed.offset + placed.count * np.dtype(placed.dtype).itemsize


def _aligned(at: int) -> int:
    return -(-at // _ALIGN) * _ALIGN
