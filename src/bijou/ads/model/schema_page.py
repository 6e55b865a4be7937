"""The page of the data model, made from what tables and columns say of themselves."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, Integer, Table

from bijou.ads.model.tables import GROUPS

_INTRODUCTION = """\
Every table of ads, why it is there, and why each of its columns is. *Authoritative* rows are known nowhere
else; *derived* ones can be made anew, and a reconciler compares them with what they are made from.
How it grows, and what was measured: [the data model of ads](../explanation/ads-model.md).
"""


def schema_page(head: str) -> str:
    """Return the page as Markdown, with a diagram for each group of tables.

    Args:
        head: The first line, which says that it is generated.
    """
    lines = [head, "# The data model of ads\n", _INTRODUCTION]
    for title, tables in GROUPS.items():
        lines += [f"## {title}\n", "```mermaid", *_diagram(tables), "```\n"]
        for table in tables:
            lines += _described(table)
    return "\n".join(lines)


def columns_without_because() -> list[str]:
    """Return the columns that do not say why they are there."""
    return [
        f"{table.name}.{column.name}"
        for tables in GROUPS.values()
        for table in tables
        for column in table.columns
        if not column.info.get("because")
    ]


def _diagram(tables: Iterable[Table]) -> list[str]:
    """Return an entity-relationship diagram: a table's keys, and what refers to what."""
    lines = ["erDiagram"]
    for table in tables:
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            marks = [
                mark for mark, holds in (("PK", column.primary_key), ("FK", column.foreign_keys)) if holds
            ]
            if marks:
                lines.append(f"        {_type(column)} {column.name} {', '.join(marks)}")
        lines.append("    }")
        lines += [
            f'    {key.column.table.name} ||--o{{ {table.name} : "{column.name}"'
            for column in table.columns
            for key in sorted(column.foreign_keys, key=lambda key: key.target_fullname)
        ]
    return lines


def _described(table: Table) -> list[str]:
    rebuilt = table.info["rebuilt"]
    kind = f"derived: {rebuilt}" if rebuilt else "authoritative"
    days = "; a partition a day on PostgreSQL" if table.info["by_day"] else ""
    lines = [f"### {table.name}\n", f"{_sentence(table.info['because'])} *{kind}{days}.*\n"]
    lines += ["| column | type | | because |", "|---|---|---|---|"]
    lines += [f"| `{c.name}` | {_type(c)} | {_marks(c)} | {c.info['because']} |" for c in table.columns]
    checks = sorted(
        f"`{_one_line(str(each.sqltext))}`" for each in table.constraints if isinstance(each, CheckConstraint)
    )
    return [*lines, "", f"Holds: {', '.join(checks)}.\n"] if checks else [*lines, ""]


def _type(column: Column[Any]) -> str:
    kind = column.type.python_type
    if kind is int:
        small = isinstance(column.type, Integer) and column.type.__class__ is Integer
        return "int32" if small else "int64"
    return {str: "text", bytes: "bytes", float: "float64"}[kind]


def _marks(column: Column[Any]) -> str:
    marks = ["key"] if column.primary_key else []
    marks += ["unique"] if column.unique else []
    marks += [f"→ {key.target_fullname}" for key in column.foreign_keys]
    marks += ["may be empty"] if column.nullable else []
    return ", ".join(marks)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _one_line(sql: str) -> str:
    return " ".join(sql.split()).replace("|", "\\|")
