"""JSON as bijou speaks it: msgspec, with instants as RFC 3339."""

from typing import Any, TypeVar

import msgspec

from bijou.ports import Instant

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Write a Struct, or anything made of them, as JSON."""
    return _ENCODER.encode(value)


def decode(content: bytes | str, kind: type[T]) -> T:
    """Read JSON into `kind`; unknown fields are ignored, so that peers may grow.

    Raises:
        msgspec.ValidationError: valid JSON, wrong shape; the text says where.
        msgspec.DecodeError: not JSON, or nested too deeply to be read.
    """
    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_from_wire)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply; hundreds of levels can be read") from None


def convert(value: object, kind: type[T]) -> T:
    """Read plain objects (of TOML, of a query string) into `kind`, leniently typed."""
    return msgspec.convert(value, kind, strict=False, dec_hook=_from_wire)


def schema_of(kinds: list[type]) -> dict[str, Any]:
    """Return JSON Schema components of Structs, by name."""
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=_schema, ref_template="#/components/schemas/{name}"
    )
    return components


def _to_wire(value: object) -> object:
    if isinstance(value, Instant):
        return value.rfc3339()
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def _from_wire(kind: type, value: object) -> object:
    if kind is Instant and isinstance(value, str):
        return Instant.parse(value)
    if kind is Instant:
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")  # becomes a ValidationError
    raise NotImplementedError(f"no JSON form for {kind.__name__}")


def _schema(kind: type) -> dict[str, str]:
    if kind is Instant:
        return {"type": "string", "format": "date-time"}
    raise NotImplementedError(f"no JSON Schema for {kind.__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_to_wire)
