"""One owner for a data folder at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bijou.ports import Conflict


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Own `data_dir`, made where there is none, until the block ends.

    The kernel lets go by itself when the owner dies, however it dies.

    Raises:
        Conflict: `runtime.data_dir_held`, another process owns it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
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
