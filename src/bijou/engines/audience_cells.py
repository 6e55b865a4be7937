"""Columns of Arrow as cells of `bijou.audience`: checked, in bulk where all is well.

A column is converted at once; where that fails, value by value, so that each
bad cell is named and the others are kept.
"""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bijou.audience.api import (
    FALSE,
    KNOWN_SET,
    MAX_SET_VALUES,
    MAX_WORDS,
    NO_INTEGER,
    TRUE,
    Cells,
    Dimension,
    Kind,
    Texts,
    dtype_of,
    is_known,
    looked_up,
    unknown,
    value_problem,
)
from bijou.ports import Instant

Array = Any
Bad = list[tuple[int, str, str]]

_MAX_ID_BYTES: Final = 256
_TRUE: Final = frozenset({"true", "1", "yes", "t", "y"})
_FALSE: Final = frozenset({"false", "0", "no", "f", "n"})
_RULES: Final = {
    Kind.INTEGER: "an integer, such as 42",
    Kind.NUMBER: "a number, such as 1.5",
    Kind.FLAG: "true or false",
    Kind.EVENT: "a moment: RFC 3339 such as 2026-11-21T10:00:00Z, or seconds since 1970",
}
_MOMENT_END_S: Final = 1 << 32


class BadCells(Exception):
    """A column cannot be what it should be, in no row."""


class Decoded(NamedTuple):
    """A column's cells, bad ones unknown."""

    values: Array
    words: list[str]

    def cells(self, good: Array | None = None) -> Cells:
        """Return them, or those of good rows."""
        return Cells(self.values if good is None else self.values[good], self.words)


def decode_ids(column: Array) -> tuple[Texts, Bad]:
    """Return identifiers as bytes; what is bad is told without the identifier."""
    column = _flat(column)
    rule = f"an identifier: UTF-8 of 1 to {_MAX_ID_BYTES} bytes"
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    if not _is_bytes(column.type):
        raise BadCells(f"the column of users is {column.type}; it holds texts or integers")
    texts = _texts(column)
    sizes = np.diff(texts.offsets)
    bad = {int(row): "" for row in np.flatnonzero((sizes < 1) | (sizes > _MAX_ID_BYTES))}
    if column.null_count:
        bad |= {row: "" for row, is_null in enumerate(column.is_null().to_pylist()) if is_null}
    if not _is_utf8(column):
        bad |= {row: "" for row, value in enumerate(column.to_pylist()) if value and not _decodes(value)}
    return texts, [(row, value, rule) for row, value in sorted(bad.items())]


def decode_moments(column: Array) -> tuple[Array, Bad]:
    """Return u32 seconds since 1970, 0 where there is nothing."""
    decoded, bad = _numeric(_flat(column), Kind.EVENT, _moments_of, _moment)
    return decoded.values, bad


def decode_cells(column: Array, dimension: Dimension) -> tuple[Decoded, Bad]:
    """Return the cells of a dimension, or of one event, and what is wrong with which.

    Raises:
        BadCells: The column's type can be none of the dimension's.
    """
    column = _flat(column)
    match dimension.kind:
        case Kind.CATEGORY:
            return _category(column, dimension)
        case Kind.SET:
            return _set(column, dimension)
        case Kind.EVENT:
            return _numeric(column, Kind.EVENT, _moments_of, _moment)
        case Kind.INTEGER:
            decoded, bad = _numeric(column, Kind.INTEGER, _integers_of, _integer)
            return decoded, bad + _outside(decoded.values, dimension)
        case Kind.NUMBER:
            decoded, bad = _numeric(column, Kind.NUMBER, _numbers_of, _number)
            return decoded, bad + _outside(decoded.values, dimension)
        case Kind.FLAG:
            return _numeric(column, Kind.FLAG, _flags_of, _flag)


