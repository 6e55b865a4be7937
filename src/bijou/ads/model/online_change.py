"""A table changes while it is written: expand, migrate, contract. PostgreSQL only.

`expand` adds the column and a trigger that fills it in whatever is written
from then on; `migrate` fills old rows a block at a time; `contract` proves that
nothing is missing and makes it a promise. No step holds a lock that keeps
writers out for longer than the lock's own timeout.
"""

import re
from collections.abc import Callable, Iterator

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bijou.ports import Conflict

_LOCK_TIMEOUT_MS = 200
_TRIES = 50


class NewColumn(msgspec.Struct, frozen=True):
    """A column that is to be in a table, and what it is worked out from.

    Every part is SQL written by us, never by a caller of bijou.

    Args:
        kind: Its type.
        value: An expression of the row's other columns, such as `charge_micros / 1000`.
    """

    table: str
    name: str
    kind: str
    value: str


def expand(db: Connection, new: NewColumn, pause: Callable[[], None]) -> None:
    """Add the column, empty, and a trigger that fills it in new and changed rows.

    Args:
        db: In autocommit.
        pause: Called between tries, while a long transaction holds the table.
    """
    t, trigger = new.table, f"{new.table}_{new.name}_fill"
    names = _columns_named(db, new)
    value = _of_new_row(new.value, names)
    _patiently(db, f"ALTER TABLE {t} ADD COLUMN IF NOT EXISTS {new.name} {new.kind}", pause)
    _patiently(
        db,
        f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN NEW.{new.name} := {value}; RETURN NEW; END $$",
        pause,
    )
    _patiently(
        db,
        f"CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {t} "
        f"FOR EACH ROW EXECUTE FUNCTION {trigger}()",
        pause,
    )


def migrate(db: Connection, new: NewColumn, pages: int = 500) -> Iterator[int]:
    """Fill old rows, some pages of the table at a time; yield how many each time.

    Each step is a short transaction on rows that are together on disk. It may
    be stopped anywhere and begun again.

    Args:
        db: In autocommit.
        pages: Of 8 KiB, a step.
    """
    for leaf in _leaves(db, new.table):
        size = db.scalar(text(f"SELECT pg_relation_size('{leaf}') / 8192"))
        for first in range(0, int(size or 0), pages):
            block = f"ctid >= '({first},0)' AND ctid < '({first + pages},0)'"
            fill = f"UPDATE {leaf} SET {new.name} = {new.value}"  # noqa: S608 - written by us
            yield db.execute(text(f"{fill} WHERE {new.name} IS NULL AND {block}")).rowcount


def contract(db: Connection, new: NewColumn, pause: Callable[[], None]) -> None:
    """Promise that the column is never empty, and take the trigger away.

    The proof reads the table once while others write it; the promise itself
    then takes a moment.

    Args:
        db: In autocommit.

    Raises:
        Conflict: `ads.not_migrated`, rows are empty; the trigger stays.
    """
    t, rule = new.table, f"{new.table}_{new.name}_filled"
    empty = f"SELECT EXISTS (SELECT 1 FROM {t} WHERE {new.name} IS NULL)"  # noqa: S608 - written by us
    if db.scalar(text(empty)):
        raise Conflict("ads.not_migrated", f"{t}.{new.name} is empty in some rows; migrate them first")
    _patiently(db, f"ALTER TABLE {t} DROP CONSTRAINT IF EXISTS {rule}", pause)
    _patiently(db, f"ALTER TABLE {t} ADD CONSTRAINT {rule} CHECK ({new.name} IS NOT NULL) NOT VALID", pause)
    db.execute(text(f"ALTER TABLE {t} VALIDATE CONSTRAINT {rule}"))
    _patiently(db, f"ALTER TABLE {t} ALTER COLUMN {new.name} SET NOT NULL", pause)
    _patiently(db, f"ALTER TABLE {t} DROP CONSTRAINT {rule}", pause)


def stop_filling(db: Connection, new: NewColumn, pause: Callable[[], None]) -> None:
    """Take the trigger away, once every writer writes the column itself."""
    trigger = f"{new.table}_{new.name}_fill"
    _patiently(db, f"DROP TRIGGER IF EXISTS {trigger} ON {new.table}", pause)
    _patiently(db, f"DROP FUNCTION IF EXISTS {trigger}()", pause)


def undo(db: Connection, new: NewColumn, pause: Callable[[], None]) -> None:
    """Take the column away again, at any step."""
    stop_filling(db, new, pause)
    _patiently(db, f"ALTER TABLE {new.table} DROP COLUMN IF EXISTS {new.name}", pause)


def _patiently(db: Connection, statement: str, pause: Callable[[], None]) -> None:
    """Try a statement that locks out writers, each time for a moment only.

    Without the timeout one long report would hold this statement, and this
    statement everybody behind it.
    """
    for _ in range(_TRIES):
        db.execute(text(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}"))
        try:
            db.execute(text(statement))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != "55P03":
                raise
            pause()
        else:
            return
        finally:
            db.execute(text("RESET lock_timeout"))
    raise Conflict(
        "ads.table_busy", f"{_TRIES} tries of {_LOCK_TIMEOUT_MS} ms met others' locks: {statement[:80]}"
    )


def _leaves(db: Connection, table: str) -> list[str]:
    """Return the tables that hold the rows: the partitions, or the table itself."""
    query = text("SELECT relid::regclass::text FROM pg_partition_tree(:table) WHERE isleaf ORDER BY 1")
    return list(db.scalars(query, {"table": table})) or [table]  # a table without partitions has no tree


def _columns_named(db: Connection, new: NewColumn) -> list[str]:
    query = text("SELECT column_name FROM information_schema.columns WHERE table_name = :table")
    return list(db.scalars(query, {"table": new.table}))


def _of_new_row(value: str, names: list[str]) -> str:
    """Return an expression of columns as one of a trigger's new row."""
    pattern = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.sub(rf"\b({pattern})\b", r"NEW.\1", value)
