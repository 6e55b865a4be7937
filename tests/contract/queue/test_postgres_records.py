"""What `PostgresRecords` promises, with a server that comes and goes."""

import asyncio
import builtins
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import count as counted
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from bijou.ads.model.partitions import make_ahead
from bijou.app import schema
from bijou.engines.postgres import PostgresRecords, database_url
from bijou.ports import Conflict, EngineUnavailable, InvalidRequest
from tests.contract.queue.postgres_server import PostgresServer
from tests.contract.test_migrations import GOOD

pytestmark = pytest.mark.anyio

_NUMBERS = counted()


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    return postgres.make(f"records{next(_NUMBERS)}")


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may mistreat."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
async def records(address: str) -> AsyncIterator[PostgresRecords]:
    records = PostgresRecords(address, busy_timeout_s=30)  # a slow machine is not silence
    await records.write(make_notes)
    yield records
    await records.close()


def make_notes(db: Connection) -> None:
    db.execute(text("CREATE TABLE notes (n BIGINT PRIMARY KEY)"))


def add(db: Connection, n: int) -> None:
    db.execute(text("INSERT INTO notes VALUES (:n)"), {"n": n})


def count(db: Connection) -> int:
    return int(db.execute(text("SELECT count(*) FROM notes")).scalar_one())


async def test_a_write_is_read_back_at_once_and_a_raise_rolls_it_back(records: PostgresRecords) -> None:
    def work(db: Connection) -> None:
        add(db, 2)
        db.execute(text("CREATE TABLE others (n BIGINT)"))
        raise KeyError("on purpose")

    await records.write(lambda db: add(db, 1))
    with pytest.raises(KeyError):
        await records.write(work)
    with pytest.raises(IntegrityError):
        await records.write(lambda db: add(db, 1))

    assert await records.read(count) == 1
    with pytest.raises(DBAPIError, match="does not exist"):
        await records.read(lambda db: db.execute(text("SELECT * FROM others")))


async def test_a_read_sees_one_snapshot_while_others_write(records: PostgresRecords) -> None:
    loop = asyncio.get_running_loop()
    seen, written = asyncio.Event(), threading.Event()

    def work(db: Connection) -> tuple[int, int]:
        before = count(db)
        loop.call_soon_threadsafe(seen.set)
        assert written.wait(10)
        return before, count(db)

    reading = asyncio.create_task(records.read(work))
    await seen.wait()
    await records.write(lambda db: add(db, 1))
    written.set()

    assert await reading == (0, 0)


async def test_a_read_may_not_write(records: PostgresRecords) -> None:
    with pytest.raises(EngineUnavailable):
        await records.read(lambda db: add(db, 1))

    assert await records.read(count) == 0


async def test_concurrent_writers_of_serial_records_behave_as_one_after_another(
    records: PostgresRecords,
) -> None:
    def read_then_add(db: Connection) -> int:
        n = count(db)
        add(db, n)
        return n

    numbers: list[int] = []
    for _ in range(5):
        numbers += await asyncio.gather(*(records.write(read_then_add) for _ in range(3)))

    assert sorted(numbers) == list(range(15))


async def test_two_writes_that_wait_for_each_other_are_both_done(address: str) -> None:
    records = PostgresRecords(address, serial=False)
    await records.write(make_notes)
    await records.write(lambda db: add(db, 1))
    await records.write(lambda db: add(db, 2))
    met = threading.Barrier(2)
    begun: list[int] = []

    def work(db: Connection, first: int, second: int) -> None:
        runs_again = first in begun
        begun.append(first)
        db.execute(text("SELECT n FROM notes WHERE n = :n FOR UPDATE"), {"n": first})
        if not runs_again:
            met.wait(10)
        db.execute(text("SELECT n FROM notes WHERE n = :n FOR UPDATE"), {"n": second})

    await asyncio.gather(records.write(lambda db: work(db, 1, 2)), records.write(lambda db: work(db, 2, 1)))
    await records.close()

    assert set(begun) == {1, 2}
    assert len(begun) >= 3  # and a fourth time, where the one that ran again overtook the one that waited


async def test_a_transaction_that_holds_a_lock_too_long_is_a_conflict(
    records: PostgresRecords, address: str
) -> None:
    impatient = PostgresRecords(address, busy_timeout_s=0.2)
    other = psycopg.connect(address)
    other.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(Conflict) as refusal:
        await impatient.write(lambda db: add(db, 1))
    await impatient.close()
    other.rollback()
    other.close()

    assert refusal.value.code == "records.locked"
    await records.write(lambda db: add(db, 1))


