import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import DropTable

from bijou.ads.model import partitions
from bijou.ads.model.resharding import Databases
from bijou.ads.model.sharding import keep_map, laid_out
from bijou.ads.model.tables import METADATA
from bijou.ads.service import AdOperationsService
from bijou.engines.postgres import PostgresRecords, database_url
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Records, VirtualClock
from tests.contract.ads.seen import DAY
from tests.contract.queue.postgres_server import PostgresServer

_NUMBERS = count()


def fresh_database(postgres: PostgresServer) -> str:
    """Return the address of a database with empty tables, for a test that changes them."""
    return postgres.make(f"ads{next(_NUMBERS)}", template="empty")


@pytest.fixture(scope="session")
def ads_database(postgres: PostgresServer) -> str:
    return fresh_database(postgres)


@pytest.fixture
def clean_database(ads_database: str) -> str:
    """A database with empty tables, the same for all tests that keep it as it is."""
    engine = create_engine(database_url(ads_database), poolclass=NullPool)
    names = ", ".join(table.name for table in METADATA.sorted_tables)
    with engine.begin() as db:
        db.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    return ads_database


@pytest.fixture(params=["sqlite", "postgres"])
async def ads_records(
    request: pytest.FixtureRequest, empty_records: Path, tmp_path: Path
) -> AsyncIterator[Records]:
    records: Records
    if request.param == "sqlite":
        shutil.copy(empty_records, tmp_path / "records.db")
        records = SqliteRecords(tmp_path / "records.db", durable=False)
    else:
        records = PostgresRecords(request.getfixturevalue("clean_database"))
    yield records
    await records.close()


@pytest.fixture
async def service(ads_records: Records, clock: VirtualClock, chance: Random) -> AdOperationsService:
    service = AdOperationsService(ads_records, clock, chance)
    await service.prepare()
    return service


@pytest.fixture(scope="session")
def engines(postgres: PostgresServer) -> Iterator[dict[str, Engine]]:
    """A home and four shards; made once, for making a database takes a second."""
    made = {name: create_engine(database_url(fresh_database(postgres))) for name in ("home", *"abcd")}
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.fixture
def database(engines: dict[str, Engine]) -> Engine:
    """A PostgreSQL database with empty tables and no partitions."""
    empty(engines["home"])
    return engines["home"]


@pytest.fixture
def databases(engines: dict[str, Engine]) -> Databases:
    """A home and four shards, of which two hold everything."""
    slots = laid_out(["a", "b"])
    for engine in engines.values():
        empty(engine)
        with engine.begin() as db:
            partitions.make_ahead(db, DAY, 1)
            keep_map(db, "viewer", slots)
    return Databases(engines["home"], {name: engines[name] for name in "abcd"})


def empty(engine: Engine) -> None:
    """Take away rows, partitions and what tests of online changes left."""
    plain = ", ".join(table.name for table in METADATA.sorted_tables if table not in partitions.BY_DAY)
    with engine.begin() as db:
        for table in partitions.BY_DAY:
            for day in {*partitions.attached(db, table), *partitions.taken_off(db, table)}:
                db.execute(DropTable(partitions.partition(table, day)))
        db.execute(text(f"TRUNCATE {plain} RESTART IDENTITY"))
