"""YAML of plain values: maps, lists, texts and numbers, every text quoted."""

import json
from collections.abc import Iterator
from typing import Any


def yaml_text(value: Any) -> str:
    """Write a value as YAML 1.2.

    Example:
        >>> print(yaml_text({"a": ["x", {"b": 1, "c": True}], "d": {}}), end="")
        a:
          - "x"
          - b: 1
            c: true
        d: {}
    """
    return "\n".join([*_lines(value), ""])


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _led(f"{key}:", inner)
    elif isinstance(value, list) and value:
        for inner in value:
            if isinstance(inner, dict | list) and inner:
                first, *rest = _lines(inner)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
            else:
                yield f"- {_scalar(inner)}"
    else:
        yield _scalar(value)


def _led(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
