"""Open files: each with a position of its own."""

import errno
import io
from typing import TYPE_CHECKING

from bijou.memfs.budget import Bytes
from bijou.memfs.content import END_OF_FILES, File, Piece, copied, views
from bijou.memfs.faults import fault
from bijou.memfs.nodes import Stat
from bijou.memfs.opening import How, cut, put
from bijou.memfs.volume import Caller

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Handle(io.RawIOBase):
    """An open file, unbuffered; works wherever a binary file object is asked for.

    Two handles on one file have two positions. A file that was deleted lives
    as long as a handle on it.

    Cost: reads copy once, outside the file's lock, or not at all: `views`, and
    reads of exactly one full extent.
    Threads: safe; threads that share a handle share its position, and no two
    read the same bytes or write over each other's.
    """

    def __init__(self, caller: Caller, file: File, how: How, path: str, position: int) -> None:
        super().__init__()
        self._caller = caller
        self._file = file
        self._how = how
        self._position = position
        self.name = path

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self._how.reads

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._how.writes

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes from the position on, all of them by default."""
        self._require(reads=True)
        with self._file.lock:
            start = self._position
            stop = self._stop(start, size)
            pieces = self._file.pieces(start, stop)
            self._position = max(start, stop)
        return self._copied(pieces)

    def readall(self) -> bytes:
        """Return the rest."""
        return self.read()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer as far as the file goes, and return how far."""
        with memoryview(buffer).cast("B") as target:
            data = self.read(len(target))
            target[: len(data)] = data
            return len(data)

    def pread(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from an offset on; the position stays."""
        self._require_offset(offset)
        self._require(reads=True)
        with self._file.lock:
            pieces = self._file.pieces(offset, self._stop(offset, size))
        return self._copied(pieces)

    def views(self, size: int = -1, offset: int = 0) -> list[memoryview]:
        """Return bytes where they lie, without a copy, for writev or sendmsg.

        They never change: who writes there next pays for a copy of an extent.
        """
        self._require_offset(offset)
        self._require(reads=True)
        budget = self._file.budget
        with self._file.lock:
            pieces = self._file.pieces(offset, self._stop(offset, size), seal=True)
        found = views(pieces, budget)
        budget.settle()
        return found

    def write(self, data: "ReadableBuffer") -> int:
        """Write all of it at the position, or at the end if opened for appending."""
        return self._put(as_bytes(data), None)

    def pwrite(self, data: "ReadableBuffer", offset: int) -> int:
        """Write all of it at an offset; the position stays.

        As on Linux, a handle opened for appending appends all the same.
        """
        self._require_offset(offset)
        return self._put(as_bytes(data), offset)

    def truncate(self, size: int | None = None) -> int:
        """Let the file end at `size`, by default at the position, which stays."""
        self._require(writes=True)
        volume, file = self._caller.volume, self._file
        now = volume.now()
        with volume.gate.shared, file.lock:
            end = self._position if size is None else size
            if end < 0:
                raise fault(errno.EINVAL, self.name, rule=f"{end} is no length")
            cut(self._caller, file, end, now, self.name)
        volume.budget.settle()
        return end

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, also past the end."""
        self._require()
        with self._file.lock:
            origins = {
                io.SEEK_SET: 0,
                io.SEEK_CUR: self._position,
                io.SEEK_END: self._file.size_bytes,
            }
            if whence not in origins or not 0 <= origins[whence] + offset <= END_OF_FILES:
                raise fault(errno.EINVAL, self.name, rule=f"cannot seek by {offset} from {whence}")
            self._position = origins[whence] + offset
            return self._position

    def tell(self) -> int:
        """Return the position."""
        self._require()
        return self._position

    def stat(self) -> Stat:
        """Describe the file."""
        self._require()
        with self._file.lock:
            return self._file.stat()

    def _put(self, data: Bytes, offset: int | None) -> int:
        self._require(writes=True)
        if not data:
            return 0
        volume, file = self._caller.volume, self._file
        now = volume.now()
        volume.budget.settle()
        with volume.gate.shared, file.lock:
            at = self._position if offset is None else offset
            if self._how.append:
                at = file.size_bytes
            put(self._caller, file, at, data, now, self.name)
            if offset is None:
                self._position = at + len(data)
        volume.budget.settle()
        return len(data)

    def _stop(self, start: int, size: int | None) -> int:
        end = self._file.size_bytes
        return end if size is None or size < 0 else min(start + size, end)

    def _copied(self, pieces: list[Piece]) -> bytes:
        data = copied(pieces, self._file.budget)
        self._file.budget.settle()
        return data

    def _require(self, *, reads: bool = False, writes: bool = False) -> None:
        if self.closed:
            raise ValueError(f"{self.name} was closed; open it again")
        if (reads and not self._how.reads) or (writes and not self._how.writes):
            # Two things at once, as Python's own files do it: an OSError with EBADF and a ValueError.
            raise io.UnsupportedOperation(errno.EBADF, "the file is not open for that", self.name)

    def _require_offset(self, offset: int) -> None:
        if offset < 0:
            raise fault(errno.EINVAL, self.name, rule=f"{offset} is no offset")


def as_bytes(data: "ReadableBuffer") -> Bytes:
    """Return any buffer as single bytes."""
    if isinstance(data, bytes | bytearray):
        return data
    view = memoryview(data)
    return view if view.format == "B" and view.contiguous and view.ndim == 1 else view.cast("B")
