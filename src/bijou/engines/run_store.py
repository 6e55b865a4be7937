"""A sorted table in a folder, for writes that outpace reads: a log and sorted runs."""

import errno
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Self

import msgspec

from bijou.algorithms.runs import (
    DamagedRun,
    Entry,
    Run,
    RunTable,
    SortedRun,
    encode_run,
    frame,
    merge_runs,
    recover,
    runs_due,
)
from bijou.ports import EngineUnavailable
from bijou.runtime.lockfile import hold

_MANIFEST: Final = "manifest.json"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class _Manifest(msgspec.Struct):
    """Which runs count, the newest first, and the first log that does."""

    runs: list[int] = []
    log: int = 0


class RunStore:
    """Keys and values, both bytes, on disk when `write` returns.

    A write is a frame at the end of a log and an entry in memory; nothing on
    disk is changed in place. Once `memory_bytes` are held they become a sorted
    run, and once `fan_in` runs have one size they become one.

    After a crash, kill -9 or a power cut, the store holds what a prefix of the
    writes left, and all that returned; a `write` of several entries is there
    wholly or not at all.

    Surprise: a reader may see a write shortly before it is on disk. The write
    that fills the memory also writes the run, and merges runs where that is
    due, before it returns: most take microseconds and an fsync, a few seconds.

    Cost: one fsync a write, shared by the threads that wait for one; every
    entry is written once to the log and O(log n) times to runs. A key in 32
    and 1.25 bytes a key stay in memory.
    Threads: safe. One process at a time.

    Args:
        folder: Where it is, or shall be.
        memory_bytes: What is held in memory before it becomes a run, > 0.
        fan_in: How many runs of one size become one, > 1.

    Raises:
        Conflict: `runtime.data_dir_held`, another process has the folder.
        EngineUnavailable: `runs.damaged`, what was read is not what was
            written; `runs.full`, the disk is; `runs.unavailable`, a file
            cannot be used, or could not earlier.

    Source: O'Neil and others, "The log-structured merge-tree", 1996.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, RunStore(Path(folder)) as store:
        ...     store.write([(b"a", b"1"), (b"b", b"2")])
        ...     store.delete(b"a")
        ...     store.get(b"a"), list(store.scan())
        (None, [(b'b', b'2')])
    """

    def __init__(self, folder: Path, *, memory_bytes: int = 8 << 20, fan_in: int = 8) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._fan_in = fan_in
        self._buffering = Lock()
        self._disk = Lock()
        self._pending: list[bytes] = []
        self._written = self._synced = 0
        self._broken: EngineUnavailable | None = None
        self._log = -1
        self._names: dict[Run, int] = {}
        with ExitStack() as stack:
            stack.enter_context(hold(folder))
            with self._blaming():
                self._open()
            self._held = stack.pop_all()

    def put(self, key: bytes, value: bytes) -> None:
        """Let `key` have `value`."""
        self.write([(key, value)])

    def delete(self, key: bytes) -> None:
        """Let `key` have no value."""
        self.write([(key, None)])

    def write(self, entries: Sequence[Entry]) -> None:
        """Write all entries or, should the process die, none; None deletes."""
        framed = frame(entries)
        with self._buffering:
            if self._broken is not None:
                raise self._broken
            self._pending.append(framed)
            self._table.write(entries)
            self._written += 1
            ticket = self._written
        with self._disk:
            if self._broken is not None:
                raise self._broken
            with self._blaming():
                # Whoever holds the disk writes for all that wait: one fsync for many.
                if self._synced < ticket:
                    self._append()
                if self._table.memory_bytes >= self._memory_bytes:
                    self._settle()

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        try:
            return self._table.get(key)
        except DamagedRun as error:
            raise _damaged(self._folder, error) from error

    def scan(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) with start <= key < stop in order, as they are now."""
        try:
            yield from self._table.scan(start, stop)
        except DamagedRun as error:
            raise _damaged(self._folder, error) from error

    def sizes_bytes(self) -> list[int]:
        """Return what each run takes on disk, the newest first."""
        return [run.size_bytes for run in self._table.runs]

    def close(self) -> None:
        """Let the folder go; what was written is on disk already."""
        with self._disk:
            self._broken = EngineUnavailable("runs.unavailable", f"{self._folder} was closed")
            if self._log >= 0:
                os.close(self._log)
                self._log = -1
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _append(self) -> None:
        with self._buffering:
            framed, self._pending = b"".join(self._pending), []
            ticket = self._written
        _write_all(self._log, [framed])
        os.fdatasync(self._log)
        self._synced = ticket

    def _settle(self) -> None:
        """Make a run of the memory, begin another log, and merge what is due."""
        with self._buffering:
            framed, self._pending = b"".join(self._pending), []
            frozen = self._table.freeze()
            self._synced = self._written
        _write_all(self._log, [framed])
        os.fdatasync(self._log)
        self._begin_log(self._new_number())
        self._replace([frozen], frozen.entries())
        while due := runs_due(self.sizes_bytes(), least_bytes=self._memory_bytes, fan_in=self._fan_in):
            merging = self._table.runs[:due]
            self._replace(merging, merge_runs(merging, oldest=due == len(self._table.runs)))

    def _replace(self, old: Sequence[Run], entries: Iterable[Entry]) -> None:
        """Write a run, make it part of the store, and forget those that it holds."""
        number = self._new_number()
        path = self._folder / f"{number}.run"
        _write_synced(path, encode_run(entries))
        _sync_folder(self._folder)
        new = _mapped(path)
        self._names[new] = number
        self._table.replace(old, [new])
        self._save_manifest()
        for run in old:
            self._names.pop(run, None)
        self._sweep(self._log_number)

    def _save_manifest(self) -> None:
        """Say which runs and logs count; one rename, so that it is the old or the new."""
        numbers = [self._names[run] for run in self._table.runs if run in self._names]
        staged = self._folder / f"{_MANIFEST}~"
        _write_synced(staged, [msgspec.json.encode(_Manifest(numbers, self._log_number))])
        staged.replace(self._folder / _MANIFEST)
        _sync_folder(self._folder)

    def _new_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _begin_log(self, number: int) -> None:
        log = os.open(self._folder / f"{number}.log", _APPEND, 0o644)
        _sync_folder(self._folder)
        if self._log >= 0:
            os.close(self._log)
        self._log, self._log_number = log, number

    def _open(self) -> None:
        """Take up what a manifest names, then all that the logs say after it."""
        path = self._folder / _MANIFEST
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest) if path.exists() else _Manifest()
        self._names = {_mapped(self._folder / f"{number}.run"): number for number in manifest.runs}
        self._table = RunTable([*self._names])
        numbers = sorted(self._numbers("log"))
        self._last_number = max([manifest.log, *manifest.runs, *numbers])
        live = [number for number in numbers if number >= manifest.log]
        for number in live:
            self._replay(self._folder / f"{number}.log", is_last=number == live[-1])
        self._begin_log(live[-1] if live else self._new_number())
        self._sweep(manifest.log)

    def _replay(self, path: Path, *, is_last: bool) -> None:
        content = path.read_bytes()
        batches, whole_bytes = recover(content)
        for entries in batches:
            self._table.write(entries)
        if whole_bytes == len(content):
            return
        if not is_last:
            raise EngineUnavailable(
                "runs.damaged", f"{path} is torn at byte {whole_bytes}, and a later log exists"
            )
        os.truncate(path, whole_bytes)
        with path.open("rb+") as file:
            os.fsync(file.fileno())

    def _sweep(self, first_log: int) -> None:
        """Remove what a killed process left and no manifest names."""
        for number in self._numbers("run") - {*self._names.values()}:
            (self._folder / f"{number}.run").unlink()
        for number in self._numbers("log"):
            if number < first_log:
                (self._folder / f"{number}.log").unlink()
        (self._folder / f"{_MANIFEST}~").unlink(missing_ok=True)

    def _numbers(self, suffix: str) -> set[int]:
        return {int(path.stem) for path in self._folder.glob(f"*.{suffix}") if path.stem.isdecimal()}

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        """Turn trouble with files into what the operator is told; after it nothing more is written."""
        try:
            yield
        except OSError as error:
            code = "runs.full" if error.errno in _FULL else "runs.unavailable"
            reason = f"{self._folder}: {error.strerror}; mend that and open the store again"
            self._broken = EngineUnavailable(code, reason)
            raise self._broken from error
        except (DamagedRun, msgspec.MsgspecError) as error:
            self._broken = _damaged(self._folder, error)
            raise self._broken from error


def _damaged(folder: Path, error: Exception) -> EngineUnavailable:
    return EngineUnavailable("runs.damaged", f"{folder}: {error}; restore it from a copy")


def _mapped(path: Path) -> SortedRun:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise DamagedRun(f"{path.name} is empty")
        return SortedRun(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def _write_synced(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, _gathered(pieces))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _gathered(pieces: Iterable[bytes], size_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Join pieces, so that there are fewer system calls."""
    held: list[bytes] = []
    held_bytes = 0
    for piece in pieces:
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes >= size_bytes:
            yield b"".join(held)
            held, held_bytes = [], 0
    yield b"".join(held)


def _write_all(descriptor: int, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
