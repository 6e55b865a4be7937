"""The committed report of all kinds of events, and what may change in it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bijou.events.registry import EventKind
from bijou.runtime import codec

Report = dict[str, dict[str, Any]]


def report_of(kinds: Mapping[str, EventKind]) -> Report:
    """Describe kinds by name: who sees them, what they tell, the types of their payloads."""
    return {
        name: {
            "role": kind.role.value,
            "tells": kind.tells,
            "payload": kind.payload.__name__,
            "types": _without_prose(codec.schema_of([kind.payload])),
        }
        for name, kind in sorted(kinds.items())
    }


def written(report: Report) -> str:
    """Return a report as it is committed."""
    return json.dumps(report, indent=2, sort_keys=True) + "\n"


def breaks(before: Report, now: Report) -> list[str]:
    """Return what would break a peer that knows only `before`; additions break nothing.

    A kind, a type and a field stay, a field keeps its type, a new field is not
    required, and an enumeration only grows.
    """
    gone = [f"{name} is gone" for name in before if name not in now]
    changed = [
        f"{name}: {what}"
        for name in before.keys() & now.keys()
        for what in _changes(before[name]["types"], now[name]["types"])
    ]
    return sorted(gone + changed)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for name, kind in before.items():
        if name not in now:
            yield f"type {name} is gone"
            continue
        fields = now[name].get("properties", {})
        for field, schema in kind.get("properties", {}).items():
            if field not in fields:
                yield f"{name}.{field} is gone"
            elif _type(schema) != _type(fields[field]):
                yield f"{name}.{field} changed its type"
        yield from (
            f"{name}.{field} is required and was not"
            for field in set(now[name].get("required", [])) - set(kind.get("required", []))
        )
        yield from (
            f"{name} lost the value {value}"
            for value in set(kind.get("enum", [])) - set(now[name].get("enum", []))
        )


def _type(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "default"}


def _without_prose(schema: Any) -> Any:
    """Drop titles and descriptions, which may be reworded, but no field of that name."""
    if isinstance(schema, list):
        return [_without_prose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_prose(value)
        for name, value in schema.items()
        if not (name in {"title", "description"} and isinstance(value, str))
    }
