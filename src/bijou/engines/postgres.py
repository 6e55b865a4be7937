"""Records on PostgreSQL: the engine for several machines."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from bijou.ports import BijouError, Conflict, EngineUnavailable, InvalidRequest

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_RUN_AGAIN: Final = {"40001", "40P01"}  # could not be ordered with another; waited for each other
_LOCK_TROUBLE: Final = {"55P03", "57014", "25P03"}  # a lock, a statement, an idle transaction took too long
_FULL: Final = {"53100", "53200"}  # no disk, no memory
# Too many connections, shutting down, starting up, a standby, no such database or user, connection trouble.
_STORE_TROUBLE: Final = {"25006", "3D000", "28000", "28P01"}
_STORE_CLASSES: Final = {"08", "53", "57", "58", "XX"}
_ATTEMPTS: Final = 10


class PostgresRecords:
    """`Records` in one PostgreSQL database, for any number of processes.

    A write that the database gives up because another one stands in its way is
    run again, so `work` may run more than once. A restart of the database
    fails what is running with `EngineUnavailable`, which may have been
    committed all the same; the next call connects anew. A transaction whose
    process is frozen is ended by the database, so it cannot hold up others.

    Cost: a hop to a thread, a round trip to find out whether the connection
    still lives, and those of the statements; a durable write is one flush of
    the server's log, which several writers share.
    Threads: any event loop may call.

    Args:
        address: `postgresql://user:password@host:port/database`; a folder with
            the server's socket may be given as `?host=/folder`.
        serial: Whether writes behave as if they ran one after another, as they
            do on SQLite. Without it, `work` sees what others commit meanwhile,
            and must lock the rows that it relies on.
        connections: Transactions at the same time, >= 1.
        busy_timeout_s: Seconds to wait for another transaction's lock, or for
            a process that keeps one open and is silent.

    Raises:
        EngineUnavailable: `records.no_driver`, psycopg is not installed.
        InvalidRequest: `records.bad_address`.
    """

    def __init__(
        self, address: str, *, serial: bool = True, connections: int = 4, busy_timeout_s: float = 5.0
    ) -> None:
        url = database_url(address)
        self._name = url.render_as_string(hide_password=True).replace("+psycopg", "")
        engine = _engine(url, connections, busy_timeout_s)
        writing = "SERIALIZABLE" if serial else "READ COMMITTED"
        self._engine = engine
        self._writer = engine.execution_options(isolation_level=writing)
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="records-postgres")
        self._closed = False

    async def read(self, work: "Callable[[Connection], T]") -> T:
        """Run `work` on one consistent snapshot; it may not write.

        Raises:
            EngineUnavailable: `records.unavailable`, the database cannot be used.
        """
        return await self._run(self._reader, work)

    async def write(self, work: "Callable[[Connection], T]") -> T:
        """Run `work`, perhaps again, and commit before returning; roll back if it raises.

        Raises:
            Conflict: `records.locked`, others stood in the way too long.
            EngineUnavailable: `records.full` or `records.unavailable`.
        """
        return await self._run(self._writer, work)

    async def close(self) -> None:
        """Finish what is running and let the connections go."""
        self._closed = True
        await asyncio.to_thread(self._let_go)

    async def _run(self, engine: "Engine", work: "Callable[[Connection], T]") -> T:
        if self._closed:
            raise EngineUnavailable(
                "records.unavailable", f"the records {self._name} are closed; we are stopping"
            )
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, engine, work)

    def _transact(self, engine: "Engine", work: "Callable[[Connection], T]") -> T:
        for _ in range(_ATTEMPTS):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if sqlstate_of(error) in _RUN_AGAIN:
                    continue
                trouble = trouble_of(error, self._name)
                if trouble is None:
                    raise
                raise trouble from error
        raise Conflict("records.locked", f"{_ATTEMPTS} runs on {self._name} met other writes; try again")

    def _let_go(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()


def database_url(address: str) -> URL:
    """Return SQLAlchemy's form of an address.

    Raises:
        EngineUnavailable: `records.no_driver`.
        InvalidRequest: `records.bad_address`.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra, imported where it is used
    except ImportError as error:
        raise EngineUnavailable(
            "records.no_driver", "records on PostgreSQL need psycopg; pip install bijou[postgres]"
        ) from error
    with contextlib.suppress(ArgumentError, ValueError):
        if address.startswith(("postgresql://", "postgres://")):
            return make_url(address).set(drivername="postgresql+psycopg")
    raise InvalidRequest(
        "records.bad_address", "records are at postgresql://user:password@host:port/database, not at this"
    )


def sqlstate_of(error: DBAPIError) -> str:
    """Return the five characters that PostgreSQL gave; empty where it did not answer."""
    return getattr(error.orig, "sqlstate", None) or ""


def trouble_of(error: DBAPIError, name: str) -> BijouError | None:
    """Name what the operator or the caller must do; None where our code is at fault."""
    import psycopg  # noqa: PLC0415 - an extra, imported where it is used

    state = sqlstate_of(error)
    reason = str(error.orig).strip().partition("\n")[0]
    if state in _FULL:
        return EngineUnavailable("records.full", f"no room left on the server of {name}: {reason}")
    if state in _LOCK_TROUBLE:
        return Conflict("records.locked", f"another transaction holds what is wanted in {name}; try again")
    lost = error.connection_invalidated or (not state and isinstance(error.orig, psycopg.OperationalError))
    if lost or state in _STORE_TROUBLE or state[:2] in _STORE_CLASSES:
        return EngineUnavailable("records.unavailable", f"the records {name} cannot be used: {reason}")
    return None


def _engine(url: URL, connections: int, busy_timeout_s: float) -> "Engine":
    busy_ms = round(busy_timeout_s * 1000)
    session = {
        "lock_timeout": busy_ms,
        "idle_in_transaction_session_timeout": busy_ms,
        "timezone": "UTC",
    }
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "application_name": f"bijou {os.getpid()}",
            "connect_timeout": max(2, round(busy_timeout_s)),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        },
    )