async def test_a_frozen_process_cannot_keep_a_transaction(records: PostgresRecords, address: str) -> None:
    frozen = PostgresRecords(address, busy_timeout_s=0.5)
    ended = asyncio.Event()
    loop, thawed = asyncio.get_running_loop(), threading.Event()

    def freeze(db: Connection) -> None:
        db.execute(text("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"))
        loop.call_soon_threadsafe(ended.set)
        assert thawed.wait(10)
        add(db, 1)

    freezing = asyncio.create_task(frozen.write(freeze))
    await ended.wait()
    await records.write(lambda db: add(db, 2))
    thawed.set()

    with pytest.raises((Conflict, EngineUnavailable)):
        await freezing
    assert await records.read(count) == 1
    await frozen.close()


async def test_a_restart_is_unavailable_and_then_all_is_well(own_postgres: PostgresServer) -> None:
    records = PostgresRecords(own_postgres.address(), connections=2)
    await records.write(make_notes)
    await asyncio.gather(*(records.write(lambda db, n=n: add(db, n)) for n in range(4)))  # type: ignore[misc]

    own_postgres.stop()
    for work in (records.read, records.write):
        with pytest.raises(EngineUnavailable) as refusal:
            await work(count)
        assert refusal.value.code == "records.unavailable"
    own_postgres.start()

    assert await asyncio.gather(*(records.read(count) for _ in range(4))) == [4] * 4
    own_postgres.stop()
    own_postgres.start()
    await records.write(lambda db: add(db, 4))
    assert await records.read(count) == 5
    await records.close()


async def test_a_restart_in_the_middle_of_a_write_is_unavailable(own_postgres: PostgresServer) -> None:
    records = PostgresRecords(own_postgres.address())

    def work(db: Connection) -> None:
        make_notes(db)
        own_postgres.stop()
        add(db, 1)

    with pytest.raises(EngineUnavailable):
        await records.write(work)
    own_postgres.start()
    await records.write(make_notes)
    await records.close()


async def test_a_database_that_is_not_there_is_unavailable_and_no_password_is_told(
    postgres: PostgresServer,
) -> None:
    address = postgres.address("nowhere").replace("postgres@", "postgres:secret@")
    records = PostgresRecords(address)
    with pytest.raises(EngineUnavailable, match="nowhere") as refusal:
        await records.read(count)
    await records.close()

    assert "secret" not in str(refusal.value)
    with pytest.raises(EngineUnavailable) as refusal:
        schema.upgrade(address)
    assert "secret" not in str(refusal.value)


async def test_after_close_nothing_is_done(records: PostgresRecords) -> None:
    await records.close()

    with pytest.raises(EngineUnavailable, match="stopping"):
        await records.read(count)


def test_an_address_of_something_else_is_refused() -> None:
    for address in ("mysql://root@127.0.0.1/x", "records.db", "postgresql://h:port/x"):
        with pytest.raises(InvalidRequest) as refusal:
            PostgresRecords(address)
        assert refusal.value.code == "records.bad_address"


def test_a_missing_driver_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_psycopg(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "psycopg")
    monkeypatch.setattr(builtins, "__import__", without_psycopg)

    with pytest.raises(EngineUnavailable, match=r"pip install bijou\[postgres\]"):
        PostgresRecords("postgresql://127.0.0.1/bijou")


def test_tables_go_up_and_down_with_data_in(address: str) -> None:
    assert schema.version_of(address) == ""
    schema.upgrade(address)
    schema.upgrade(address)
    assert schema.version_of(address) == schema.HEAD
    with create_engine(database_url(address), poolclass=NullPool).begin() as db:
        make_ahead(db, GOOD["ads_events"]["day"], 1)
    with psycopg.connect(address) as connection:
        for table, row in GOOD.items():
            columns = ", ".join(f'"{name}"' for name in row)
            places = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({places})".encode(), list(row.values())
            )

    schema.downgrade(address, "0001")
    assert schema.version_of(address) == "0001"
    with psycopg.connect(address) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables").fetchall()
    first = {name for (name,) in rows}
    schema.upgrade(address)
    with psycopg.connect(address) as connection:
        left = [connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in GOOD]
    schema.downgrade(address, "base")

    made_again = {"ingest_progress"}  # one row for each upload that is there
    kept = [int(table in first | made_again) for table in GOOD]
    assert 0 < sum(kept) < len(kept)
    assert left == [(each,) for each in kept]
    assert schema.version_of(address) == ""


def test_a_database_of_a_later_bijou_is_refused(address: str) -> None:
    schema.upgrade(address)
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(EngineUnavailable) as refusal:
        schema.upgrade(address)
    assert refusal.value.code == "records.too_new"


async def test_two_processes_may_upgrade_at_once(address: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(schema.upgrade, address) for _ in range(2)))

    assert schema.version_of(address) == schema.HEAD
