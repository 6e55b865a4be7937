"""The small JSON Schema: what it refuses, and where it says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.ads.model.object_schema import fault_of, fault_of_schema
from bijou.ads.model.shipped import SHIPPED_AD_TYPES

SCALARS = st.one_of(
    st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"type": st.just("string"), "enum": st.just(["a", "b"])}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-2, 2), "maximum": st.integers(-2, 2)},
    ),
    st.just({"type": "boolean"}),
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner}, optional={"maxItems": st.integers(0, 2)}
        ),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3).flatmap(
            lambda properties: st.fixed_dictionaries(
                {"type": st.just("object"), "properties": st.just(properties)},
                optional={"required": st.just(sorted(properties)[:1])},
            )
        ),
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.one_of(st.sampled_from(["", "a", "ab", "abcd"]), st.integers(-3, 3), st.booleans(), st.just(0.5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyzw"), inner, max_size=3)
    ),
    max_leaves=6,
)


def holds(schema: dict[str, Any], value: object) -> bool:
    """Say the same in the plainest words, without saying where."""
    match schema["type"], value:
        case "object", dict():
            properties = schema.get("properties", {})
            required = set(schema.get("required", []))
            return required <= set(value) <= set(properties) and all(
                holds(properties[name], each) for name, each in value.items()
            )
        case "array", list():
            short = len(value) <= schema.get("maxItems", 99)
            return short and all(holds(schema["items"], each) for each in value)
        case "string", str():
            return value in schema.get("enum", [value]) and len(value) <= schema.get("maxLength", 99)
        case "boolean", bool():
            return True
        case "integer" | "number", int() | float():
            whole = isinstance(value, int) or schema["type"] == "number"
            low, high = schema.get("minimum", -99), schema.get("maximum", 99)
            return not isinstance(value, bool) and whole and low <= value <= high
    return False


@given(SCHEMAS, VALUES)
def test_it_refuses_exactly_what_breaks_the_schema(schema: dict[str, Any], value: object) -> None:
    assert fault_of_schema(schema) == ""

    assert (fault_of(value, schema) == "") == holds(schema, value)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ([], "schema: a schema is an object, not []"),
        ({}, "schema: type None; it is one of"),
        ({"type": "string", "format": "uri"}, "schema: 'format' is no keyword of string"),
        ({"type": "object", "required": ["x"]}, "schema: 'x' is required and not among its properties"),
        ({"type": "object", "properties": 1}, "schema: properties is an object of schemas, not 1"),
        ({"type": "object", "properties": {"x": {"type": "array"}}}, "schema.x[]: a schema is an object"),
        ({"type": "string", "pattern": "("}, "schema: the pattern '(' cannot be read"),
        ({"type": "string", "pattern": "a" * 201}, "schema: a pattern has at most 200 characters"),
        ({"type": "string", "pattern": "a{99999999999999999999}"}, "schema: the pattern 'a{9999999"),
        ({"type": "string", "pattern": 7}, "schema: pattern is 7; it is a regular expression"),
        ({"type": ["string", "null"]}, "schema: type ['string', 'null']; it is one of"),
        ({"type": "object", "properties": {"x": {"type": {}}}}, "schema.x: type {}; it is one of"),
        ({"type": "object", "required": 7}, "schema: required is 7; it is a list of names"),
        ({"type": "object", "required": "x"}, "schema: required is 'x'; it is a list of names"),
        ({"type": "object", "required": [[]]}, "schema: required is [[]]; it is a list of names"),
        ({"type": "string", "enum": "ab"}, "schema: enum is 'ab'; it is a list of values"),
        ({"type": "string", "maxLength": "3"}, "schema: maxLength is '3'; it is a whole number"),
        ({"type": "string", "minLength": None}, "schema: minLength is None; it is a whole number"),
        (
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 1.5},
            "schema: maxItems is 1.5; it is a whole number",
        ),
        ({"type": "integer", "minimum": "1"}, "schema: minimum is '1'; it is a number"),
        ({"type": "number", "maximum": True}, "schema: maximum is True; it is a number"),
    ],
)
def test_a_schema_that_says_what_is_not_checked_is_refused(schema: object, sentence: str) -> None:
    assert fault_of_schema(schema).startswith(sentence)


@pytest.mark.parametrize(
    ("value", "schema", "sentence"),
    [
        ("x", {"type": "string", "pattern": "[a-c]+"}, "attributes: 'x' does not match '[a-c]+'"),
        (True, {"type": "integer"}, "attributes: True is no whole number"),
        (1.5, {"type": "integer"}, "attributes: 1.5 is no whole number"),
        ({"y": 1}, {"type": "object"}, "attributes.y is no property; those are none"),
    ],
)
def test_a_fault_says_where_and_what(value: object, schema: dict[str, Any], sentence: str) -> None:
    assert fault_of(value, schema) == sentence


def test_what_ships_is_a_schema() -> None:
    assert [fault_of_schema(each.schema) for each in SHIPPED_AD_TYPES] == [""] * 4
