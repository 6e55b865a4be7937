"""How each noun lies in tables: a row of its own, and rows of its lists."""

from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Table

from bijou.ads.model import selling_tables as selling
from bijou.ads.model import showing_tables as showing
from bijou.ads.model.nouns import (
    AdBreak,
    AdType,
    Advertiser,
    AudienceReference,
    Brand,
    Campaign,
    Category,
    Creative,
    InsertionOrder,
    LineItem,
    NewDimension,
    Noun,
    Placement,
)

Row: TypeAlias = dict[str, Any]


class Shape(msgspec.Struct, frozen=True):
    """One kind of record.

    Args:
        prefix: Of its ids; a `named` kind's id is the prefix and its name, for
            others refer to it by name.
        parts: Field of the noun -> table of its items.
        json: Fields that are kept as JSON.
        parents: Field -> kind that it names by id (by name, where that is named).
    """

    noun: type[Noun]
    prefix: str
    table: Table
    parts: dict[str, Table] = {}
    json: frozenset[str] = frozenset()
    parents: dict[str, str] = {}
    named: bool = False


SHAPES: dict[str, Shape] = {
    "category": Shape(Category, "cat", showing.CATEGORIES, named=True),
    "ad_type": Shape(AdType, "adt", showing.AD_TYPES, json=frozenset({"schema", "events"}), named=True),
    "dimension": Shape(NewDimension, "dim", showing.DIMENSIONS, json=frozenset({"values"}), named=True),
    "audience": Shape(AudienceReference, "aur", showing.AUDIENCES, named=True),
    "advertiser": Shape(Advertiser, "adv", selling.ADVERTISERS),
    "brand": Shape(
        Brand,
        "brd",
        selling.BRANDS,
        parts={"categories": selling.BRAND_CATEGORIES},
        parents={"advertiser": "advertiser", "categories": "category"},
    ),
    "campaign": Shape(
        Campaign,
        "cmp",
        selling.CAMPAIGNS,
        parts={"caps": selling.FREQUENCY_CAPS},
        parents={"advertiser": "advertiser"},
    ),
    "insertion_order": Shape(
        InsertionOrder, "ior", selling.INSERTION_ORDERS, parents={"campaign": "campaign"}
    ),
    "creative": Shape(
        Creative,
        "crv",
        showing.CREATIVES,
        parts={"renditions": showing.RENDITIONS, "trackers": showing.TRACKERS},
        json=frozenset({"attributes"}),
        parents={"brand": "brand", "ad_type": "ad_type"},
    ),
    "line_item": Shape(
        LineItem,
        "lin",
        selling.LINE_ITEMS,
        parts={
            "flights": selling.FLIGHTS,
            "dayparts": selling.DAYPARTS,
            "caps": selling.FREQUENCY_CAPS,
            "creatives": selling.ASSIGNMENTS,
        },
        json=frozenset({"targeting"}),
        parents={"insertion_order": "insertion_order", "creatives": "creative"},
    ),
    "placement": Shape(
        Placement,
        "plc",
        showing.PLACEMENTS,
        parts={"ad_types": showing.PLACEMENT_TYPES, "refuses": showing.PLACEMENT_REFUSALS},
        parents={"ad_types": "ad_type", "refuses": "category"},
    ),
    "break": Shape(AdBreak, "brk", showing.BREAKS, parents={"placement": "placement"}),
}
"""By kind, each after those that it refers to."""


def rows_of(shape: Shape, record_id: str, noun: Noun) -> tuple[Row, dict[Table, list[Row]]]:
    """Return the row of a noun, and the rows of its lists by table."""
    fields: dict[str, Any] = msgspec.to_builtins(noun, enc_hook=int)
    row: Row = {"id": record_id}
    parts: dict[Table, list[Row]] = {}
    for name in noun.__struct_fields__:
        value = fields[name]
        if name in shape.parts:
            parts[shape.parts[name]] = _part_rows(shape.parts[name], record_id, value)
        elif name in shape.json:
            row[name] = json_of(value)
        else:
            row[name] = int(value) if isinstance(value, bool) else value
    return row, parts


def noun_of(shape: Shape, row: Row, parts: dict[Table, list[Row]]) -> Noun:
    """Return the noun that `rows_of` took apart."""
    fields: dict[str, Any] = {"is": shape.noun.__struct_config__.tag}
    for name in shape.noun.__struct_fields__:
        if name in shape.parts:
            table = shape.parts[name]
            fields[name] = [_item(table, each) for each in parts.get(table, [])]
        else:
            fields[name] = msgspec.json.decode(row[name]) if name in shape.json else row[name]
    return msgspec.convert(fields, shape.noun, strict=False, dec_hook=lambda kind, value: kind(value))


def json_of(value: object) -> str:
    """Return JSON whose keys are in order, so that equal values are equal text."""
    return msgspec.json.encode(value, order="deterministic").decode()


def _part_rows(table: Table, record_id: str, items: list[Any]) -> list[Row]:
    owner = next(iter(table.primary_key)).name
    return [
        {owner: record_id, "position": position, **(item if isinstance(item, dict) else {"value": item})}
        for position, item in enumerate(items)
    ]


def _item(table: Table, row: Row) -> Any:
    if "value" in row:
        return row["value"]
    key = {column.name for column in table.primary_key}
    return {str(name): value for name, value in row.items() if name not in key}
