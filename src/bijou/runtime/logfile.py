"""What a service writes to standard error, kept in a file that cannot grow for ever."""

import contextlib
from pathlib import Path

from bijou.runtime.pipes import Tail


class LogFile:
    """A file that is set aside as `<name>.1` when it is full; one such is kept.

    A full disk loses lines and disturbs nobody.

    Args:
        path: The file; its folder is made.
        limit_bytes: Length at which it is set aside, so both take twice that.
    """

    def __init__(self, path: Path, *, limit_bytes: int = 10_000_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limit_bytes = limit_bytes
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append, and set the file aside where it is full."""
        with contextlib.suppress(OSError):
            self._file.write(data)
            if self._file.tell() >= self._limit_bytes:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class LoggedTail(Tail):
    """Reads a child's standard error into a file, and remembers its end."""

    def __init__(self, log: LogFile | None) -> None:
        super().__init__()
        self._log = log

    def data_received(self, data: bytes) -> None:
        """Write `data` down."""
        super().data_received(data)
        if self._log:
            self._log.write(data)
