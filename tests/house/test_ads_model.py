"""Nothing stands in a table of ads without its reason."""

import pytest
from sqlalchemy import Column, Integer

from bijou.ads.model import schema_page
from bijou.ads.model.columns import METADATA
from bijou.ads.model.fact_tables import EVENTS
from bijou.ads.model.tables import GROUPS


def test_every_column_says_why_it_is_there() -> None:
    assert schema_page.columns_without_because() == []
    assert all(table.info["because"] for table in METADATA.tables.values())


def test_a_column_that_does_not_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = EVENTS.to_metadata(METADATA.__class__(), name="ads_silent")
    silent.append_column(Column("mystery", Integer))
    monkeypatch.setattr(schema_page, "GROUPS", {"Silent": (silent,)})

    assert schema_page.columns_without_because() == ["ads_silent.mystery"]


def test_the_page_shows_every_table_with_all_its_columns() -> None:
    page = schema_page.schema_page("")
    grouped = [table.name for tables in GROUPS.values() for table in tables]

    assert sorted(grouped) == sorted(METADATA.tables)
    for table in METADATA.tables.values():
        of_table = page.split(f"### {table.name}\n")[1].split("\n### ")[0]
        assert all(f"| `{column.name}` |" in of_table for column in table.columns)
        assert f"    {table.name} {{" in page
