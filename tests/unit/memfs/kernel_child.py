# Below, system calls themselves are compared, not what Path makes of them.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH115, PTH116, PTH208
"""The other side: performs operations in a folder of the real kernel.

The superuser acts inside a chroot, as anybody; an ordinary user as himself,
with the folder's path put before each absolute path. Reads (identity,
operation) from standard input and writes outcomes, both pickled; ends with its
input. Arguments: the folder, used as the root, and `ordinary` to give up being
the superuser.
"""

import ctypes
import errno
import io
import os
import pickle
import stat
import sys
from collections.abc import Callable
from typing import Any

_NOREPLACE = 1
_AT_FDCWD = -100
_ORDINARY = 1001

libc = ctypes.CDLL(None, use_errno=True)
handles: dict[int, io.FileIO] = {}
outside = ""


def real(path: str) -> str:
    return outside + path if path.startswith("/") else path


def shown(found: os.stat_result) -> tuple[int, ...]:
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return found.st_mode, found.st_nlink, found.st_uid, found.st_gid, size


def link_shown(path: str) -> tuple[int, ...]:
    found = shown(os.lstat(path))
    if not stat.S_ISLNK(found[0]):
        return found
    return (*found[:4], len(os.fsencode(os.readlink(path).removeprefix(outside))))


def opened(path: str, how: str, mode: int) -> io.FileIO:
    return io.FileIO(path, how, opener=lambda name, flags: os.open(name, flags, mode))


def whole(path: str, how: str, data: bytes, mode: int) -> int:
    with opened(path, how, mode) as file:
        return file.write(data)


def read(path: str) -> bytes:
    with io.FileIO(path) as file:
        return file.readall()


def rename_to_free(old: str, new: str) -> None:
    if libc.renameat2(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), _NOREPLACE):
        raise OSError(ctypes.get_errno(), "renameat2")


ON_PATH: dict[str, Callable[..., Any]] = {
    "mkdir": os.mkdir,
    "rmdir": os.rmdir,
    "unlink": os.unlink,
    "symlink": os.symlink,
    "readlink": lambda path: os.readlink(path).removeprefix(outside),
    "rename": lambda old, new, _: os.rename(old, new),
    "rename_to_free": lambda old, new, _: rename_to_free(old, new),
    "stat": lambda path: shown(os.stat(path)),
    "lstat": link_shown,
    "listdir": lambda path: sorted(os.listdir(path)),
    "read": read,
    "write": lambda path, data, mode: whole(path, "w", data, mode),
    "append": lambda path, data, mode: whole(path, "a", data, mode),
    "truncate": os.truncate,
    "chmod": os.chmod,
    "chown": lambda path, uid, gid: os.chown(path, -1 if uid is None else uid, gid),
    "access": lambda path, wanted: os.access(path, wanted, effective_ids=True),
}
ON_HANDLE: dict[str, Callable[..., Any]] = {
    "handle_read": lambda file, size: file.read(size),
    "handle_write": lambda file, data: file.write(data),
    "handle_pread": lambda file, size, offset: os.pread(file.fileno(), size, offset),
    "handle_pwrite": lambda file, data, offset: os.pwrite(file.fileno(), data, offset),
    "handle_seek": lambda file, offset, whence: file.seek(offset, whence),
    "handle_truncate": lambda file, size: file.truncate(size),
    "handle_stat": lambda file: shown(os.fstat(file.fileno())),
    "handle_close": lambda _: None,
}


def perform(name: str, *arguments: Any) -> Any:
    if name == "reset":
        return reset()
    arguments = tuple(real(each) if isinstance(each, str) else each for each in arguments)
    if name == "open":
        slot, path, how, mode = arguments
        file = opened(path, how, mode)
        if slot in handles:
            handles[slot].close()
        handles[slot] = file
        return None
    if name in ON_PATH:
        return ON_PATH[name](*arguments)
    held = handles.get(arguments[0])
    return held and ON_HANDLE[name](held, *arguments[1:])


def reset() -> None:
    for file in handles.values():
        file.close()
    handles.clear()
    root = outside or "/"
    if not outside:
        os.chown(root, 0, 0)
    clear(root)
    os.chmod(root, 0o755)


def clear(folder: str) -> None:
    os.chmod(folder, 0o700)
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            clear(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def outcome(name: str, *arguments: Any) -> tuple[str, Any]:
    try:
        return "ok", perform(name, *arguments)
    except io.UnsupportedOperation:
        return "error", errno.EBADF
    except OSError as error:
        return "error", error.errno


def become(uid: int, gid: int, groups: tuple[int, ...], umask: int) -> None:
    os.umask(umask)
    if uid and not outside:
        os.setgroups(groups)
        os.setegid(gid)
        os.seteuid(uid)


def become_superuser() -> None:
    if not outside:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups([])


def may_be_anybody(root: str) -> bool:
    if os.geteuid():
        return False
    try:
        become(_ORDINARY, _ORDINARY, (), 0)
        become_superuser()
        os.chroot(root)
        os.chdir("/")
    except OSError:  # a container may keep these from its superuser
        return False
    return True


def give_up_being_superuser(root: str) -> None:
    if os.geteuid() == 0:
        os.chown(root, _ORDINARY, _ORDINARY)
        os.setgroups([])
        os.setgid(_ORDINARY)
        os.setuid(_ORDINARY)


def main(root: str, wish: str) -> None:
    global outside  # noqa: PLW0603 - the whole of this process is about one folder
    if wish == "ordinary":
        give_up_being_superuser(root)
    if not may_be_anybody(root):
        outside = root
    myself = (os.geteuid(), os.getegid(), tuple(os.getgroups()), 0o022)
    answer((myself if outside else None, counts_subdirectories()))
    while True:
        try:
            identity, operation = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        become(*identity)
        found = outcome(*operation)
        become_superuser()
        answer(found)


def counts_subdirectories() -> bool:
    """Whether the links of a directory tell how many it holds, as on tmpfs and ext4, not on btrfs."""
    os.mkdir(real("/probe"))
    counts = os.stat(outside or "/").st_nlink == 3
    os.rmdir(real("/probe"))
    return counts


def answer(found: Any) -> None:
    pickle.dump(found, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
