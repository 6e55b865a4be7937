"""Records on SQLite: the one-machine engine, one file and one writing process."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError

from bijou.ports import BijouError, Conflict, EngineUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_LOCK_TROUBLE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_STORE_TROUBLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


class SqliteRecords:
    """`Records` in one SQLite file: many readers, one writer, no waiting between them.

    Writes run one after another on one thread, so that inside a process
    nothing ever meets a lock; another process that writes the same file is
    waited for, up to `busy_timeout_s`. A caller that is cancelled while it
    waits gives up the answer, not the transaction: it may still commit.

    Cost: a durable write is one fsync (3 to 6 ms on a plain disk); a read costs
    a hop to a thread, some 0.1 ms.
    Threads: any event loop may call.

    Args:
        path: The file; made where it is missing, its folder is not.
        durable: Whether an acknowledged write outlives a power cut (it always
            outlives a killed process). Only what may be lost turns it off.
        readers: Reads at the same time, >= 1.
        busy_timeout_s: Seconds to wait for another process's write.
    """

    def __init__(
        self, path: Path, *, durable: bool = True, readers: int = 2, busy_timeout_s: float = 5.0
    ) -> None:
        self._path = path
        pragmas = {
            "journal_mode": "WAL",
            "synchronous": "FULL" if durable else "NORMAL",
            "foreign_keys": "ON",
            "busy_timeout": round(busy_timeout_s * 1000),
        }
        self._writer = _engine(path, 1, "BEGIN IMMEDIATE", pragmas)
        self._reader = _engine(path, readers, "BEGIN", {**pragmas, "query_only": "ON"})
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="records-write")
        self._read_threads = ThreadPoolExecutor(readers, thread_name_prefix="records-read")
        self._closed = False

    async def read(self, work: "Callable[[Connection], T]") -> T:
        """Run `work` on one consistent snapshot; it may not write.

        Raises:
            EngineUnavailable: `records.unavailable`, the file cannot be used.
        """
        return await self._run(self._read_threads, self._reader, work)

    async def write(self, work: "Callable[[Connection], T]") -> T:
        """Run `work` and commit before returning; roll back if it raises.

        Raises:
            Conflict: `records.locked`, another process kept the file too long.
            EngineUnavailable: `records.full` or `records.unavailable`.
        """
        return await self._run(self._write_thread, self._writer, work)

    async def close(self) -> None:
        """Finish what is running and let the file go."""
        self._closed = True
        await asyncio.to_thread(self._let_go)

    async def _run(
        self, threads: ThreadPoolExecutor, engine: "Engine", work: "Callable[[Connection], T]"
    ) -> T:
        if self._closed:
            raise EngineUnavailable(
                "records.unavailable", f"the records {self._path} are closed; we are stopping"
            )
        return await asyncio.get_running_loop().run_in_executor(threads, self._transact, engine, work)

    def _transact(self, engine: "Engine", work: "Callable[[Connection], T]") -> T:
        try:
            with engine.begin() as connection:
                return work(connection)
        except (DBAPIError, sqlite3.Error) as error:
            trouble = self._trouble(getattr(error, "orig", error))
            if trouble is None:
                raise
            raise trouble from error

    def _trouble(self, error: BaseException | None) -> BijouError | None:
        """Name what the operator or the caller must do; None where our code is at fault."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # an extended code ends in the plain one
        if code == sqlite3.SQLITE_FULL:
            return EngineUnavailable(
                "records.full", f"no room left to write {self._path}; free space on its volume"
            )
        if code in _LOCK_TROUBLE:
            return Conflict("records.locked", f"another process is writing {self._path}; try again")
        if code in _STORE_TROUBLE:
            return EngineUnavailable(
                "records.unavailable", f"the records {self._path} cannot be used: {error}"
            )
        return None

    def _let_go(self) -> None:
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()


def _engine(path: Path, connections: int, begin: str, pragmas: Mapping[str, object]) -> "Engine":
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin by itself; _begin does
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def _begin(connection: "Connection") -> None:
        connection.exec_driver_sql(begin)

    return engine
