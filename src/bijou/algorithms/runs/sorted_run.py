"""Runs laid out in bytes: blocks, a sparse index over them, and a Bloom filter."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from struct import Struct
from typing import Final
from zlib import crc32

import numpy as np

from bijou.algorithms.runs.bloom import BloomFilter
from bijou.algorithms.runs.memory_run import Entry, Missing

_BLOCK: Final = Struct("<II")  # CRC of all that follows, entries
_PLACE: Final = Struct("<QI")  # of a block: where it starts, bytes
_TRAILER: Final = Struct("<QIQI4sI")  # index: start, bytes; filter: start, bytes; mark, CRC of all before
_MARK: Final = b"run1"
_DELETED: Final = 1 << 31
_ENTRIES: Final = 32
_ENOUGH_BYTES: Final = 1 << 20  # in a block: large values are read, and their CRC made, few at a time


class DamagedRun(ValueError):
    """The bytes of a run are not those that were written."""


def encode_run(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Lay out entries that ascend, each key once, as pieces to write one after another.

    Blocks of 32 entries, or of fewer that fill 1 MiB, each with its CRC; then
    the first key of every block (the sparse index), the Bloom filter of all
    keys, and a trailer.

    Cost: O(n); memory holds one block, 4 bytes a key, and the index.
    Threads: safe.

    Raises:
        ValueError: a key or a value of 2 GiB, or as much of first keys.

    Example:
        >>> run = SortedRun(b"".join(encode_run([(b"a", b"1"), (b"b", None)])))
        >>> run.get(b"a"), run.get(b"b"), run.get(b"c")
        (b'1', None, <Missing.MISSING: 'missing'>)
    """
    hashes = array("I")
    index: list[Entry] = []
    at = 0
    for block in _blocks(entries):
        hashes.extend([crc32(key) for key, _ in block])
        encoded = _encode_block(block)
        index.append((block[0][0], _PLACE.pack(at, len(encoded))))
        at += len(encoded)
        yield encoded
    encoded = _encode_block(index)
    bits = bytes(BloomFilter.of_hashes(np.frombuffer(hashes, np.uint32).astype(np.uint64)).bits)
    trailer = _TRAILER.pack(at, len(encoded), at + len(encoded), len(bits), _MARK, 0)[:-4]
    yield encoded
    yield bits
    yield trailer + crc32(trailer, crc32(bits)).to_bytes(4, "little")


