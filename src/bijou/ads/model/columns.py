"""Columns that say why they are there; the schema page is made of what they say."""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import REAL, TypeEngine

METADATA = MetaData()
Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone
Float64: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")


def text(name: str, because: str, *items: Any, **more: Any) -> Column[str]:
    """Return a column of text."""
    return Column(name, Text, *items, info={"because": because}, **({"nullable": False} | more))


def whole(name: str, because: str, *items: Any, **more: Any) -> Column[int]:
    """Return a column of whole numbers of eight bytes: money, moments, counts."""
    return Column(name, Int64, *items, info={"because": because}, **({"nullable": False} | more))


def small(name: str, because: str, *items: Any, **more: Any) -> Column[int]:
    """Return a column of whole numbers of four bytes, for what is in many rows."""
    return Column(name, Integer, *items, info={"because": because}, **({"nullable": False} | more))


def fraction(name: str, because: str, **more: Any) -> Column[float]:
    """Return a column of fractions; never of money."""
    return Column(name, Float64, info={"because": because}, **({"nullable": False} | more))


def blob(name: str, because: str, **more: Any) -> Column[bytes]:
    """Return a column of bytes."""
    return Column(name, LargeBinary, info={"because": because}, **({"nullable": False} | more))


def entity(because: str, *items: Any) -> Column[str]:
    """Return the key of a record's current state: its row in the register of records."""
    return text("id", because, ForeignKey("ads_entities.id"), *items, primary_key=True)


def part_of(name: str, because: str) -> tuple[Column[str], Column[int]]:
    """Return the key of a part of a record: which record, and the how-manieth part."""
    owner = text(name, because, ForeignKey("ads_entities.id", ondelete="CASCADE"), primary_key=True)
    return owner, small(
        "position", "keeps the order in which people wrote the parts", primary_key=True, autoincrement=False
    )


def table(name: str, because: str, *items: SchemaItem, rebuilt: str = "", by_day: bool = False) -> Table:
    """Declare a table.

    Args:
        because: Why it is there.
        rebuilt: How its rows are made again from others; empty where nothing
            else knows them, so that the table is authoritative.
        by_day: Whether PostgreSQL keeps each day in a partition of its own.
    """
    info = {"because": because, "rebuilt": rebuilt, "by_day": by_day}
    options: dict[str, Any] = {"postgresql_partition_by": "RANGE (day)"} if by_day else {}
    return Table(name, METADATA, *items, sqlite_strict=True, info=info, **options)
