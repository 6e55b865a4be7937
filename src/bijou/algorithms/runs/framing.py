"""What the log is made of: frames that are whole or not there."""

from collections.abc import Iterable
from struct import Struct
from typing import Final
from zlib import crc32

from bijou.algorithms.runs.memory_run import Entry

_LENGTH: Final = Struct("<I")
_CHECK: Final = Struct("<I")
_ENTRY: Final = Struct("<HI")
_HEADER_BYTES: Final = _LENGTH.size + _CHECK.size
MOST_KEY_BYTES: Final = 0xFFFF
MOST_VALUE_BYTES: Final = 0x7FFF_FFFF


def frame(entries: Iterable[Entry]) -> bytes:
    """Lay out entries that are written together, so that after a crash all or none are there.

    The check covers the length too: a tail of zeros is no frame.

    Cost: O(bytes).
    Threads: safe.

    Raises:
        ValueError: a key of more than 65,535 bytes, or a value of 2 GiB.

    Example:
        >>> recover(frame([(b"k", b"v"), (b"gone", None)]) + b"torn")
        ([[(b'k', b'v'), (b'gone', None)]], 26)
    """
    parts: list[bytes] = []
    for key, value in entries:
        if len(key) > MOST_KEY_BYTES:
            raise ValueError(f"a key has {len(key)} bytes; at most {MOST_KEY_BYTES} fit")
        if value is None:
            parts += (_ENTRY.pack(len(key), 0), key)
        elif len(value) < MOST_VALUE_BYTES:
            parts += (_ENTRY.pack(len(key), len(value) + 1), key, value)
        else:
            raise ValueError(f"a value has {len(value)} bytes; fewer than {MOST_VALUE_BYTES} fit")
    body = b"".join(parts)
    length = _LENGTH.pack(len(body))
    return length + _CHECK.pack(crc32(body, crc32(length))) + body


def recover(log: bytes | memoryview) -> tuple[list[list[Entry]], int]:
    """Read frames up to the first that is torn; return them, and the bytes that they fill.

    Cost: O(bytes).
    Threads: safe.
    """
    view = memoryview(log)
    batches, at = [], 0
    while at + _HEADER_BYTES <= len(view):
        (length,) = _LENGTH.unpack_from(view, at)
        (check,) = _CHECK.unpack_from(view, at + _LENGTH.size)
        body = view[at + _HEADER_BYTES : at + _HEADER_BYTES + length]
        if len(body) < length or crc32(body, crc32(view[at : at + _LENGTH.size])) != check:
            break
        batches.append(_entries(bytes(body)))
        at += _HEADER_BYTES + length
    return batches, at


def _entries(body: bytes) -> list[Entry]:
    entries: list[Entry] = []
    at = 0
    while at < len(body):
        key_bytes, marked = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size
        key = body[at : at + key_bytes]
        at += key_bytes
        value_bytes = max(0, marked - 1)
        entries.append((key, body[at : at + value_bytes] if marked else None))
        at += value_bytes
    return entries
