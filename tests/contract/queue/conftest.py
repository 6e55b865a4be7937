import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import psycopg
import pytest

from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Records, VirtualClock
from tests.contract.queue.postgres_server import PostgresServer

LEASE_S = 10.0
ENGINES = ["sqlite", "postgres"]


@pytest.fixture
def shared_database(postgres: PostgresServer) -> str:
    """A database with empty tables, the same for all tests that keep it as it is."""
    address = postgres.address("shared")
    with psycopg.connect(address) as connection:
        connection.execute("TRUNCATE queue_tasks, queue_needs, queue_parts RESTART IDENTITY")
    return address


@pytest.fixture(params=ENGINES)
async def records(
    request: pytest.FixtureRequest, empty_records: Path, tmp_path: Path
) -> AsyncIterator[Records]:
    records: Records
    if request.param == "sqlite":
        shutil.copy(empty_records, tmp_path / "records.db")
        records = SqliteRecords(tmp_path / "records.db", durable=False, readers=1)
    else:
        records = PostgresRecords(request.getfixturevalue("shared_database"), serial=False, connections=2)
    yield records
    await records.close()


@pytest.fixture
def queue(records: Records, clock: VirtualClock, chance: Random) -> RecordsQueue:
    return RecordsQueue(records, clock, chance, lease_s=LEASE_S)
