"""The full picture under all deltas: one table in pieces, each of which goes on where one ends."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bijou.audience.column_files import Array, Column
from bijou.audience.ordinals import Ordinals

KNOWN, AT = "known", "at"
_HIGH, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_CELLS_A_PAGE = 1024


class Columns(Protocol):
    """Arrays for reading, wherever they are; see `Piece`."""

    def __contains__(self, name: object) -> bool: ...

    def columns(self) -> list[Column]:
        """Return what it holds."""
        ...

    def count(self, name: str) -> int:
        """Return the length of an array."""
        ...

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Return a part of an array."""
        ...

    def mapped(self, name: str) -> Array:
        """Return an array for reading here and there."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class ColumnsFile(Columns, Protocol):
    """A file of them, in pieces; it is its own first piece."""

    def pieces(self) -> Sequence[Columns]:
        """Return all pieces."""
        ...


C = TypeVar("C", bound=Columns)


class Base:
    """The rows of a base, or of a batch that may become one; row n is the user with ordinal n.

    A column may be narrower in earlier pieces, or lack there. Moments lie as
    `row << 32 | at_s` with the row counted from the piece's first.

    Threads: one at a time.
    """

    def __init__(self, pieces: Iterable[Columns]) -> None:
        self._pieces = list(pieces)
        self.starts = starts_of(self._pieces)
        self.rows = self.starts[-1]

    def __contains__(self, name: object) -> bool:
        return any(name in piece for piece in self._pieces)

    def names(self) -> set[str]:
        """Return the names of all arrays."""
        return {column.name for piece in self._pieces for column in piece.columns()}

    def fill(self, cells: Array, name: str, start: int, stop: int, step: int = 1) -> None:
        """Put the cells of rows [start:stop:step] of a dimension into an array's first places."""
        for piece, first, last in self._within(start, stop):
            if name in piece:
                begin = -(-max(first - start, 0) // step) * step + start  # the first row that is asked
                below, above = begin - first, min(stop, last) - first
                read = piece.read(name, below, above) if step == 1 else piece.mapped(name)[below:above:step]
                at = (begin - start) // step
                cells[at : at + len(read)] = read

    def gather(self, cells: Array, name: str, ordinals: Ordinals) -> None:
        """Put the cells of some users, who rise, into their places; others keep theirs."""
        for piece, start, mine in self._held(ordinals):
            if name in piece:
                rows = ordinals[mine] - np.uint32(start)
                cells[mine] = _some(piece, name, len(rows))[rows]

    def moments(self, name: str, start: int, stop: int) -> list[Array]:
        """Return runs of `ordinal << 32 | at_s` of users [start, stop), which rise from run to run."""
        runs = []
        for piece, first, last in self._within(start, stop):
            if name not in piece:
                continue
            if start <= first and last <= stop:
                keys = piece.read(name)
            else:
                bounds = np.array([max(start - first, 0), stop - first], np.uint64) << _HIGH
                keys = piece.mapped(name)
                keys = keys[slice(*np.searchsorted(keys, bounds))]
            runs.append(keys + (np.uint64(first) << _HIGH) if first else keys)
        return [run for run in runs if len(run)]

    def moments_of(self, name: str, ordinals: Ordinals) -> list[Array]:
        """Return the moments of some users, who rise, as `moments` does."""
        runs = []
        for piece, start, mine in self._held(ordinals):
            if name in piece:
                rows = ordinals[mine] - np.uint32(start)
                runs.append(picked(_some(piece, name, len(rows)), rows) + (np.uint64(start) << _HIGH))
        return [run for run in runs if len(run)]

    def _held(self, ordinals: Ordinals) -> Iterator[tuple[Columns, int, slice]]:
        """Yield the pieces that hold some users, who rise; where each begins, and which users these are."""
        bounds = np.searchsorted(ordinals, np.array(self.starts, np.uint32)).tolist()
        for number, piece in enumerate(self._pieces):
            mine = slice(bounds[number], bounds[number + 1])
            if mine.start < mine.stop:
                yield piece, self.starts[number], mine

    def _within(self, start: int, stop: int) -> Iterator[tuple[Columns, int, int]]:
        """Yield the pieces that hold some of the rows [start, stop), with their first and last bound."""
        for number, piece in enumerate(self._pieces):
            first, last = self.starts[number], self.starts[number + 1]
            if first < min(stop, last) and start < last:
                yield piece, first, last

    def close(self) -> None:
        """Let the file go."""
        for piece in self._pieces:
            piece.close()


def starts_of(pieces: Iterable[Columns]) -> list[int]:
    """Return the row at which each piece begins, and at the end how many rows there are."""
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + piece.count(AT))
    return starts


def located(pieces: Sequence[C], ordinal: int) -> tuple[C, int] | None:
    """Return the piece that holds an ordinal, and its row there."""
    starts = starts_of(pieces)
    if ordinal >= starts[-1]:
        return None
    number = int(np.searchsorted(starts, ordinal, side="right")) - 1
    return pieces[number], ordinal - starts[number]


def picked(keys: Array, ordinals: Ordinals) -> Array:
    """Return, of keys that rise, those of some users, who rise."""
    bounds = ordinals.astype(np.uint64) << _HIGH
    first, last = np.searchsorted(keys, bounds), np.searchsorted(keys, bounds | _LOW, side="right")
    counts = last - first
    places = np.arange(counts.sum()) + np.repeat(first - np.append(0, np.cumsum(counts)[:-1]), counts)
    found: Array = keys[places]
    return found


def _some(piece: Columns, name: str, rows: int) -> Array:
    """Return an array of which so many rows are wanted: read where they are on most of its pages."""
    return piece.read(name) if rows > piece.count(name) / _CELLS_A_PAGE else piece.mapped(name)


def keys_of(rows: NDArray[np.integer], at_s: Array) -> Array:
    """Return moments as `row << 32 | at_s`, where they are any."""
    keys: Array = rows.astype(np.uint64) << _HIGH | at_s.astype(np.uint64)
    return keys
