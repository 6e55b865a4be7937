"""The records' tables: which version they are at, and how they get to ours."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from bijou.ports import EngineUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

HEAD = "0005"

Place = Path | str
"""A file of SQLite, or the address of a PostgreSQL database that exists, `postgresql://...`."""

_UPGRADES = 0x62696A6F  # the advisory lock that upgrades of one PostgreSQL database take


def upgrade(place: Place) -> None:
    """Bring records to this version's tables; a file is made where it is missing.

    All or nothing, and safe beside another process that does the same.

    Cost: 2 ms where a file is current, which is found out before SQLAlchemy
    and Alembic are imported (0.8 s).

    Raises:
        EngineUnavailable: `records.too_new`, a later version of bijou has
            upgraded it; `records.unavailable`, it is no such file, or the
            database does not answer.
    """
    if not is_current(place):
        _migrate(place, HEAD)


def is_current(place: Place) -> bool:
    """Tell whether records have this version's tables; False where they are older, or there are none.

    Raises:
        EngineUnavailable: `records.too_new` or `records.unavailable`.
    """
    version = version_of(place)
    if version > HEAD:
        raise EngineUnavailable(
            "records.too_new",
            f"the records {_name(place)} are at version {version} and this bijou knows {HEAD}; "
            "start the newer bijou",
        )
    return version == HEAD


def upgrade_to(place: Place, version: str) -> None:
    """Bring older records no further than to a version's tables, such as `0003`."""
    _migrate(place, version)


def downgrade(place: Place, version: str) -> None:
    """Take records back to an older version's tables; what they lack is lost.

    Args:
        version: Such as `0001`, or `base` for none.
    """
    _migrate(place, version, down=True)


def version_of(place: Place) -> str:
    """Return the version of the tables; empty where there are none.

    Raises:
        EngineUnavailable: `records.unavailable`.
    """
    return _version_in_file(place) if isinstance(place, Path) else _version_in_database(place)


def _version_in_file(path: Path) -> str:
    try:
        if not path.exists():
            return ""
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            database.close()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise _unavailable(path, error) from error
    except (OSError, sqlite3.DatabaseError) as error:
        raise _unavailable(path, error) from error
    return str(row[0]) if row else ""


def _version_in_database(address: str) -> str:
    from sqlalchemy import text  # noqa: PLC0415 - 0.2 s that a current file does not pay
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - as above

    from bijou.engines.postgres import sqlstate_of, trouble_of  # noqa: PLC0415 - as above

    engine = _engine_of(address)
    try:
        with engine.connect() as connection:
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
    except DBAPIError as error:
        if sqlstate_of(error) == "42P01":  # no such table
            return ""
        raise (trouble_of(error, _name(address)) or error) from error
    finally:
        engine.dispose()


def _migrate(place: Place, version: str, *, down: bool = False) -> None:
    from alembic import command  # noqa: PLC0415 - 0.8 s that a current file does not pay
    from alembic.config import Config  # noqa: PLC0415 - as above

    engine = _engine_of(place)
    config = Config()
    config.set_main_option("script_location", "bijou.app:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(config, version)
    finally:
        engine.dispose()


def _engine_of(place: Place) -> "Engine":
    """Return an engine whose transactions hold the tables' changes, and keep others' changes out."""
    from sqlalchemy import URL, create_engine, event  # noqa: PLC0415 - as above

    if isinstance(place, str):
        from bijou.engines.postgres import database_url  # noqa: PLC0415 - as above

        engine = create_engine(database_url(place), connect_args={"connect_timeout": 5})
        begins = f"SELECT pg_advisory_xact_lock({_UPGRADES})"
    else:
        engine = create_engine(URL.create("sqlite", database=str(place)))
        begins = "BEGIN IMMEDIATE"

        @event.listens_for(engine, "connect")
        def _plain(connection: sqlite3.Connection, _: object) -> None:
            connection.isolation_level = None  # so that BEGIN holds the tables' changes too
            connection.execute("PRAGMA busy_timeout=30000")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _exclusive(connection: object) -> None:
        connection.exec_driver_sql(begins)  # type: ignore[attr-defined]

    return engine


def _name(place: Place) -> str:
    """Name records without the password that their address may hold."""
    from sqlalchemy import make_url  # noqa: PLC0415 - as above

    return str(place) if isinstance(place, Path) else make_url(place).render_as_string(hide_password=True)


def _unavailable(path: Path, error: Exception) -> EngineUnavailable:
    return EngineUnavailable("records.unavailable", f"the records {path} cannot be used: {error}")