def _flat(column: Array) -> Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _is_bytes(kind: Any) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _texts(column: Array) -> Texts:
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offsets, data = column.buffers()
    begin, end = column.offset, column.offset + len(column) + 1
    places = np.frombuffer(offsets, np.int64 if wide else np.int32)[begin:end]
    return Texts(places, np.frombuffer(data or b"", np.uint8))


def _is_utf8(column: Array) -> bool:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return True
    try:
        column.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _dictionary(column: Array, dimension: Dimension) -> tuple[list[str | None], Array]:
    """Return the different values (None: not UTF-8), and of each row its value's place, -1 for none."""
    if not pa.types.is_dictionary(column.type):
        if not _is_bytes(column.type) and not pa.types.is_null(column.type):
            raise BadCells(f"column {dimension.name!r} is {column.type}; a {dimension.kind} is text")
        column = column.cast(pa.string()) if pa.types.is_null(column.type) else column
        column = column.dictionary_encode()
    places = _filled(column.indices, -1)
    return [_word(value) for value in column.dictionary.to_pylist()], places


def _word(value: str | bytes) -> str | None:
    try:
        return value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        return None


def _category(column: Array, dimension: Dimension) -> tuple[Decoded, Bad]:
    found, places = _dictionary(column, dimension)
    words: list[str] = []
    codes = np.zeros(len(found) + 1, np.uint16)  # the last, for -1: unknown
    rules: dict[int, tuple[str, str]] = {}
    for place, word in enumerate(found):
        if word == "":
            continue
        problem = "UTF-8" if word is None else value_problem(dimension, word)
        if word is None or problem:
            rules[place] = (_short(word), problem)
        else:
            words.append(word)
            if len(words) > MAX_WORDS:
                raise BadCells(
                    f"column {dimension.name!r} has over {MAX_WORDS:,} different values in one chunk"
                )
            codes[place] = len(words)
    if len(words) < 256:
        codes = codes.astype(np.uint8)
    return Decoded(looked_up(codes, places), words), _bad_places(places, rules)


def _bad_places(places: Array, rules: dict[int, tuple[str, str]]) -> Bad:
    if not rules:
        return []
    rows = np.flatnonzero(np.isin(places, list(rules)))
    return [(int(row), *rules[int(places[row])]) for row in rows]


def _set(column: Array, dimension: Dimension) -> tuple[Decoded, Bad]:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column, "|")
    found, places = _dictionary(column, dimension)
    bits: dict[str, int] = {}
    masks = np.zeros(len(found) + 1, np.uint64)
    rules: dict[int, tuple[str, str]] = {}
    for place, text in enumerate(found):
        if text == "":
            continue
        parts = [part for part in (text or "").split("|") if part]
        problems = [value_problem(dimension, part) for part in parts]
        problem = "UTF-8" if text is None else next((each for each in problems if each), "")
        if problem:
            rules[place] = (_short(text), problem)
            continue
        for part in parts:
            bits.setdefault(part, len(bits))
        if len(bits) > MAX_SET_VALUES:
            raise BadCells(
                f"column {dimension.name!r} has over {MAX_SET_VALUES} different values; a set holds no more"
            )
        masks[place] = KNOWN_SET | sum({2 << bits[part] for part in parts})
    masks = masks.astype(dtype_of(Kind.SET, len(bits)))
    return Decoded(looked_up(masks, places), list(bits)), _bad_places(places, rules)


def _numeric(
    column: Array, kind: Kind, in_bulk: Callable[[Array], Array], one: Callable[[str], Any]
) -> tuple[Decoded, Bad]:
    """Convert at once, or else value by value."""
    try:
        return Decoded(in_bulk(_untexted(column)), []), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError, ValueError):
        values = np.full(len(column), unknown(kind), dtype_of(kind))
        bad: Bad = []
        for row, value in enumerate(column.to_pylist()):
            text = _said(value)
            if text is None or text == "":
                continue
            try:
                values[row] = one(text)
            except (ValueError, OverflowError):
                bad.append((row, _short(text), _RULES[kind]))
        return Decoded(values, []), bad


