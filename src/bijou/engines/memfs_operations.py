"""What the kernel asks of the in-memory file system, answered by it."""

import errno
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from bijou.engines.memfs_spill import FileSpill
from bijou.memfs import Credentials, Handle, MemFS, Stat

# libfuse renames a file that is removed while open to such a name, beside it.
_HIDDEN = re.compile(r"\.fuse_hidden[0-9a-f]{16}")
# Where we keep them instead; no name that comes from the kernel decodes to this one.
_GONE: Final = "/\ud800gone"
_PERMISSIONS: Final = 0o7777
_BLOCK_BYTES: Final = 4096
# From linux/fs.h, for renameat2; and from linux/stat.h, for utimensat.
_NOREPLACE: Final = 1
_UTIME_NOW, _UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE


class OpenFile(Protocol):
    """What libfuse tells of an open file."""

    fh: int
    flags: int


class _Opened(NamedTuple):
    file: Handle
    appending: Handle | None


class Operations:
    """The operations of libfuse's high-level interface, for mfusepy.

    Permissions were checked by the kernel (`default_permissions`), so it acts
    as the superuser; new nodes belong to who asked. What has no answer here
    (`flush`, `fsync`, locks, extended attributes) libfuse answers best itself.

    Threads: safe.

    Args:
        fs: The tree.
        caller: Who asks at this moment.
        now: Tells the time in microseconds since 1970.
        spill: The spill of the tree, for `statfs`.

    Raises:
        OSError: every operation, with the errno for the kernel.
    """

    use_ns = True
    init: Callable[[str], None]

    def __init__(
        self,
        fs: MemFS,
        *,
        caller: Callable[[], Credentials],
        now: Callable[[], int],
        spill: FileSpill | None = None,
    ) -> None:
        self._fs = fs
        self._caller = caller
        self._now = now
        self._spill = spill
        self._numbers = itertools.count(1)
        self._opened: dict[int, _Opened] = {}

    def getattr(self, path: str | None, info: OpenFile | None = None) -> dict[str, int]:
        """Describe a node; one that lives only because it is open has no links.

        There is no path where its directory is gone too.
        """
        if path is None:
            assert info is not None, "libfuse gives one of the two"
            return {**_as_stat(self._opened[info.fh].file.stat()), "st_nlink": 0}
        place = _place(path)
        found = _as_stat(self._fs.lstat(place))
        return found if place == path else {**found, "st_nlink": 0}

    def readdir(self, path: str, _: int) -> Iterator[tuple[str, dict[str, int], int]]:
        """List a directory with what `getdents` tells of each name."""
        listed = self._fs.scandir(path)
        # An entry without an inode number would be taken for a removed one.
        dots = [(".", self._fs.lstat(path)), ("..", self._fs.lstat(f"{path}/.."))]
        for name, found in [*dots, *listed]:
            if path != "/" or name != _GONE[1:]:
                yield name, {"st_mode": found.mode, "st_ino": found.ino}, 0

    def readlink(self, path: str) -> str:
        """Return a link's target."""
        return self._fs.readlink(path)

    def mkdir(self, path: str, mode: int) -> None:
        """Make a directory; the kernel has applied the umask."""
        self._as_caller().mkdir(path, mode & _PERMISSIONS)

    def symlink(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        self._as_caller().symlink(target, path)

    def mknod(self, path: str, mode: int, _: int) -> None:
        """Make an empty file; there are no devices and pipes here."""
        if not stat.S_ISREG(mode):
            raise OSError(errno.EPERM, "only files, directories and symbolic links can be made", path)
        self._as_caller().open(path, "x", mode & _PERMISSIONS).close()

    def link(self, path: str, _: str) -> None:
        """Refuse a hard link, as file systems without them do."""
        raise OSError(errno.EPERM, "there are no hard links", path)

    def unlink(self, path: str) -> None:
        """Remove a file or a link."""
        self._fs.unlink(_place(path))

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        self._fs.rmdir(path)

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """Move a name; of the flags of `renameat2` it knows RENAME_NOREPLACE."""
        if flags & ~_NOREPLACE:
            raise OSError(errno.EINVAL, f"rename does not know the flags {flags:#x}", old, None, new)
        place = _place(new)
        if place != new:
            self._fs.makedirs(_GONE, 0o700)
        self._fs.rename(_place(old), place, replace=not flags & _NOREPLACE)

    def chmod(self, path: str, mode: int) -> None:
        """Set permissions."""
        self._fs.chmod(_place(path), mode & _PERMISSIONS)

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is."""
        self._fs.chown(_place(path), uid, gid)

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        """Set instants, given in nanoseconds."""
        accessed, modified = times or (_UTIME_NOW, _UTIME_NOW)
        self._fs.utime(_place(path), accessed_at=self._instant(accessed), modified_at=self._instant(modified))

    def truncate(self, path: str | None, length: int, info: OpenFile | None = None) -> None:
        """Let a file end at a length."""
        if path is not None:
            self._fs.truncate(_place(path), length)
        else:
            assert info is not None, "as above"
            self._opened[info.fh].file.truncate(length)

    def create(self, path: str, mode: int, info: OpenFile) -> None:
        """Make a file and open it; also when Python was quicker, unless that is EEXIST."""
        try:
            file = self._as_caller().open(path, "x+", mode & _PERMISSIONS)
        except FileExistsError:
            if info.flags & os.O_EXCL:
                raise
            self.open(path, info)
        else:
            self._keep(path, file, info)

    def open(self, path: str, info: OpenFile) -> None:
        """Open a file that is there."""
        reads_only = info.flags & os.O_ACCMODE == os.O_RDONLY
        file = self._fs.open(_place(path), "r" if reads_only else "r+")
        if info.flags & os.O_TRUNC:
            file.truncate(0)
        self._keep(path, file, info)

    def read(self, _: str, size: int, offset: int, info: OpenFile) -> bytes:
        """Return bytes at an offset."""
        return self._opened[info.fh].file.pread(size, offset)

    def write(self, _: str, data: bytes, offset: int, info: OpenFile) -> int:
        """Put bytes at an offset, or at the end as it is by now."""
        file, appending = self._opened[info.fh]
        if appending is not None and info.flags & os.O_APPEND:
            return appending.write(data)
        return file.pwrite(data, offset)

    def release(self, _: str, info: OpenFile) -> None:
        """Close a file."""
        for handle in self._opened.pop(info.fh):
            if handle is not None:
                handle.close()

    def statfs(self, _: str) -> dict[str, int]:
        """Tell the room: the budget, and with a spill what its disk has left."""
        used = self._fs.usage()
        taken = used.resident_bytes + used.spilled_bytes
        free = max(0, (used.limit_bytes or 0) - used.resident_bytes)
        free += self._spill.room_bytes if self._spill else 0
        return {
            "f_bsize": _BLOCK_BYTES,
            "f_frsize": _BLOCK_BYTES,
            "f_blocks": -(-taken // _BLOCK_BYTES) + free // _BLOCK_BYTES,
            "f_bfree": free // _BLOCK_BYTES,
            "f_bavail": free // _BLOCK_BYTES,
            "f_namemax": 255,
        }

    def _as_caller(self) -> MemFS:
        return self._fs.acting(self._caller(), umask=0)

    def _keep(self, path: str, file: Handle, info: OpenFile) -> None:
        """Remember an open file; one for appending twice, as a program may change its mind."""
        appending = self._fs.open(_place(path), "a") if info.flags & os.O_APPEND else None
        info.fh = next(self._numbers)
        self._opened[info.fh] = _Opened(file, appending)

    def _instant(self, given_ns: int) -> int | None:
        if given_ns == _UTIME_OMIT:
            return None
        return self._now() if given_ns == _UTIME_NOW else given_ns // 1000


def _place(path: str) -> str:
    """Return where a path is in the tree: as it says, or among what is gone but open."""
    name = path.rpartition("/")[2]
    return f"{_GONE}/{name}" if name[:1] == "." and _HIDDEN.fullmatch(name) else path


def _as_stat(found: Stat) -> dict[str, Any]:
    return {
        "st_ino": found.ino,
        "st_mode": found.mode,
        "st_nlink": found.links,
        "st_uid": found.uid,
        "st_gid": found.gid,
        "st_size": found.size_bytes,
        "st_blksize": _BLOCK_BYTES,
        "st_blocks": -(-found.size_bytes // 512),
        "st_atime": found.accessed_at * 1000,
        "st_mtime": found.modified_at * 1000,
        "st_ctime": found.changed_at * 1000,
    }
