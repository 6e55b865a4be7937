"""A journal on SQLite: records that outlive whoever writes them, committed in groups.

`Journal` keeps bytes; `ChangeJournal` keeps the changes of a `History` in one.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol, Self

import msgspec

from bijou.algorithms.undo import Change, Command, History
from bijou.ports import BijouError, Conflict, EngineUnavailable

_APPLICATION = 0x424A4A31  # "BJJ1": a journal of ours in version 1
_SCHEMA = """
CREATE TABLE journal (
  sequence INTEGER PRIMARY KEY,
  record BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT
"""
_PAGE_ROWS = 1000
_ROW_BYTES = 64  # more than what a row holds beside its record
_BUSY_TIMEOUT_S = 1.0


class _Group:
    """Records that are committed together, and the promise made to their writers."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.saved: Future[None] = Future()
        self.saved.set_running_or_notify_cancel()  # one of many who wait may leave; none may cancel it


class Journal:
    """Records in the order of appending, in one SQLite file.

    Appending does not wait; what it returns is done once the record is on
    disk. Records that come while others are being written are committed
    together after them, so that many writers share one fsync. After a kill at
    any moment the file holds a prefix of what was appended, and all of what
    was said to be saved. Each record's checksum covers all before it too, so
    a file that was changed by others is refused, not read.

    One process has it open at a time.

    Cost: an append, some us; a commit, one fsync and the way to another
        thread, for all that waits.
    Threads: any.

    Args:
        path: The file; made where it is missing, its folder is not.
        durable: Whether what is saved outlives a power cut (it always
            outlives a killed process).

    Raises:
        Conflict: `journal.locked`, it is open elsewhere.
        EngineUnavailable: `journal.unavailable`, the file cannot be used;
            `journal.damaged`, it is not what was written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> folder = TemporaryDirectory()
        >>> with Journal(Path(folder.name) / "journal.db") as journal:
        ...     journal.append(b"first").result()
        >>> with Journal(Path(folder.name) / "journal.db") as journal:
        ...     list(journal.records())
        [b'first']
        >>> folder.cleanup()
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._group = _Group()
        self._newest = Future[None]()
        self._newest.set_result(None)
        self._refusal: BijouError | None = None
        self._is_closing = False
        self._reading = threading.Lock()  # the connection is one thread's at a time
        self._connection, self._sequence, self._checksum = _open(path, durable=durable)
        self._most_bytes = self._connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - _ROW_BYTES
        self._writer = threading.Thread(target=self._write_groups, name="journal", daemon=True)
        self._writer.start()

    def append(self, record: bytes) -> "Future[None]":
        """Put a record behind all others; the answer is done once it is saved.

        Where saving fails, the answer says why, and so does every append
        after it: what follows a gap would be worth nothing. Open it again.

        Raises:
            TypeError: It is not bytes.
            ValueError: It is longer than SQLite's rows, a billion bytes.
            EngineUnavailable: `journal.full` or `journal.unavailable`, an
                earlier record could not be saved; or it is closed.
        """
        if not isinstance(record, bytes):
            raise TypeError(f"a record of type {type(record).__name__} cannot be kept; a journal takes bytes")
        if len(record) > self._most_bytes:
            raise ValueError(
                f"a record of {len(record)} bytes cannot be kept; the most is {self._most_bytes}"
            )
        with self._changed:
            if self._refusal:
                raise self._refusal
            group = self._group
            group.records.append(record)
            self._newest = group.saved
            if len(group.records) == 1:
                self._changed.notify()
        return group.saved

    def saved(self) -> "Future[None]":
        """Return what is done once all that was appended so far is saved."""
        with self._changed:
            return self._newest

    def records(self) -> Iterator[bytes]:
        """Yield what is saved, in order.

        Raises:
            EngineUnavailable: `journal.damaged`, a record is not what was
                written; `journal.unavailable`, the file cannot be read.
        """
        sequence = checksum = 0
        while page := self._page(sequence):
            for number, record, told in page:
                sequence, checksum = sequence + 1, zlib.crc32(record, checksum)
                if (number, told) != (sequence, checksum):
                    raise _damaged(self._path, f"record {sequence} is not what was written")
                yield record

    def close(self) -> None:
        """Save what was appended and let the file go."""
        with self._changed:
            self._is_closing = True
            self._refusal = self._refusal or EngineUnavailable(
                "journal.unavailable", f"the journal {self._path} is closed; open it again"
            )
            self._changed.notify()
        self._writer.join()
        with self._reading:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _page(self, after: int) -> list[tuple[int, bytes, int]]:
        try:
            with self._reading:
                return self._connection.execute(
                    "SELECT sequence, record, checksum FROM journal"
                    " WHERE sequence > ? ORDER BY sequence LIMIT ?",
                    (after, _PAGE_ROWS),
                ).fetchall()
        except sqlite3.Error as error:
            raise _trouble(self._path, error) from error

    def _write_groups(self) -> None:
        while group := self._next_group():
            try:
                self._commit(group.records)
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear it
                self._refuse(_trouble(self._path, error), group)
            else:
                group.saved.set_result(None)

    def _next_group(self) -> _Group | None:
        """Wait for records and take all of them; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._group.records or self._is_closing)
            if not self._group.records:
                return None
            group, self._group = self._group, _Group()
            return group

    def _commit(self, records: list[bytes]) -> None:
        rows = []
        for record in records:
            self._sequence += 1
            self._checksum = zlib.crc32(record, self._checksum)
            rows.append((self._sequence, record, self._checksum))
        with self._reading, _transaction(self._connection) as connection:
            connection.executemany("INSERT INTO journal VALUES (?, ?, ?)", rows)

    def _refuse(self, refusal: BijouError, group: _Group) -> None:
        with self._changed:
            self._refusal = refusal
            waiting, self._group = self._group, _Group()
        for refused in (group, waiting):
            refused.saved.set_exception(refusal)