def _filled(column: Array, empty: float) -> Array:
    """Return numbers, with `empty` where there is none; Arrow's own ways import pandas for it."""
    valid, numbers = column.buffers()
    within = slice(column.offset, column.offset + len(column))
    dtype = {"float": "float32"}.get(str(column.type), str(column.type))
    values = np.frombuffer(numbers or b"", dtype)[within]
    if column.null_count:
        is_there = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[within]
        values = np.where(is_there == 1, values, values.dtype.type(empty))
    return values


def _untexted(column: Array) -> Array:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return column.cast(pa.string())
    return column


def _said(value: Any) -> str | None:
    """Return a cell as text."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integers_of(column: Array) -> Array:
    if pa.types.is_boolean(column.type):
        raise ValueError("flags are no integers")
    return _filled(column.cast(pa.int32()), NO_INTEGER)


def _integer(text: str) -> int:
    value = float(text) if text.endswith(".0") else int(text)
    if not -(1 << 31) < value < 1 << 31 or "_" in text:
        raise ValueError(text)
    return int(value)


def _numbers_of(column: Array) -> Array:
    if pa.types.is_boolean(column.type):
        raise ValueError("flags are no numbers")
    values = _filled(column.cast(pa.float64()).cast(pa.float32(), safe=False), math.nan)
    if np.isinf(values).any():
        raise ValueError("an infinite number")
    return values


def _number(text: str) -> float:
    value = float(text)
    if abs(value) > np.finfo(np.float32).max or "_" in text:
        raise ValueError(text)
    return value


def _flags_of(column: Array) -> Array:
    if pa.types.is_string(column.type):
        words = column.dictionary_encode()
        codes = np.array([*map(_flag, words.dictionary.to_pylist()), 0], np.uint8)
        return codes[_filled(words.indices, -1)]
    whole = column.cast(pa.bool_()) if pa.types.is_boolean(column.type) else _zero_or_one(column)
    codes = _filled(whole.cast(pa.uint8()), 255) + np.uint8(1)
    return codes.astype(np.uint8)  # 255 + 1 is 0: unknown


def _zero_or_one(column: Array) -> Array:
    found = pc.min_max(column).as_py()
    if found["min"] is not None and (found["min"] < 0 or found["max"] > 1):
        raise ValueError("flags are 0 or 1")
    return column.cast(pa.uint8())


def _flag(text: str) -> int:
    if text.lower() in _TRUE:
        return TRUE
    if text.lower() in _FALSE:
        return FALSE
    if text:
        raise ValueError(text)
    return 0


def _moments_of(column: Array) -> Array:
    if pa.types.is_string(column.type):
        column = _moments_of_text(column)
    elif pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    elif not pa.types.is_integer(column.type) and not pa.types.is_null(column.type):
        raise ValueError("no moments")
    values = _filled(column.cast(pa.int64()), 0)
    if len(values) and not (values.min() >= 0 and values.max() < _MOMENT_END_S):
        raise ValueError("a moment before 1970 or after 2106")
    return values.astype(np.uint32)


def _moments_of_text(column: Array) -> Array:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("s"), safe=False).cast(pa.int64())


def _moment(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else Instant.parse(text) // 1_000_000
    if not 0 <= value < _MOMENT_END_S:
        raise ValueError(text)
    return value


def _outside(values: Array, dimension: Dimension) -> Bad:
    """Return the cells that are outside of a dimension's bounds."""
    if dimension.low is None and dimension.high is None:
        return []
    known = is_known(dimension.kind, values)
    low = -np.inf if dimension.low is None else dimension.low
    high = np.inf if dimension.high is None else dimension.high
    outside = known & ((values < low) | (values > high))
    return [
        (int(row), f"{values[row]:g}", value_problem(dimension, values[row].item()))
        for row in np.flatnonzero(outside)
    ]


def _short(text: str | None) -> str:
    shown = "" if text is None else text
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
