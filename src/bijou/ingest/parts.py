"""Files that uploads grow in: one writer each, and joined into one at the end."""

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bijou.ports import EngineUnavailable

SUFFIX = ".part"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNCOPIABLE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW
_PIECE_BYTES = 1 << 20


class PartFile:
    """One part's file, open for writing and locked against every other writer.

    The lock is the kernel's (flock), so that it goes with its process however
    that ends, and a file whose writer was killed can be written on.

    Threads: one at a time.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def cut(self, size_bytes: int) -> None:
        """Forget what lies behind these first bytes, and write on there."""
        os.ftruncate(self._descriptor, size_bytes)
        os.lseek(self._descriptor, size_bytes, os.SEEK_SET)

    def write(self, content: bytes) -> None:
        """Append; EngineUnavailable `ingest.disk_full` where there is no room."""
        with blaming_the_disk():
            view = memoryview(content)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        """Return when what was written will outlive a power cut."""
        with blaming_the_disk():
            os.fdatasync(self._descriptor)

    def head(self, size_bytes: int) -> bytes:
        """Return the first bytes."""
        return os.pread(self._descriptor, size_bytes, 0)

    def copy_in(self, source: Path, size_bytes: int, at: int) -> None:
        """Put the first bytes of another file at an offset of this one; doing it again is harmless.

        Cost: where the file system shares blocks, next to none; else the kernel copies.
        """
        with blaming_the_disk(), _read(source) as file:
            done = 0
            while done < size_bytes:
                copied = _copied(file.fileno(), self._descriptor, done, at + done, size_bytes - done)
                if copied == 0:
                    raise part_lost(source, f"has {done} bytes of the {size_bytes} that were kept")
                done += copied

    def sha256(self) -> str:
        """Return the fingerprint of the whole file."""
        digest, at = hashlib.sha256(), 0
        while piece := os.pread(self._descriptor, _PIECE_BYTES, at):
            digest.update(piece)
            at += len(piece)
        return digest.hexdigest()

    def close(self) -> None:
        """Let others write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()  # whoever opened it may have been cancelled before it got it


def created(path: Path) -> PartFile:
    """Make a file that was not there; its name is durable when this returns."""
    with blaming_the_disk():
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
        if not _is_ours(descriptor, path, wait=True):  # a sweep came between the two calls
            os.close(descriptor)
            return created(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return PartFile(path, descriptor)


def locked(path: Path, access: int = os.O_RDWR) -> PartFile | None:
    """Open a file that is there; None where somebody else writes it, or it is gone."""
    try:
        descriptor = os.open(path, access | _OPEN)
    except FileNotFoundError:
        return None
    if not _is_ours(descriptor, path):
        os.close(descriptor)
        return None
    return PartFile(path, descriptor)


def strays(folder: Path, needed: Collection[str]) -> list[PartFile]:
    """Return, locked, the files that are not needed and that nobody writes."""
    others = [path for path in folder.glob(f"*{SUFFIX}") if path.name not in needed]
    return [file for path in others if (file := locked(path, os.O_RDONLY))]  # a stored one is read-only


def _is_ours(descriptor: int, path: Path, *, wait: bool = False) -> bool:
    """Lock a file, and see that it still has its name.

    Args:
        wait: For whoever holds it; otherwise it is not ours.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def remove(folder: Path, names: Iterable[str]) -> None:
    """Unlink files; no error for those that are gone."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def part_lost(path: Path, what: str) -> EngineUnavailable:
    """Return the error for a file that is not what the records say."""
    return EngineUnavailable("ingest.part_lost", f"{path} {what}; abandon the upload and send it again")


@contextlib.contextmanager
def blaming_the_disk() -> Iterator[None]:
    """Turn a full volume into EngineUnavailable `ingest.disk_full`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise EngineUnavailable(
            "ingest.disk_full", "the volume ran full while the file came; make room, then go on"
        ) from error


def _read(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise part_lost(path, "is gone") from None


def _copied(source: int, target: int, source_at: int, target_at: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, count, source_at, target_at)
    except OSError as error:
        if error.errno not in _UNCOPIABLE:
            raise
    return os.pwrite(target, os.pread(source, min(count, _PIECE_BYTES), source_at), target_at)
