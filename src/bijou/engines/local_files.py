"""Reading and writing files of this machine, as the engines of `Blobs` do it."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from bijou.ports import EngineUnavailable, InvalidRequest

PIECE_BYTES: Final = 256 * 1024
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def opened_source(path: Path) -> Iterator[int]:
    """Open what is to be stored; InvalidRequest `blobs.unreadable` for all but a readable regular file."""
    try:
        descriptor = os.open(path, READ | os.O_NONBLOCK)
    except OSError as error:
        raise InvalidRequest("blobs.unreadable", f"{path} cannot be stored: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidRequest("blobs.unreadable", f"{path} cannot be stored: it is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def pieces_of(descriptor: int) -> Iterator[bytes]:
    """Yield a file in pieces of 256 KiB."""
    at = 0
    while piece := os.pread(descriptor, PIECE_BYTES, at):
        yield piece
        at += len(piece)


def write_new(path: Path, pieces: Iterable[bytes], seal: Callable[[int], None] = os.fsync) -> None:
    """Write a file that was not there, `seal` it, and leave nothing behind where that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
        seal(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def blaming_the_disk(key: str) -> Iterator[None]:
    """Turn an OSError into EngineUnavailable: `blobs.full` where space is what lacks."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise EngineUnavailable(
                "blobs.full", f"{key}: no space is left for it; free some and put it again"
            ) from error
        raise EngineUnavailable("blobs.unavailable", f"{key}: {error.strerror}") from error
