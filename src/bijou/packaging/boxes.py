"""ISO base media boxes: reading within bounds, writing, errors with a byte.

Source: ISO/IEC 14496-12, section 4.2.
"""

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from bijou.ports import InvalidRequest


def bad_mp4(position: int, what: str) -> InvalidRequest:
    """Return the one error of this room's readers: what is wrong, and where."""
    return InvalidRequest("packaging.bad_mp4", f"not a usable fragmented MP4, at byte {position}: {what}")


@dataclass(frozen=True, slots=True)
class BoxHeader:
    """Where a box lies; positions count from the start of the file."""

    kind: str
    position: int
    header_bytes: int
    size_bytes: int

    @property
    def body_position(self) -> int:
        """Where what the box holds begins."""
        return self.position + self.header_bytes

    @property
    def end(self) -> int:
        """The first byte after the box."""
        return self.position + self.size_bytes


def read_header(head: bytes | memoryview, position: int, end: int) -> BoxHeader:
    """Read a box's header; a box must fit into what encloses it.

    Args:
        head: The first 16 bytes of the box, or as many as there are.
        position: Where `head` begins.
        end: Where the enclosing box, or the file, ends.

    Raises:
        InvalidRequest: `packaging.bad_mp4`.
    """
    fields = Fields(head, position, "a box header")
    size, kind = fields.unsigned(4), fields.take(4).decode("latin-1")
    if size == 1:
        size = fields.unsigned(8)
    if size < fields.used:
        raise bad_mp4(
            position, f"box {kind!r} claims {size} bytes, less than its own header of {fields.used}"
        )
    if size > end - position:
        raise bad_mp4(position, f"box {kind!r} claims {size} bytes where {end - position} are left")
    return BoxHeader(kind, position, fields.used, size)


class Fields:
    """Big-endian numbers, one after the other, that cannot be read past the end.

    Args:
        content: The bytes.
        position: Where they begin in the file, for messages.
        name: What they are, for messages.

    Example:
        >>> fields = Fields(bytes([0, 7, 255]), 0, "'demo'")
        >>> fields.unsigned(2), fields.signed(1)
        (7, -1)
    """

    def __init__(self, content: bytes | memoryview, position: int, name: str) -> None:
        self._content = memoryview(content)
        self._position = position
        self._name = name
        self.used = 0

    @property
    def position(self) -> int:
        """Where the next field begins in the file."""
        return self._position + self.used

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self._content) - self.used

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; InvalidRequest `packaging.bad_mp4` where there are fewer."""
        if count > self.left:
            raise bad_mp4(self.position, f"{count} bytes wanted in {self._name} where {self.left} are left")
        start, self.used = self.used, self.used + count
        return bytes(self._content[start : self.used])

    def unsigned(self, count: int) -> int:
        """Return an unsigned number of `count` bytes."""
        return int.from_bytes(self.take(count))

    def signed(self, count: int) -> int:
        """Return a two's complement number of `count` bytes."""
        return int.from_bytes(self.take(count), signed=True)

    def words(self, count: int) -> "array[int]":
        """Return `count` unsigned 32-bit numbers; four bytes of memory each."""
        numbers = array("I")
        numbers.frombytes(self.take(4 * count))
        return _big_endian(numbers)


@dataclass(frozen=True, slots=True)
class Box:
    """A box that is held in memory."""

    header: BoxHeader
    body: memoryview

    @property
    def kind(self) -> str:
        """The four characters that name it."""
        return self.header.kind

    def fields(self) -> Fields:
        """Read it as numbers."""
        return Fields(self.body, self.header.body_position, repr(self.kind))

    def full(self) -> tuple[int, int, Fields]:
        """Read it as a full box: version, flags, and the fields behind them."""
        fields = self.fields()
        return fields.unsigned(1), fields.unsigned(3), fields

    def bad(self, what: str) -> InvalidRequest:
        """Return the error that something is wrong with this box."""
        return bad_mp4(self.header.position, f"{self.kind!r} {what}")


def boxes(content: bytes | memoryview, position: int) -> Iterator[Box]:
    """Yield the boxes that `content` is made of, lazily.

    Raises:
        InvalidRequest: `packaging.bad_mp4`, on the step that meets the fault.
    """
    view = memoryview(content)
    end, at = position + len(view), position
    while at < end:
        start = at - position
        header = read_header(view[start : start + 16], at, end)
        yield Box(header, view[start + header.header_bytes : start + header.size_bytes])
        at = header.end


def children(parent: Box, skip_bytes: int = 0) -> Iterator[Box]:
    """Yield the boxes inside `parent`, behind `skip_bytes` of its own fields."""
    if skip_bytes > len(parent.body):
        raise parent.bad(f"holds {len(parent.body)} bytes; its fields alone take {skip_bytes}")
    return boxes(parent.body[skip_bytes:], parent.header.body_position + skip_bytes)


def only(parent: Box, kind: str, skip_bytes: int = 0) -> Box:
    """Return the one child of that kind; InvalidRequest where there is none or a second."""
    found = maybe(parent, kind, skip_bytes)
    if found is None:
        raise parent.bad(f"has no {kind!r}; it must have one")
    return found


def maybe(parent: Box, kind: str, skip_bytes: int = 0) -> Box | None:
    """Return the one child of that kind, or None; InvalidRequest where there is a second."""
    found: Box | None = None
    for child in children(parent, skip_bytes):
        if child.kind != kind:
            continue
        if found is not None:
            raise child.bad(f"stands a second time in {parent.kind!r}; one is allowed")
        found = child
    return found


def box(kind: str, *parts: bytes | memoryview) -> bytes:
    """Write a box.

    Example:
        >>> box("free", b"ab").hex(" ", -4)
        '0000000a 66726565 6162'
    """
    body = b"".join(parts)
    return (len(body) + 8).to_bytes(4) + kind.encode("latin-1") + body


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    """Write a full box: a box that begins with a version and flags."""
    return box(kind, version.to_bytes(1) + flags.to_bytes(3), *parts)


def u16(*numbers: int) -> bytes:
    """Write unsigned 16-bit numbers."""
    return b"".join(number.to_bytes(2) for number in numbers)


def u32(*numbers: int) -> bytes:
    """Write unsigned 32-bit numbers."""
    return b"".join(number.to_bytes(4) for number in numbers)


def u64(*numbers: int) -> bytes:
    """Write unsigned 64-bit numbers."""
    return b"".join(number.to_bytes(8) for number in numbers)


def pack_words(numbers: "array[int]") -> bytes:
    """Write unsigned 32-bit numbers that lie in an array of type `I`."""
    return _big_endian(numbers[:]).tobytes()


def _big_endian(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