class CommandCodec(Protocol):
    """Writes commands as bytes and reads them back, ready to be executed."""

    def encode(self, command: Command) -> bytes:
        """Return the command as bytes."""
        ...

    def decode(self, data: bytes) -> Command:
        """Return a new command that does what the encoded one did.

        Raises:
            ValueError: It is not what `encode` returns.
        """
        ...


class _Line(msgspec.Struct, array_like=True, omit_defaults=True):
    kind: Literal["do", "merge", "undo", "redo", "clean"]
    serial: int = 0
    commands: list[bytes] = []
    author: str = ""
    label: str = ""
    key: str | None = None


class ChangeJournal:
    """Keeps the changes of a history in a journal, and makes them again.

    `tell` is for the history; wait for `journal.saved()` after a call to know
    that its change is saved. After a restart `replay` into a new history over
    the state as it was before the first change gives the same state, the same
    undo and redo.

    Threads: any.
    """

    def __init__(self, journal: Journal, codec: CommandCodec) -> None:
        self._journal = journal
        self._codec = codec

    def tell(self, change: Change) -> None:
        """Append a change.

        Raises:
            TypeError: It could not be read back: the codec returned no bytes,
                or author, label or key is no str.
        """
        commands = [self._codec.encode(command) for command in change.commands]
        line = _Line(change.kind, change.serial, commands, change.author, change.label, change.key)
        record = msgspec.msgpack.encode(line)
        try:
            msgspec.msgpack.decode(record, type=_Line)
        except msgspec.ValidationError as error:
            raise TypeError(f"the change {change.label!r} cannot be kept: {error}") from error
        self._journal.append(record)

    def replay(self, history: History) -> int:
        """Make all changes that are saved again; return how many.

        Raises:
            EngineUnavailable: `journal.damaged`, a record is no change that
                could follow the others.
        """
        number = 0
        for number, record in enumerate(self._journal.records(), 1):
            try:
                line = msgspec.msgpack.decode(record, type=_Line)
                commands = tuple(map(self._codec.decode, line.commands))
                history.apply(Change(line.kind, line.serial, commands, line.author, line.label, line.key))
            except (ValueError, msgspec.MsgspecError) as error:
                raise EngineUnavailable(
                    "journal.damaged", f"record {number} cannot be made again: {error}"
                ) from error
        return number


def _open(path: Path, *, durable: bool) -> tuple[sqlite3.Connection, int, int]:
    """Open the file for us alone, as a journal; return its last sequence and checksum, too."""
    try:
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _trouble(path, error) from error
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        with _transaction(connection):
            _check_kind(connection, path)
        return connection, *_tail(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise _trouble(path, error) from error
        raise


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == _APPLICATION:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application or tables:
        raise _damaged(path, "it is another kind of SQLite file")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(_SCHEMA)


def _tail(connection: sqlite3.Connection) -> tuple[int, int]:
    row = connection.execute("SELECT sequence, checksum FROM journal ORDER BY sequence DESC LIMIT 1")
    sequence, checksum = row.fetchone() or (0, 0)
    return sequence, checksum


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _damaged(path: Path, problem: str) -> EngineUnavailable:
    return EngineUnavailable("journal.damaged", f"the journal {path}: {problem}; restore it from a backup")


def _trouble(path: Path, error: Exception) -> BijouError:
    """Name what the operator must do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # an extended code ends in the plain one
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Conflict(
            "journal.locked", f"the journal {path} is open elsewhere; it has one writer at a time"
        )
    if code == sqlite3.SQLITE_FULL:
        return EngineUnavailable("journal.full", f"no room left to write {path}; free space on its volume")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, str(error))
    return EngineUnavailable("journal.unavailable", f"the journal {path} cannot be used: {error}")
