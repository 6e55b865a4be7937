"""The chain of table changes with rows in every table, a step at a time, on both engines."""

from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, func, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from bijou.ads.model import partitions
from bijou.app import schema
from bijou.engines.postgres import database_url
from tests.contract.queue.postgres_server import PostgresServer
from tests.contract.test_migrations import BAD, GOOD, ROOMS

TABLES = {table.name: table for room in ROOMS for table in room.sorted_tables}
CHECKED = [(table, spoiled, rule) for table, spoiled, rule in BAD if "_" in rule and " " not in rule]
_NUMBERS = count()


def versions() -> list[str]:
    """Return all versions, the newest first."""
    config = Config()
    config.set_main_option("script_location", "bijou.app:migrations")
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, empty_records: Path, tmp_path: Path) -> schema.Place:
    """Records at the head, with nothing in them."""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.make(f"steps{next(_NUMBERS)}", template="empty")
    path = tmp_path / "records.db"
    path.write_bytes(empty_records.read_bytes())
    return path


@pytest.fixture
def engine(place: schema.Place) -> Iterator[Engine]:
    engine = opened(place)
    yield engine
    engine.dispose()


def opened(place: schema.Place) -> Engine:
    if isinstance(place, str):
        return create_engine(database_url(place))
    engine = create_engine(f"sqlite:///{place}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


def fill(engine: Engine) -> None:
    """Put a row into every table, and make the day that they are of."""
    with engine.begin() as db:
        for table in partitions.BY_DAY:
            partitions.make_ahead(db, GOOD[table.name]["day"], 1)
        for name, table in TABLES.items():
            db.execute(insert(table).values(GOOD[name]))


def counted(engine: Engine) -> dict[str, int]:
    """Return how many rows each of our tables holds that is there."""
    there = set(inspect(engine).get_table_names())
    with engine.connect() as db:
        return {
            name: db.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in TABLES.items()
            if name in there
        }


def test_every_step_down_keeps_the_rows_of_what_stays_and_every_step_up_begins_empty(
    place: schema.Place, engine: Engine
) -> None:
    fill(engine)
    assert set(counted(engine).values()) == {1}
    stayed: list[dict[str, int]] = []
    for newer, older in pairwise([*versions(), "base"]):
        before = counted(engine)
        schema.downgrade(place, older)
        stayed.append(counted(engine))

        assert schema.version_of(place) == ("" if older == "base" else older), newer
        assert stayed[-1].keys() <= before.keys()
        assert set(stayed[-1].values()) <= {1}, f"{newer} to {older} lost rows: {stayed[-1]}"
    assert stayed[-1] == {}
    for version in reversed(versions()):
        schema.upgrade_to(place, version)

    assert counted(engine) == dict.fromkeys(TABLES, 0)
    fill(engine)
    assert set(counted(engine).values()) == {1}


def test_postgres_holds_every_check_that_sqlite_holds(postgres: PostgresServer) -> None:
    engine = opened(postgres.make(f"steps{next(_NUMBERS)}", template="empty"))
    fill(engine)
    look = inspect(engine)
    named = {check["name"] for table in TABLES for check in look.get_check_constraints(table)}
    taken: list[str] = []
    for name, spoiled, rule in CHECKED:
        with engine.connect() as db:
            try:
                db.execute(insert(TABLES[name]).values(GOOD[name] | spoiled))
            except IntegrityError as refusal:
                if "violates check constraint" in str(refusal):
                    continue
            taken.append(f"{name}: {spoiled} against {rule}")
    engine.dispose()

    assert taken == []
    assert {rule for _, _, rule in CHECKED} <= named
