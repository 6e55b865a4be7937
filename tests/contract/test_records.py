"""What every engine of records promises; SQLite is the one there is."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Conflict, EngineUnavailable, Records

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
async def records(path: Path) -> AsyncIterator[SqliteRecords]:
    records = SqliteRecords(path, busy_timeout_s=0.05)
    await records.write(lambda db: db.execute(text("CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT")))
    yield records
    await records.close()


def add(db: Connection, n: int) -> None:
    db.execute(text("INSERT INTO notes VALUES (:n)"), {"n": n})


def count(db: Connection) -> int:
    return int(db.execute(text("SELECT count(*) FROM notes")).scalar_one())


async def test_a_write_is_read_back_at_once(records: Records) -> None:
    await records.write(lambda db: add(db, 1))

    assert await records.read(count) == 1


async def test_a_raise_rolls_everything_back(records: Records) -> None:
    def work(db: Connection) -> None:
        add(db, 1)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        await records.write(work)

    assert await records.read(count) == 0
    await records.write(lambda db: add(db, 1))


async def test_tables_made_in_a_write_that_raises_are_gone_too(records: Records) -> None:
    def work(db: Connection) -> None:
        db.execute(text("CREATE TABLE others (n INTEGER) STRICT"))
        add(db, 1)
        add(db, 1)

    with pytest.raises(IntegrityError):
        await records.write(work)
    with pytest.raises(DBAPIError, match="no such table"):
        await records.read(lambda db: db.execute(text("SELECT * FROM others")))


async def test_a_read_sees_one_snapshot_while_others_write(records: Records) -> None:
    loop = asyncio.get_running_loop()
    counted, written = asyncio.Event(), threading.Event()

    def work(db: Connection) -> tuple[int, int]:
        before = count(db)
        loop.call_soon_threadsafe(counted.set)
        assert written.wait(10)
        return before, count(db)

    reading = asyncio.create_task(records.read(work))
    await counted.wait()
    await records.write(lambda db: add(db, 1))
    written.set()

    assert await reading == (0, 0)
    assert await records.read(count) == 1


async def test_a_read_does_not_see_what_is_not_committed(records: Records) -> None:
    loop = asyncio.get_running_loop()
    added, seen = asyncio.Event(), threading.Event()

    def work(db: Connection) -> None:
        add(db, 1)
        loop.call_soon_threadsafe(added.set)
        assert seen.wait(10)

    writing = asyncio.create_task(records.write(work))
    await added.wait()
    during = await records.read(count)
    seen.set()
    await writing

    assert during == 0


async def test_concurrent_writers_are_serialised(records: Records) -> None:
    def read_then_add(db: Connection) -> int:
        n = count(db)
        add(db, n)
        return n

    numbers = await asyncio.gather(*(records.write(read_then_add) for _ in range(50)))

    assert sorted(numbers) == list(range(50))


async def test_a_write_holds_the_file_from_its_first_read(records: Records, path: Path) -> None:
    def work(db: Connection) -> None:
        count(db)
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        finally:
            other.close()
        add(db, 1)

    await records.write(work)


async def test_a_read_may_not_write(records: Records) -> None:
    with pytest.raises(EngineUnavailable):
        await records.read(lambda db: add(db, 1))

    assert await records.read(count) == 0


async def test_foreign_keys_hold(records: Records) -> None:
    await records.write(
        lambda db: db.execute(text("CREATE TABLE links (n INTEGER REFERENCES notes (n)) STRICT"))
    )
    with pytest.raises(IntegrityError):
        await records.write(lambda db: db.execute(text("INSERT INTO links VALUES (7)")))


async def test_a_full_volume_is_named_and_survived(records: Records) -> None:
    def fill(db: Connection) -> None:
        db.execute(text("PRAGMA max_page_count = 8"))
        db.execute(text("CREATE TABLE big (b BLOB) STRICT"))
        db.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    with pytest.raises(EngineUnavailable) as refusal:
        await records.write(fill)

    assert refusal.value.code == "records.full"
    await records.write(lambda db: add(db, 1))
    assert await records.read(count) == 1


async def test_another_process_that_keeps_the_file_is_a_conflict(records: Records, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Conflict) as refusal:
        await records.write(lambda db: add(db, 1))
    other.execute("ROLLBACK")
    other.close()

    assert refusal.value.code == "records.locked"
    await records.write(lambda db: add(db, 1))


async def test_a_file_that_holds_no_records_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"not a database, but long enough to look like one" * 100)
    records = SqliteRecords(tmp_path / "film.mp4")
    with pytest.raises(EngineUnavailable) as refusal:
        await records.read(count)
    await records.close()

    assert refusal.value.code == "records.unavailable"


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "nowhere" / "records.db")
    with pytest.raises(EngineUnavailable, match="nowhere"):
        await records.write(lambda db: add(db, 1))
    await records.close()


async def test_after_close_nothing_is_done(records: Records) -> None:
    await records.close()

    with pytest.raises(EngineUnavailable, match="stopping"):
        await records.read(count)


async def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "what?is=100%#here.db"
    records = SqliteRecords(odd)
    await records.write(lambda db: db.execute(text("CREATE TABLE t (n INTEGER)")))
    await records.close()

    assert odd.is_file()


WRITER = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from bijou.engines.sqlite import SqliteRecords

async def main():
    records = SqliteRecords(Path(sys.argv[1]))
    n = 0
    while True:
        await records.write(lambda db: db.execute(text("INSERT INTO notes VALUES (:n)"), {"n": n}))
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""


async def test_what_was_acknowledged_outlives_kill_9(records: Records, path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - read below
    assert child.stdout is not None
    for _ in range(20):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait()
    child.stdout.close()

    acknowledged = 20 + len(rest)
    assert await records.read(count) in {acknowledged, acknowledged + 1}
