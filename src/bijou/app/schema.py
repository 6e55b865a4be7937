"""The records' tables: which version a file is at, and how it gets to ours."""

import sqlite3
from pathlib import Path

from bijou.ports import EngineUnavailable

HEAD = "0001"


def upgrade(path: Path) -> None:
    """Bring a file of records to this version's tables; made where it is missing.

    All or nothing, and safe beside another process that does the same.

    Cost: 2 ms where the file is current, which is found out before SQLAlchemy
    and Alembic are imported (0.8 s).

    Raises:
        EngineUnavailable: `records.too_new`, a later version of bijou has
            upgraded it; `records.unavailable`, it is no such file.
    """
    version = version_of(path)
    if version == HEAD:
        return
    if version > HEAD:
        raise EngineUnavailable(
            "records.too_new",
            f"the records {path} are at version {version} and this bijou knows {HEAD}; start the newer bijou",
        )
    _migrate(path, HEAD)


def downgrade(path: Path, version: str) -> None:
    """Take a file of records back to an older version's tables; what they lack is lost.

    Args:
        version: Such as `0001`, or `base` for none.
    """
    _migrate(path, version, down=True)


def version_of(path: Path) -> str:
    """Return the version of a file's tables; empty where it has none.

    Raises:
        EngineUnavailable: `records.unavailable`.
    """
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


def _migrate(path: Path, version: str, *, down: bool = False) -> None:
    from alembic import command  # noqa: PLC0415 - 0.8 s that a current file does not pay
    from alembic.config import Config  # noqa: PLC0415 - as above
    from sqlalchemy import URL, create_engine, event  # noqa: PLC0415 - as above

    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def _plain(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # so that BEGIN holds the tables' changes too
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _exclusive(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    config = Config()
    config.set_main_option("script_location", "bijou.app:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(config, version)
    finally:
        engine.dispose()


def _unavailable(path: Path, error: Exception) -> EngineUnavailable:
    return EngineUnavailable("records.unavailable", f"the records {path} cannot be used: {error}")
