"""A file's bytes: extents of one size, zeros where there are none."""

import errno
import stat
from typing import Final, NamedTuple, TypeAlias

from bijou.memfs.budget import Budget, Bytes, Extent
from bijou.memfs.faults import fault
from bijou.memfs.nodes import Birth, Node

END_OF_FILES: Final = 2**63 - 1

Source: TypeAlias = Extent | bytes


class Piece(NamedTuple):
    """Bytes [start, stop) of an extent that is sealed, or of bytes that are nobody's."""

    source: Source
    start: int
    stop: int


class File(Node):
    """Bytes in extents. The caller holds the file's lock for every method.

    Most files are one extent, which therefore has a slot of its own; only
    longer ones pay for a table. A table, not a list: a byte at 2^60 takes one
    entry. Full extents are `bytes`: sealed, and read without a copy.

    Cost: a write O(its bytes), plus one extent the first time that it changes
    a part of a sealed one; a read O(extents touched) here and the copy outside
    the lock.
    """

    KIND = stat.S_IFREG
    __slots__ = ("budget", "first", "others", "size_bytes")

    def __init__(self, birth: Birth, budget: Budget) -> None:
        super().__init__(birth)
        self.budget = budget
        self.size_bytes = 0
        self.first: Extent | None = None
        self.others: dict[int, Extent] | None = None

    def _size_bytes(self) -> int:
        return self.size_bytes

    def frozen(self) -> "File":
        """Return a copy that shares the extents; from now on changes copy them first."""
        copy = self._metadata_to(File(self._birth(), self.budget))
        copy.size_bytes, copy.first = self.size_bytes, self.first
        copy.others = None if self.others is None else dict(self.others)
        for extent in (self.first, *(self.others or {}).values()):
            if extent is not None:
                extent.is_sealed = True
        return copy

    def write(self, at: int, data: Bytes, path: str) -> None:
        """Put bytes at an offset, all or none; a gap before them reads as zeros.

        Whole `bytes` that fill an extent, or are its only content, are kept as
        they are, not copied.

        Raises:
            OSError: EFBIG, ENOSPC.
        """
        end = at + len(data)
        if end > END_OF_FILES:
            raise fault(errno.EFBIG, path)
        if not data:
            return
        extent_bytes = self.budget.extent_bytes
        self.budget.require(self._growth_bytes(at, end), path)
        index, offset = divmod(at, extent_bytes)
        if offset + len(data) <= extent_bytes:
            self._write_piece(index, offset, data)
        else:
            view, done = memoryview(data), 0
            while done < len(data):
                piece = view[done : done + extent_bytes - offset]
                self._write_piece(index, offset, piece)
                done += len(piece)
                index, offset = index + 1, 0
        self.size_bytes = max(self.size_bytes, end)

    def resize(self, size_bytes: int, path: str) -> None:
        """Cut the file, or let it end later with zeros.

        Raises:
            OSError: EFBIG.
        """
        if size_bytes > END_OF_FILES:
            raise fault(errno.EFBIG, path)
        if size_bytes < self.size_bytes:
            self._cut(*divmod(size_bytes, self.budget.extent_bytes))
        self.size_bytes = size_bytes

    def pieces(self, start: int, stop: int, *, seal: bool = False) -> list[Piece]:
        """Return what lies between two offsets inside the file.

        An open extent is sealed if that is asked for or most of it is read: a
        copy less now, one more when it changes again. A small part is copied.
        """
        found: list[Piece] = []
        extent_bytes = self.budget.extent_bytes
        while start < stop:
            index, low = divmod(start, extent_bytes)
            high = min(extent_bytes, low + stop - start)
            extent = self._extent(index)
            held = 0 if extent is None else min(extent.length, high)
            if extent is not None and low < held:
                if seal or 2 * (held - low) >= extent.length:
                    extent.is_sealed = True
                found.append(_piece(extent, low, held))
            if (filled := max(low, held)) < high:
                found.append(Piece(self.budget.zeros, 0, high - filled))
            start += high - low
        return found

    def _extent(self, index: int) -> Extent | None:
        if index == 0:
            return self.first
        return None if self.others is None else self.others.get(index)

    def _place(self, index: int, extent: Extent) -> None:
        if index == 0:
            self.first = extent
        elif self.others is None:
            self.others = {index: extent}
        else:
            self.others[index] = extent

    def _write_piece(self, index: int, offset: int, piece: Bytes) -> None:
        stop = offset + len(piece)
        extent = self._extent(index)
        if offset == 0 and (extent is None or stop >= extent.length):
            extent = self._put(index, Extent(bytes(piece), self.lock, is_sealed=True))
        else:
            extent = self._opened(index, extent)
            data = extent.data
            assert isinstance(data, bytearray)
            length = len(data)
            if offset > len(data):
                data += self.budget.zeros[: offset - len(data)]
            if offset == len(data):
                data += piece
            else:
                data[offset:stop] = piece
            # Filled to the end, it will hardly change again; written over in the middle, it may well.
            if length < len(data) == self.budget.extent_bytes:
                extent.data, extent.is_sealed = bytes(data), True
        self.budget.admit(extent)

    def _put(self, index: int, extent: Extent) -> Extent:
        self._place(index, extent)
        return extent

    def _opened(self, index: int, extent: Extent | None) -> Extent:
        """Return the extent if it may change, else put a copy in its place."""
        if extent is None:
            return self._put(index, Extent(bytearray(), self.lock, is_sealed=False))
        if not extent.is_sealed:
            return extent
        copy = bytearray(self.budget.fetch(extent))
        return self._put(index, Extent(copy, self.lock, is_sealed=False))

    def _cut(self, index: int, offset: int) -> None:
        first_dropped = index + (offset > 0)
        if first_dropped == 0:
            self.first = None
        if self.others is not None:
            for dropped in [each for each in self.others if each >= max(first_dropped, 1)]:
                del self.others[dropped]
            self.others = self.others or None
        extent = self._extent(index)
        if offset and extent is not None and extent.length > offset:
            kept = bytes(memoryview(self.budget.fetch(extent))[:offset])
            self.budget.admit(self._put(index, Extent(kept, self.lock, is_sealed=True)))

    def _growth_bytes(self, at: int, end: int) -> int:
        """Return by how much the extents would grow."""
        extent_bytes, growth = self.budget.extent_bytes, 0
        for index in range(at // extent_bytes, (end - 1) // extent_bytes + 1):
            extent = self._extent(index)
            held = 0 if extent is None else extent.length
            growth += max(0, min(extent_bytes, end - index * extent_bytes) - held)
        return growth


def _piece(extent: Extent, start: int, stop: int) -> Piece:
    data = extent.data
    if extent.is_sealed or data is None:
        return Piece(extent, start, stop)
    with memoryview(data) as view:
        return Piece(bytes(view[start:stop]), 0, stop - start)


def copied(pieces: list[Piece], budget: Budget) -> bytes:
    """Return the bytes of pieces in one; the only copy, and none for a whole sealed extent."""
    if len(pieces) == 1:
        source, start, stop = pieces[0]
        data = source if isinstance(source, bytes) else budget.fetch(source)
        if start == 0 and stop == len(data) and isinstance(data, bytes):
            return data
        return bytes(memoryview(data)[start:stop])
    return b"".join(views(pieces, budget))


def views(pieces: list[Piece], budget: Budget) -> list[memoryview]:
    """Return the bytes of pieces where they lie."""
    return [
        memoryview(source if isinstance(source, bytes) else budget.fetch(source)).toreadonly()[start:stop]
        for source, start, stop in pieces
    ]
