"""A small JSON Schema: enough to say what a new type of ad needs, and no more.

Unknown keywords are refused when a schema is registered, not skipped when an
object is checked: what is written is what holds.

Source: JSON Schema 2020-12, a subset of its validation vocabulary.
"""

import re
from collections.abc import Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_KEYWORDS: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"enum", "minLength", "maxLength", "pattern"}),
    "integer": frozenset({"enum", "minimum", "maximum"}),
    "number": frozenset({"enum", "minimum", "maximum"}),
    "boolean": frozenset(),
}
_EVERYWHERE = frozenset({"type", "title", "description"})
_KINDS_OF_KEYWORDS = {
    "required": ("array", "a list of names"),
    "enum": ("array", "a list of values"),
    "pattern": ("string", "a regular expression"),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), ("integer", "a whole number")),
    **dict.fromkeys(("minimum", "maximum"), ("number", "a number")),
}
_LONGEST_PATTERN = 200


def fault_of_schema(schema: object, place: str = "schema") -> str:
    """Return one sentence on what is wrong with a schema; empty where nothing is.

    Example:
        >>> fault_of_schema({"type": "object", "properties": {"qr": {"type": "text"}}})
        "schema.qr: type 'text'; it is one of array, boolean, integer, number, object, string"
    """
    if not isinstance(schema, Mapping):
        return f"{place}: a schema is an object, not {schema!r}"
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        return f"{place}: type {kind!r}; it is one of {', '.join(sorted(_TYPES))}"
    if fault := _fault_of_keywords(schema, place):
        return fault
    if kind == "object":
        return _fault_of_properties(schema, place)
    if kind == "array":
        return fault_of_schema(schema.get("items"), f"{place}[]")
    return _fault_of_pattern(schema, place)


def fault_of(value: object, schema: Mapping[str, Any], place: str = "attributes") -> str:
    """Return one sentence on where a value breaks a schema; empty where it does not.

    Cost: O(size of the value).

    Args:
        schema: One in which `fault_of_schema` found nothing.

    Example:
        >>> schema = {"type": "object", "properties": {"qr": {"type": "string"}}, "required": ["qr"]}
        >>> fault_of({}, schema), fault_of({"qr": 7}, schema), fault_of({"qr": "x"}, schema)
        ('attributes.qr is missing', 'attributes.qr: 7 is no string', '')
    """
    kind = schema["type"]
    if not _is_a(kind, value):
        article = "no" if kind != "integer" else "no whole"
        return f"{place}: {value!r} is {article} {'number' if kind == 'integer' else kind}"
    if isinstance(value, dict):
        return _fault_of_object(value, schema, place)
    if isinstance(value, list):
        return _fault_of_array(value, schema, place)
    return _fault_of_scalar(value, schema, place)


def _is_a(kind: str, value: object) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _are_strings(values: list[object]) -> bool:
    return all(isinstance(each, str) for each in values)


def _fault_of_keywords(schema: Mapping[str, Any], place: str) -> str:
    kind = schema["type"]
    unknown = sorted(set(schema) - _KEYWORDS[kind] - _EVERYWHERE)
    if unknown:
        known = ", ".join(sorted(_KEYWORDS[kind])) or "none"
        return f"{place}: {unknown[0]!r} is no keyword of {kind}; those are {known}"
    for keyword in sorted(_KINDS_OF_KEYWORDS.keys() & schema.keys()):
        of_kind, words = _KINDS_OF_KEYWORDS[keyword]
        value = schema[keyword]
        if not _is_a(of_kind, value) or (keyword == "required" and not _are_strings(value)):
            return f"{place}: {keyword} is {value!r}; it is {words}"
    return ""


def _fault_of_properties(schema: Mapping[str, Any], place: str) -> str:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return f"{place}: properties is an object of schemas, not {properties!r}"
    for name in schema.get("required", []):
        if name not in properties:
            return f"{place}: {name!r} is required and not among its properties"
    faults = (fault_of_schema(each, f"{place}.{name}") for name, each in properties.items())
    return next((fault for fault in faults if fault), "")


def _fault_of_pattern(schema: Mapping[str, Any], place: str) -> str:
    pattern = schema.get("pattern", "")
    if len(pattern) > _LONGEST_PATTERN:
        return f"{place}: a pattern has at most {_LONGEST_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        return f"{place}: the pattern {pattern!r} cannot be read ({error})"
    return ""


def _fault_of_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> str:
    properties = schema.get("properties", {})
    missing = [name for name in schema.get("required", []) if name not in value]
    if missing:
        return f"{place}.{missing[0]} is missing"
    unknown = sorted(set(value) - set(properties))
    if unknown:
        known = ", ".join(sorted(properties)) or "none"
        return f"{place}.{unknown[0]} is no property; those are {known}"
    faults = (fault_of(each, properties[name], f"{place}.{name}") for name, each in value.items())
    return next((fault for fault in faults if fault), "")


def _fault_of_array(value: list[Any], schema: Mapping[str, Any], place: str) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not least <= len(value) <= most:
        return f"{place} has {len(value)} items; it has {least} to {most}"
    faults = (fault_of(each, schema["items"], f"{place}[{at}]") for at, each in enumerate(value))
    return next((fault for fault in faults if fault), "")


def _fault_of_scalar(value: Any, schema: Mapping[str, Any], place: str) -> str:
    if "enum" in schema and value not in schema["enum"]:
        return f"{place}: {value!r} is not among {', '.join(map(repr, schema['enum']))}"
    if isinstance(value, str):
        least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
        if not least <= len(value) <= most:
            return f"{place} has {len(value)} characters; it has {least} to {most}"
        if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
            return f"{place}: {value!r} does not match {schema['pattern']!r}"
        return ""
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return "" if low <= value <= high else f"{place}: {value!r} is not in {low} to {high}"
