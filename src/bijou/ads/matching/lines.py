"""Line items as columns: what a base and a delta both keep of each."""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.ads.matching.asking import Line

Array = NDArray[Any]


class Lines(NamedTuple):
    """Columns of line items; row by row one line item.

    Args:
        ordinals: int32.
        ranks: int64.
        flights: int64 [lines, 2]: begins (inclusive) and ends (exclusive).
        standing: int8; 0 is active, `GONE` what another version replaced.
        begins: int64, where in `words` its program begins.
        sizes: uint16, in words.
        words: uint16, all programs.
    """

    ordinals: Array
    ranks: Array
    flights: Array
    standing: Array
    begins: Array
    sizes: Array
    words: Array

    @classmethod
    def empty(cls, lines: int, words: int) -> "Lines":
        """Return room for as many."""
        return cls(
            np.zeros(lines, dtype=np.int32),
            np.zeros(lines, dtype=np.int64),
            np.zeros((lines, 2), dtype=np.int64),
            np.zeros(lines, dtype=np.int8),
            np.zeros(lines, dtype=np.int64),
            np.zeros(lines, dtype=np.uint16),
            np.zeros(words, dtype=np.uint16),
        )

    def write(self, at: int, line: Line, program: "array[int]", begin: int) -> None:
        """Put a line item into row `at` and its program at `begin`."""
        self.ordinals[at] = line.ordinal
        self.ranks[at] = line.rank
        self.flights[at, 0] = line.starts_at
        self.flights[at, 1] = line.ends_at
        self.standing[at] = line.standing
        self.begins[at] = begin
        self.sizes[at] = len(program)
        self.words[begin : begin + len(program)] = program

    def program(self, at: int) -> list[int]:
        """Return the words of one program."""
        begin = int(self.begins[at])
        words: list[int] = self.words[begin : begin + int(self.sizes[at])].tolist()
        return words

    def nbytes(self) -> int:
        """Return what all columns take."""
        return sum(column.nbytes for column in self)


def in_rank_order(parts: Sequence[Lines], kept: Sequence[Array]) -> Lines:
    """Return one table of the rows that are kept, best first, equal programs once.

    Args:
        kept: Of each part, the rows.
    """
    ordinals, ranks, flights, standing, sizes = (
        np.concatenate([part[column][rows] for part, rows in zip(parts, kept, strict=True)])
        for column in (0, 1, 2, 3, 5)
    )
    order = np.lexsort((ordinals, ranks))
    begins, words = _together(parts, kept, sizes)
    return Lines(
        ordinals[order], ranks[order], flights[order], standing[order], begins[order], sizes[order], words
    )


def _together(parts: Sequence[Lines], kept: Sequence[Array], sizes: Array) -> tuple[Array, Array]:
    """Copy the programs that rows use, each once; return where each row's begins, and all words."""
    sources = np.concatenate([np.full(len(rows), part) for part, rows in enumerate(kept)])
    froms = np.concatenate([part.begins[rows] for part, rows in zip(parts, kept, strict=True)])
    _, firsts, which = np.unique((sources << 48) + froms, return_index=True, return_inverse=True)
    sources, froms, sizes = sources[firsts], froms[firsts], sizes[firsts]
    begins = np.cumsum(sizes, dtype=np.int64) - sizes
    words = np.empty(int(sizes.sum(dtype=np.int64)), dtype=np.uint16)
    for first in range(0, len(firsts), _CHUNK):
        rows = slice(first, first + _CHUNK)
        blobs = [part.words for part in parts]
        _copy_programs(blobs, sources[rows], froms[rows], begins[rows], sizes[rows], words)
    return begins[which], words


_CHUNK = 1 << 16


def _copy_programs(
    blobs: Sequence[Array], sources: Array, froms: Array, begins: Array, sizes: Array, words: Array
) -> None:
    for source, blob in enumerate(blobs):
        mine = np.flatnonzero(sources == source)
        into = spread(begins[mine], sizes[mine])
        words[into] = blob[spread(froms[mine], sizes[mine])]


def spread(firsts: Array, counts: Array) -> Array:
    """Return `first, first + 1, …` for each, `count` of them.

    Example:
        >>> spread(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    counts = counts.astype(np.int64)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    made: Array = np.arange(total) + np.repeat(firsts - (ends - counts), counts)
    return made


class LinesWriter:
    """Lines that come one after the other, kept as columns from the first on."""

    def __init__(self) -> None:
        self._columns = tuple(array(kind) for kind in "iqqqbHqH")
        self._begins: dict[bytes, int] = {}

    def add(self, line: Line, program: "array[int]") -> None:
        """Append one."""
        ordinals, ranks, starts, ends, standing, sizes, begins, words = self._columns
        ordinals.append(line.ordinal)
        ranks.append(line.rank)
        starts.append(line.starts_at)
        ends.append(line.ends_at)
        standing.append(line.standing)
        sizes.append(len(program))
        begin = self._begins.setdefault(program.tobytes(), len(words))
        if begin == len(words):
            words.extend(program)
        begins.append(begin)

    def finish(self) -> Lines:
        """Return all that came, best first."""
        ordinals, ranks, starts, ends, standing, sizes, begins, words = (
            np.array(column) if len(column) else np.zeros(0, dtype=column.typecode)
            for column in self._columns
        )
        flights = np.stack([starts, ends], axis=1)
        raw = Lines(ordinals, ranks, flights, standing, begins, sizes, words)
        return in_rank_order([raw], [np.arange(len(ordinals))])
