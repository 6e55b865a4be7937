"""The in-memory file system as a folder of this machine, by FUSE.

Needs mfusepy (`pip install bijou[fs]`), libfuse 3 and `/dev/fuse`.
"""

import contextlib
import errno
import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from bijou.engines.memfs_operations import Operations
from bijou.engines.memfs_spill import FileSpill
from bijou.memfs import Credentials, MemFS
from bijou.ports import Clock, EngineUnavailable, InvalidRequest

_DEVICE: Final = Path("/dev/fuse")
_UNMOUNT: Final = "fusermount3"
# libfuse 3.12 to 3.14 warn of their own default.
_THREADS: Final = 10
# What libfuse's main returns when its loop ended by a signal.
_ENDED_BY_SIGNAL: Final = 8


class _Driver(Protocol):
    """What we use of mfusepy."""

    FUSE: Any

    def fuse_get_context(self) -> tuple[int, int, int]: ...


def mount(
    fs: MemFS,
    folder: Path,
    clock: Clock,
    *,
    spill: FileSpill | None = None,
    cache_s: float = 1.0,
    ready: Callable[[], object] = lambda: None,
) -> None:
    """Show a tree at a folder until SIGINT, SIGTERM or `fusermount3 -u`.

    The kernel asks who may do what, by the modes and owners of the tree; mounted
    by the superuser it is for all users, otherwise for the one who mounts. What
    a killed process left mounted is taken away at once by a shell that waits
    for that, else by the next mount at the same folder.

    Surprise: where a file that is open is removed or replaced, the tree gets a
    folder for such files at its root, under a name that cannot be typed; only
    Python sees it. If the directory goes too, the file can be read and written
    on, but `fstat` on it raises ESTALE: libfuse has no name to ask by.

    Cost: some 100 us a call of the kernel's; it reads 128 KiB and writes up to 1 MiB by one.
    Threads: call it in the main thread; the tree may be used by others meanwhile.

    Args:
        fs: What to show; a snapshot is read-only.
        folder: An empty folder.
        clock: Stamps what is touched.
        spill: The spill of `fs`, so that `df` counts the room on its disk.
        cache_s: How long the kernel may trust what it knows of a name. Where
            Python changes the tree too, 0 shows that at once.
        ready: Called once the folder can be used, on another thread.

    Raises:
        EngineUnavailable: `memfs.no_driver`, `memfs.no_fuse`, `memfs.not_mounted`.
        InvalidRequest: `memfs.no_folder`, `memfs.mounted`.
    """
    driver = _driver()
    _require_fuse()
    _prepare(folder)
    operations = Operations(fs, caller=lambda: _caller(driver), now=clock.now, spill=spill)
    started: list[bool] = []

    def init(_: str) -> None:
        started.append(True)
        ready()

    operations.init = init
    try:
        with _watched(folder):
            _session(driver)(
                operations,
                str(folder),
                raw_fi=True,
                foreground=True,
                fsname="bijou",
                subtype="memfs",
                default_permissions=True,
                allow_other=os.geteuid() == 0,
                use_ino=True,
                auto_cache=True,
                attr_timeout=cache_s,
                entry_timeout=cache_s,
                max_idle_threads=_THREADS,
            )
    except RuntimeError as error:
        if not started or error.args != (_ENDED_BY_SIGNAL,):
            raise EngineUnavailable(
                "memfs.not_mounted",
                f"{folder} could not be mounted (libfuse ended with {error}); it says why in the line above",
            ) from error


@contextlib.contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Have a dead mount taken away even if we are killed: by a shell that hears it from a pipe.

    libfuse's own `auto_unmount` gives up where it looks a moment too early: it
    wants ENOTCONN, and meets ECONNABORTED. Who lists a mount that is dying
    waits until it is dead, and one that can be listed is not ours.
    """
    script = 'read -r _ || ls "$0" >/dev/null 2>&1 || exec "$@"'
    try:
        watcher = subprocess.Popen(
            ["sh", "-c", script, str(folder), *_unmounting(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError:  # no shell: then the next mount at this folder does it
        yield
        return
    with watcher:
        try:
            yield
        finally:
            watcher.communicate(b"\n")


def _session(driver: _Driver) -> type:
    class Session(driver.FUSE):  # type: ignore[misc,name-defined] # mfusepy is imported late
        """mfusepy's, with what it drops: flags of `rename`, the open file of `truncate`."""

        def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> int:
            names = (path.decode(self.encoding, self.errors) for path in (old, new))
            self.operations.rename(*names, flags)  # without the flags, an exchange would overwrite
            return 0

        def truncate_fuse_3(self, path: bytes | None, length: int, info: Any) -> int:
            name = None if path is None else path.decode(self.encoding, self.errors)
            self.operations.truncate(name, length, info.contents if info else None)
            return 0

    return Session


def _driver() -> _Driver:
    os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")
    try:
        found: Any = importlib.import_module("mfusepy")
    except ImportError as error:
        raise EngineUnavailable("memfs.no_driver", "mounting needs mfusepy; pip install bijou[fs]") from error
    except (OSError, AttributeError) as error:
        raise EngineUnavailable(
            "memfs.no_fuse", "libfuse 3 was not found; install it (Debian: apt install fuse3)"
        ) from error
    driver: _Driver = found
    return driver


def _require_fuse() -> None:
    try:
        os.close(os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise EngineUnavailable(
            "memfs.no_fuse",
            f"{_DEVICE} cannot be opened ({error.strerror}); load the kernel's fuse module, "
            "and in a container hand the device in",
        ) from error
    if os.geteuid() != 0 and shutil.which(_UNMOUNT) is None:
        raise EngineUnavailable(
            "memfs.no_fuse", f"{_UNMOUNT} was not found; install it (Debian: apt install fuse3)"
        )


def _prepare(folder: Path) -> None:
    """Require an empty folder; take away what a killed process left mounted there."""
    try:
        folder.stat()
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            unmount(folder)
    if not folder.is_dir():
        raise InvalidRequest("memfs.no_folder", f"{folder} is not a folder; a mount needs one that is there")
    if folder.is_mount():
        raise InvalidRequest(
            "memfs.mounted", f"something is mounted at {folder} already; unmount it, or take another folder"
        )
    if any(folder.iterdir()):
        raise InvalidRequest("memfs.no_folder", f"{folder} is not empty; a mount would hide what is in it")


def unmount(folder: Path) -> None:
    """Take a mount away, also a dead one; no error where there is none."""
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(_unmounting(folder), check=False, stderr=subprocess.DEVNULL)


def _unmounting(folder: Path) -> list[str]:
    tool = [_UNMOUNT, "-u", "-z", "-q"] if shutil.which(_UNMOUNT) else ["umount", "-l", "-q"]
    return [*tool, "--", str(folder)]


def _caller(driver: _Driver) -> Credentials:
    """Return who asked the kernel; groups matter only to who is not the superuser."""
    uid, gid, pid = driver.fuse_get_context()
    return Credentials(uid, gid, frozenset() if uid == 0 else _groups(pid))


def _groups(pid: int) -> frozenset[int]:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Groups:"):
                return frozenset(map(int, line.split()[1:]))
    return frozenset()
