"""Where the in-memory file system keeps what is cold: one file without a name."""

import contextlib
import ctypes
import errno
import os
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import Final, Self

from bijou.memfs import Bytes

SLOT_BYTES: Final = 4096

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_UNNAMED: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT})
# From linux/falloc.h: give blocks back, and leave the length of the file alone.
_PUNCH_HOLE: Final = 0x02 | 0x01


class FileSpill:
    """`memfs.Spill` in one file that has no name, so that no death leaves it behind.

    Read and written by offset, not mapped: where the disk is full or fails,
    a mapping kills the process by a signal; here it is an OSError. What was
    freed is given back to the disk at once, and its place used again.

    Cost: a store or load is one system call on its bytes, rounded up to 4 KiB
    on the disk; some 100 bytes of memory for each that is stored.
    Threads: safe; only places are handed out under a lock.

    Args:
        folder: Must exist; its disk is the one that fills.

    Raises:
        OSError: the folder cannot be written to; of `store`: ENOSPC, and
            nothing is kept; of `load`: EIO, the bytes are gone.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, FileSpill(Path(folder)) as spill:
        ...     token = spill.store(b"cold")
        ...     spill.load(token), list(Path(folder).iterdir())
        (b'cold', [])
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = _nameless_file(folder)
        self._lock = threading.Lock()
        self._end = 0
        self._stored_bytes = 0
        self._lengths: dict[int, int] = {}
        self._free: defaultdict[int, list[int]] = defaultdict(list)

    def store(self, data: Bytes) -> int:
        """Keep bytes; the token is their offset in the file."""
        slot_bytes = _slot_bytes(len(data))
        offset = self._take(slot_bytes)
        try:
            _write_all(self._descriptor, data, offset)
        except OSError as error:
            self._give_back(offset, slot_bytes)
            if error.errno in _FULL:
                raise OSError(
                    errno.ENOSPC,
                    f"no room for {len(data)} bytes more of the spill, which holds {self._stored_bytes}",
                    str(self.folder),
                ) from error
            raise
        with self._lock:
            self._lengths[offset] = len(data)
            self._stored_bytes += len(data)
        return offset

    def load(self, token: int) -> bytes:
        """Return the bytes of a token."""
        length = self._lengths[token]
        data = os.pread(self._descriptor, length, token)
        while len(data) < length:
            more = os.pread(self._descriptor, length - len(data), token + len(data))
            if not more:
                raise OSError(errno.EIO, f"the spill lost {length} bytes at {token}", str(self.folder))
            data += more
        return data

    def free(self, token: int) -> None:
        """Forget the bytes of a token."""
        with self._lock:
            length = self._lengths.pop(token)
            self._stored_bytes -= length
        self._give_back(token, _slot_bytes(length))

    @property
    def room_bytes(self) -> int:
        """Bytes that the disk has left for us."""
        found = os.fstatvfs(self._descriptor)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        """Let the file and all that is in it go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _take(self, slot_bytes: int) -> int:
        with self._lock:
            if free := self._free[slot_bytes]:
                return free.pop()
            offset, self._end = self._end, self._end + slot_bytes
            return offset

    def _give_back(self, offset: int, slot_bytes: int) -> None:
        _punch_hole(self._descriptor, offset, slot_bytes)
        with self._lock:
            self._free[slot_bytes].append(offset)


def _slot_bytes(length: int) -> int:
    return max(1, -(-length // SLOT_BYTES)) * SLOT_BYTES


def _nameless_file(folder: Path) -> int:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED or not folder.is_dir():
            raise
    descriptor, name = tempfile.mkstemp(prefix=".bijou-spill-", dir=folder)
    with contextlib.suppress(FileNotFoundError):
        Path(name).unlink()
    return descriptor


def _write_all(descriptor: int, data: Bytes, offset: int) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            done += os.pwrite(descriptor, view[done:], offset + done)


def _punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Return blocks to the disk; a file system that cannot keeps them for our next store."""
    _fallocate(descriptor, _PUNCH_HOLE, offset, length)


_fallocate = ctypes.CDLL(None).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_fallocate.restype = ctypes.c_int
