r"""Files of columns: plain arrays behind a JSON head, read in parts and scrubbed in place.

Layout: `BJCOLS1\n`, u64 length of the head, the head (`meta`, and for each
array its name, dtype, count and offset), then the arrays, each at a multiple
of 64. A file appears whole under its name, or not at all; but for one that
grows, by pieces of that layout behind each other, of which each is there once
its first eight bytes are.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

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
        _write_all(self._file, raw, placed.offset + start * dtype.itemsize)

    def seal(self) -> None:
        """Put the file on the disk and under its name; `sync_folder` then makes the name last."""
        os.fsync(self._file)
        os.close(self._file)
        self._draft.replace(self._path)


class _Opened:
    """A file, opened; and its bytes as the kernel's pages show them."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self.descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        self._bytes: Array | None = None

    def head(self, at: int) -> tuple[_Head, int]:
        """Read what stands at the beginning of a piece, and its length; ValueError where none does."""
        start = os.pread(self.descriptor, len(_MAGIC) + 8, at)
        if start[:8] != _MAGIC:
            raise ValueError(f"at byte {at:,} stands {start[:8]!r}")
        length = int.from_bytes(start[8:], "little")
        head = msgspec.json.decode(os.pread(self.descriptor, length, at + 16), type=_Head)
        if any(at + _end(each) > self.size() for each in head.arrays):
            raise ValueError(f"it ends at byte {self.size():,}, before its arrays do")
        return head, 16 + length

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def mapped(self) -> Array:
        if self._bytes is None:
            pages = mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ)
            self._bytes = np.frombuffer(pages, np.uint8)
        return self._bytes

    def close(self) -> None:
        self._bytes = None
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Piece:
    """Arrays behind one head; parts of them are read as they are asked for.

    Threads: any, for reading.
    """

    def __init__(self, file: _Opened, at: int) -> None:
        head, length = file.head(at)
        self.path = file.path
        self.meta = head.meta
        self._file = file
        self._at = at
        self._placed = {each.name: each for each in head.arrays}
        self._length = _aligned(max([length, *map(_end, head.arrays)]))

    def __contains__(self, name: object) -> bool:
        return name in self._placed

    def ends_at(self) -> int:
        """Return where the next piece could begin."""
        return self._at + self._length

    def columns(self) -> list[Column]:
        """Return what it holds."""
        return [Column(each.name, each.dtype, each.count) for each in self._placed.values()]

    def places(self) -> dict[str, tuple[str, int, int]]:
        """Return dtype, length and first byte of each array, for those who read the file elsewhere."""
        return {each.name: (each.dtype, each.count, self._at + each.offset) for each in self._placed.values()}

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
        at = self._at + placed.offset + start * dtype.itemsize
        while view:
            done = os.preadv(self._file.descriptor, [view], at)
            if not done:
                raise EngineUnavailable("audience.damaged", f"{self.path} ends within {name}")
            view, at = view[done:], at + done
        return values

    def mapped(self, name: str) -> Array:
        """Return an array as the kernel's pages show it; for reading here and there."""
        placed = self._placed[name]
        if not placed.count:
            return np.empty(0, placed.dtype)
        raw = self._file.mapped()[self._at + placed.offset : self._at + _end(placed)]
        cells: Array = raw.view(placed.dtype)
        return cells

    def overwrite(self, name: str, at: int, values: Array) -> None:
        """Change a few cells in place; for scrubbing what must not be there any more."""
        placed = self._placed[name]
        dtype = np.dtype(placed.dtype)
        raw = np.ascontiguousarray(values, dtype).tobytes()
        os.pwrite(self._file.descriptor, raw, self._at + placed.offset + at * dtype.itemsize)

    def sync(self) -> None:
        """Put what was overwritten on the disk."""
        os.fdatasync(self._file.descriptor)

    def close(self) -> None:
        """Let the whole file go; arrays that were handed out stay good."""
        self._file.close()


class ColumnFile(Piece):
    """A file of columns, opened; it is its own first piece.

    Raises:
        EngineUnavailable: `audience.damaged`, it is no such file.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        file = _Opened(path, writable=writable)
        try:
            super().__init__(file, 0)
        except (ValueError, msgspec.MsgspecError) as error:
            file.close()
            raise _damaged(path, error) from error

    def pieces(self) -> list[Piece]:
        """Return this and all pieces behind it; EngineUnavailable where one is damaged."""
        found: list[Piece] = [self]
        while found[-1].ends_at() < self._file.size():
            try:
                found.append(Piece(self._file, found[-1].ends_at()))
            except (ValueError, msgspec.MsgspecError) as error:
                raise _damaged(self.path, error) from error
        return found


class GrowingFile:
    """A file of columns on its way: pieces are added, each whole or not at all.

    What a killed writer left behind the last whole piece is cut off. Who opens
    it waits for whoever has it open.

    Args:
        path: May lack: then there are no pieces yet.
        limit: So many pieces are kept at most; later ones are cut off.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        self._file = _Opened(path, writable=True)
        if not self._file.size():
            sync_folder(path.parent)
        fcntl.flock(self._file.descriptor, fcntl.LOCK_EX)
        self.pieces: list[Piece] = []
        with contextlib.suppress(ValueError, msgspec.MsgspecError):
            while limit is None or len(self.pieces) < limit:
                self.pieces.append(Piece(self._file, self._end()))
        os.ftruncate(self._file.descriptor, self._end())

    def _end(self) -> int:
        return self.pieces[-1].ends_at() if self.pieces else 0

    def append(self, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
        """Add a piece; it is on the disk when this returns."""
        at, file = self._end(), self._file.descriptor
        columns = [Column(name, array.dtype.str, len(array)) for name, array in arrays.items()]
        placed, head = _head(columns, dict(meta))
        for each in placed:
            _write_all(file, _bytes_of(np.ascontiguousarray(arrays[each.name])), at + each.offset)
        _write_all(file, memoryview(head)[len(_MAGIC) :], at + len(_MAGIC))
        os.ftruncate(file, at + _aligned(max([len(head), *(_end(each) for each in placed)])))
        os.fsync(file)
        os.pwrite(file, _MAGIC, at)  # from here on it counts
        os.fsync(file)
        self.pieces.append(Piece(self._file, at))

    def sync(self) -> None:
        """Put what was overwritten on the disk."""
        os.fdatasync(self._file.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


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


def _write_all(file: int, raw: memoryview, at: int) -> None:
    while raw:
        done = os.pwrite(file, raw, at)
        raw, at = raw[done:], at + done


def _damaged(path: Path, error: Exception) -> EngineUnavailable:
    return EngineUnavailable(
        "audience.damaged", f"{path} is no file of columns ({error}); restore it from a backup"
    )


def _bytes_of(values: Array) -> memoryview:
    raw: Any = values.reshape(-1).view(np.uint8)
    return memoryview(raw)


def _end(placed: _Placed) -> int:
    return placed.offset + placed.count * np.dtype(placed.dtype).itemsize


def _aligned(at: int) -> int:
    return -(-at // _ALIGN) * _ALIGN