class SortedRun:
    """A run in bytes, a mapped file for one: read where it lies.

    Cost: O(log n) a `get`: one bisection of the index in memory, one inside a
    block; most absent keys end at the Bloom filter. Memory: a key in 32.
    Threads: safe; it does not change.

    Args:
        content: What `encode_run` gave.

    Raises:
        DamagedRun: the trailer, the index or the filter is not what was
            written; a block is checked whenever it is read.
    """

    def __init__(self, content: bytes | memoryview) -> None:
        self._view = memoryview(content)
        self.size_bytes = len(self._view)
        index_at, index_bytes, filter_at, filter_bytes = self._trailer()
        bits = bytes(self._view[filter_at : filter_at + filter_bytes])
        trailer = self._view[self.size_bytes - _TRAILER.size : self.size_bytes - 4]
        check = int.from_bytes(self._view[self.size_bytes - 4 :], "little")
        if crc32(trailer, crc32(bits)) != check:
            raise DamagedRun(f"a run of {self.size_bytes} bytes has a trailer or filter that its CRC denies")
        self._filter = BloomFilter(bits)
        index = _Block(self._view[index_at : index_at + index_bytes])
        self._firsts = index.keys()
        self._places = [_PLACE.unpack(value or b"") for value in index.values()]

    def get(self, key: bytes) -> bytes | Missing | None:
        """Return the value, None where the key was deleted, MISSING where it is not here."""
        if not self._filter.may_hold(key):
            return Missing.MISSING
        number = bisect_right(self._firsts, key) - 1
        return self._block(number).get(key) if number >= 0 else Missing.MISSING

    def entries(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[Entry]:
        """Yield entries with start <= key < stop, deleted ones too."""
        first = max(0, bisect_right(self._firsts, start) - 1)
        last = len(self._firsts) if stop is None else bisect_left(self._firsts, stop)
        for number in range(first, last):
            block = self._block(number)
            keys = block.keys()
            low = bisect_left(keys, start)
            high = len(keys) if stop is None else bisect_left(keys, stop)
            yield from zip(keys[low:high], block.values()[low:high], strict=True)

    def _block(self, number: int) -> "_Block":
        at, size_bytes = self._places[number]
        return _Block(self._view[at : at + size_bytes])

    def _trailer(self) -> tuple[int, int, int, int]:
        if self.size_bytes < _TRAILER.size:
            raise DamagedRun(f"a run of {self.size_bytes} bytes is shorter than its trailer")
        *places, mark, _ = _TRAILER.unpack_from(self._view, self.size_bytes - _TRAILER.size)
        if mark != _MARK:
            raise DamagedRun(f"a run ends in {bytes(mark)!r}; it should end in {_MARK!r}")
        index_at, index_bytes, filter_at, filter_bytes = places
        return index_at, index_bytes, filter_at, filter_bytes


def _blocks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut before an entry that would be one too many, or take a block past enough bytes."""
    block: list[Entry] = []
    filled = 0
    for key, value in entries:
        size_bytes = len(key) + len(value or b"")
        if block and (len(block) == _ENTRIES or filled + size_bytes > _ENOUGH_BYTES):
            yield block
            block, filled = [], 0
        block.append((key, value))
        filled += size_bytes
    if block:
        yield block


def _encode_block(entries: Sequence[Entry]) -> bytes:
    """Lay out: CRC, count; where each key ends; where each value ends, marked if deleted; keys; values."""
    keys = [key for key, _ in entries]
    values = [value or b"" for _, value in entries]
    key_ends, value_ends = _ends("keys", keys), _ends("values", values)
    for number, (_, value) in enumerate(entries):
        if value is None:
            value_ends[number] |= _DELETED
    body = b"".join((len(entries).to_bytes(4, "little"), key_ends, value_ends, *keys, *values))
    return crc32(body).to_bytes(4, "little") + body


def _ends(what: str, parts: Sequence[bytes]) -> "array[int]":
    ends = [*accumulate(map(len, parts))]
    if ends and ends[-1] >= _DELETED:
        raise ValueError(f"a block would hold {ends[-1]} bytes of {what}; fewer than {_DELETED} fit")
    return array("I", ends)


class _Block:
    """One block, decoded no further than is asked."""

    __slots__ = ("_body", "_key_ends", "_keys_at", "_value_ends", "_values_at")

    def __init__(self, view: memoryview) -> None:
        body = bytes(view)
        if len(body) < _BLOCK.size:
            raise DamagedRun(f"a block of a run has {len(body)} bytes, and no room for its header")
        check, count = _BLOCK.unpack_from(body)
        if crc32(body[4:]) != check:
            raise DamagedRun(f"a block of a run, {len(body)} bytes, is not what its CRC says")
        self._body = body
        ends = array("I", body[_BLOCK.size : _BLOCK.size + 8 * count])
        self._key_ends, self._value_ends = ends[:count], ends[count:]
        self._keys_at = _BLOCK.size + 8 * count
        self._values_at = self._keys_at + (self._key_ends[-1] if count else 0)

    def get(self, key: bytes) -> bytes | Missing | None:
        number = bisect_left(range(len(self._key_ends)), key, key=self._key)
        if number == len(self._key_ends) or self._key(number) != key:
            return Missing.MISSING
        return self._value(number)

    def keys(self) -> list[bytes]:
        body, start = self._body, self._keys_at
        stops = [start + end for end in self._key_ends]
        return [body[low:high] for low, high in zip([start, *stops], stops, strict=False)]

    def values(self) -> list[bytes | None]:
        return [self._value(number) for number in range(len(self._value_ends))]

    def _key(self, number: int) -> bytes:
        start = self._key_ends[number - 1] if number else 0
        return self._body[self._keys_at + start : self._keys_at + self._key_ends[number]]

    def _value(self, number: int) -> bytes | None:
        end = self._value_ends[number]
        if end & _DELETED:
            return None
        start = self._value_ends[number - 1] & ~_DELETED if number else 0
        return self._body[self._values_at + start : self._values_at + end]
