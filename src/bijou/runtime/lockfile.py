"""One owner for a data folder at a time."""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from bijou.ports import Conflict, EngineUnavailable


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Own `data_dir` until the block ends; made, for its owner's eyes only, where there is none.

    The kernel lets go by itself when the owner dies, however it dies.

    Raises:
        Conflict: `runtime.data_dir_held`, another process owns it.
        EngineUnavailable: `runtime.data_dir_unusable`, it cannot be made or written.
    """
    handle = _opened(data_dir)
    try:
        try:
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_WRLCK))
        except (BlockingIOError, PermissionError):
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise Conflict(
                "runtime.data_dir_held",
                f"{data_dir} is in use by bijou's process {owner}; stop that one, or choose another folder",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def held(data_dir: Path) -> bool:
    """Tell whether a living process owns `data_dir`, without getting in the way of one that would."""
    try:
        handle = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _whole_file(fcntl.F_WRLCK))
    finally:
        os.close(handle)
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


# struct flock of 64-bit Linux: type, whence, start, length, and a process id that must be 0.
# Locks of an open file, unlike those of flock(2), can be asked for without being taken.
_FLOCK = struct.Struct("hhqqi0q")


def _whole_file(kind: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)


def _opened(data_dir: Path) -> int:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise EngineUnavailable(
            "runtime.data_dir_unusable",
            f"{data_dir} cannot hold data: {error.strerror}; name another folder, an installation's with "
            "--house-data-dir",
        ) from error
