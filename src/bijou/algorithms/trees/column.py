"""A column of values: each kind of value by itself, as narrow as it goes.

Layout: one byte of kinds that occur (bit 1 << kind); where several do, one
byte a value naming its kind; then each kind's values in order. Integers take
1, 2, 4 or 8 bytes each, the fewest that hold them all; text and bytes a
column of lengths before their joined content. There is exactly one way to
write a column, and the reader refuses all others.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NoReturn, TypeAlias

import numpy as np

from bijou.algorithms.trees.malformed import MalformedTree
from bijou.algorithms.trees.node import Value

Integers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

NONE, BOOL, INT, BIG, FLOAT, TEXT, BYTES = range(7)
_KINDS: dict[type, int] = {type(None): NONE, bool: BOOL, int: INT, float: FLOAT, str: TEXT, bytes: BYTES}
_WIDTHS: dict[int, Any] = {1: np.dtype("<i1"), 2: np.dtype("<i2"), 4: np.dtype("<i4"), 8: np.dtype("<i8")}


class Reader:
    """Bytes that are taken from the front, knowing their place in the whole."""

    def __init__(self, view: memoryview, start: int) -> None:
        self._view = view
        self._start = start
        self._at = 0

    @property
    def position(self) -> int:
        """The place of the next byte."""
        return self._start + self._at

    def take(self, count: int, what: str) -> memoryview:
        """Take the next `count` bytes, named `what` where they are missing."""
        left = len(self._view) - self._at
        if count > left:
            self.refuse(f"{what} needs {count:,} bytes and its block has {left:,} left")
        self._at += count
        return self._view[self._at - count : self._at]

    def refuse(self, problem: str, *, back: int = 0) -> NoReturn:
        """Refuse the bytes that began `back` before the next one."""
        at = self.position - back
        raise MalformedTree(problem, at, f"byte {at}")

    def finish(self) -> None:
        """Refuse what is left over."""
        if self._at < len(self._view):
            self.refuse(f"{len(self._view) - self._at:,} bytes are left over in the block")


def write_column(values: Sequence[Value]) -> bytes:
    """Return the column's bytes.

    Raises:
        TypeError: A value is of no kind that a column has.
        ValueError: A text holds half a surrogate pair.
    """
    kinds = {_kind(value) for value in values} if not _is_plain(values) else {_KINDS[type(values[0])]}
    head = bytes([sum(1 << kind for kind in kinds)])
    if len(kinds) == 1:
        (kind,) = kinds
        return head + _WRITERS[kind](values)
    tags = bytes(map(_kind, values))
    columns = [
        _WRITERS[kind]([value for value, tag in zip(values, tags, strict=True) if tag == kind])
        for kind in sorted(kinds)
    ]
    return head + tags + b"".join(columns)


def read_column(source: Reader, count: int) -> list[Any]:
    """Take a column of `count` >= 1 values.

    Raises:
        MalformedTree: It is not what `write_column` writes.
    """
    mask = source.take(1, "the kinds of values")[0]
    kinds = [kind for kind in range(8) if mask >> kind & 1]
    if not kinds or kinds[-1] > BYTES:
        source.refuse(f"kinds {mask:#010b}: at least one of the lowest seven bits must be set", back=1)
    if len(kinds) == 1:
        return _READERS[kinds[0]](source, count)
    tags = bytes(source.take(count, "the kind of each value"))
    seen = sorted(set(tags))
    if seen != kinds:
        source.refuse(f"values of kinds {seen}, but kinds {kinds} were announced", back=count)
    columns: dict[int, Iterator[Any]] = {
        kind: iter(_READERS[kind](source, tags.count(kind))) for kind in kinds
    }
    return [next(columns[tag]) for tag in tags]


def _is_plain(values: Sequence[Value]) -> bool:
    """Tell whether all are of one type, and ints fit in 64 bits: by far the most frequent."""
    types = set(map(type, values))
    if len(types) > 1 or not types <= _KINDS.keys():
        return False
    return int not in types or (min(values) >= -(1 << 63) and max(values) < 1 << 63)  # type: ignore[type-var,operator]


def _kind(value: Value) -> int:
    kind = _KINDS.get(type(value))
    if kind is None:
        raise TypeError(
            f"a node's value is {value!r} of type {type(value).__name__};"
            " it must be int, float, str, bytes, bool or None"
        )
    if kind == INT and not -(1 << 63) <= value < 1 << 63:  # type: ignore[operator]
        return BIG
    return kind


def _write_integers(values: Sequence[Any]) -> bytes:
    return _narrow(np.frombuffer(array("q", values), dtype=np.int64))


def _narrow(numbers: Integers) -> bytes:
    width = _width(numbers)
    return bytes((width,)) + bytes(numbers.astype(_WIDTHS[width]))


def _width(numbers: Integers) -> int:
    low, high = int(numbers.min()), int(numbers.max())
    return next(width for width in _WIDTHS if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1)


def _integers(source: Reader, count: int) -> Integers:
    width = source.take(1, "the width of integers")[0]
    if width not in _WIDTHS:
        source.refuse(f"integers {width} bytes wide; a width is 1, 2, 4 or 8", back=1)
    packed = source.take(width * count, "integers")
    numbers: Integers = np.frombuffer(packed, dtype=_WIDTHS[width]).astype(np.int64)
    if _width(numbers) != width:
        source.refuse(
            f"integers {width} bytes wide of which {_width(numbers)} would do; the narrowest is the rule",
            back=width * count + 1,
        )
    return numbers


def _read_integers(source: Reader, count: int) -> list[int]:
    numbers: list[int] = _integers(source, count).tolist()
    return numbers


def _write_joined(lengths: Sequence[int], content: bytes) -> bytes:
    return _write_integers(lengths) + len(content).to_bytes(8, "little") + content


def _read_lengths(source: Reader, count: int) -> tuple[list[int], memoryview]:
    """Take lengths and the joined content; return where each piece ends, and the content."""
    before = source.position
    lengths = _integers(source, count)
    size = int.from_bytes(source.take(8, "the size of the content"), "little")
    if int(lengths.min()) < 0 or int(lengths.max()) > size:
        source.refuse(
            f"pieces of {int(lengths.min())} to {int(lengths.max())} in {size:,} bytes; none may be outside",
            back=source.position - before,
        )
    ends: list[int] = np.cumsum(lengths).tolist()
    return [0, *ends], source.take(size, "the content")


def _check_total(source: Reader, total: int, there: int, content: memoryview) -> None:
    if total != there:
        source.refuse(f"pieces of {total:,} altogether, but the content has {there:,}", back=len(content))


def _write_text(values: Sequence[Any]) -> bytes:
    try:
        content = "".join(values).encode()
    except UnicodeEncodeError:
        broken = next(filter(_has_surrogate, values))
        raise ValueError(
            f"the text {broken!r} holds half a surrogate pair; text is whole characters"
        ) from None
    return _write_joined(list(map(len, values)), content)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _read_text(source: Reader, count: int) -> list[str]:
    ends, content = _read_lengths(source, count)
    try:
        text = str(content, "utf-8")
    except UnicodeDecodeError as error:
        source.refuse(f"the text is not UTF-8: {error.reason}", back=len(content) - error.start)
    _check_total(source, ends[-1], len(text), content)
    return [text[start:end] for start, end in pairwise(ends)]


def _write_bytes(values: Sequence[Any]) -> bytes:
    return _write_joined(list(map(len, values)), b"".join(values))


def _read_bytes(source: Reader, count: int) -> list[bytes]:
    ends, content = _read_lengths(source, count)
    _check_total(source, ends[-1], len(content), content)
    whole = bytes(content)
    return [whole[start:end] for start, end in pairwise(ends)]


def _big_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def _read_big(source: Reader, count: int) -> list[int]:
    numbers = []
    for piece in (pieces := _read_bytes(source, count)):
        number = int.from_bytes(piece, "little", signed=True)
        if _kind(number) != BIG or _big_bytes(number) != piece:
            source.refuse(
                f"a long integer of {len(piece)} bytes that fits in fewer; the shortest is the rule",
                back=sum(map(len, pieces)),
            )
        numbers.append(number)
    return numbers


def _read_floats(source: Reader, count: int) -> list[float]:
    numbers: list[float] = np.frombuffer(source.take(8 * count, "floats"), dtype="<f8").tolist()
    return numbers


def _read_bools(source: Reader, count: int) -> list[bool]:
    packed = source.take((count + 7) // 8, "booleans")
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little")
    if bits[count:].any():
        source.refuse("bits are set behind the last boolean; they must be 0", back=1)
    flags: list[bool] = bits[:count].astype(bool).tolist()
    return flags


_WRITERS: dict[int, Callable[[Sequence[Any]], bytes]] = {
    NONE: lambda _: b"",
    BOOL: lambda values: np.packbits(np.array(values, dtype=bool), bitorder="little").tobytes(),
    INT: _write_integers,
    BIG: lambda values: _write_bytes(list(map(_big_bytes, values))),
    FLOAT: lambda values: np.array(values, dtype="<f8").tobytes(),
    TEXT: _write_text,
    BYTES: _write_bytes,
}
_READERS: dict[int, Callable[[Reader, int], list[Any]]] = {
    NONE: lambda _, count: [None] * count,
    BOOL: _read_bools,
    INT: _read_integers,
    BIG: _read_big,
    FLOAT: _read_floats,
    TEXT: _read_text,
    BYTES: _read_bytes,
}
