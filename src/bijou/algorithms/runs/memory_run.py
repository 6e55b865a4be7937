"""Sorted runs, and one that lies in memory."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Protocol

Entry = tuple[bytes, bytes | None]
"""A key and its value; None says that the key was deleted."""


class Missing(Enum):
    """What `get` of a run returns for a key of which it knows nothing."""

    MISSING = "missing"


class Run(Protocol):
    """Entries in the order of their keys, each key once; unchanging."""

    size_bytes: int

    def get(self, key: bytes) -> bytes | Missing | None:
        """Return the value, None where the key was deleted, MISSING where it is not here."""
        ...

    def entries(self, start: bytes, stop: bytes | None) -> Iterator[Entry]:
        """Yield entries with start <= key < stop, deleted ones too."""
        ...


class MemoryRun:
    """A memtable that takes no more writes: what is read until its file stands.

    Cost: O(log n) a `get`.
    Threads: safe; it does not change.
    """

    __slots__ = ("_keys", "_values", "size_bytes")

    def __init__(self, table: Mapping[bytes, bytes | None], size_bytes: int) -> None:
        self._keys = sorted(table)
        self._values = [table[key] for key in self._keys]
        self.size_bytes = size_bytes

    def get(self, key: bytes) -> bytes | Missing | None:
        """Return the value, None where the key was deleted, MISSING where it is not here."""
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            return self._values[at]
        return Missing.MISSING

    def entries(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[Entry]:
        """Yield entries with start <= key < stop, deleted ones too."""
        first = bisect_left(self._keys, start)
        last = len(self._keys) if stop is None else bisect_left(self._keys, stop)
        yield from zip(self._keys[first:last], self._values[first:last], strict=True)
