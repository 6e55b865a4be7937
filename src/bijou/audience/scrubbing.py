"""Cells of one person are made unknown where they lie, in files that nobody may rewrite."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bijou.audience.column_files import GrowingFile, Piece
from bijou.audience.staging import IDS, ROWS


def scrub_parts(folder: Path, hash_: int) -> int:
    """Take a hash out of all batches on their way; return how many rows had it.

    The hash goes last, so that what is killed can be done again; and what a
    killed ingest left behind its last whole part is cut off.
    """
    scrubbed = 0
    for path in sorted(folder.glob(f"*/{IDS}")):
        with (
            GrowingFile(path) as ids,
            GrowingFile(path.with_name(ROWS), limit=len(ids.pieces)) as rows,
        ):
            for piece, cells in zip(ids.pieces, rows.pieces, strict=False):
                found = np.flatnonzero(piece.read("hash") == np.uint64(hash_))
                for row in piece.read("row")[found].tolist():
                    scrub_row(cells, row, row, lambda _: 0)
                rows.sync()
                for place in found.tolist():
                    piece.overwrite("hash", place, np.zeros(1, np.uint64))
                scrubbed += len(found)
            ids.sync()
    return scrubbed


def scrub_row(piece: Piece, row: int | None, key: int, empty: Callable[[str], float]) -> None:
    """Make the cells of a row unknown, in place, and its moments those of a neighbour.

    Args:
        row: None: it has moments only.
        key: What stands for the row in moments.
        empty: Returns the unknown cell of a column.
    """
    for column in piece.columns():
        if ":" in column.name:
            _scrub_moments(piece, column.name, key)
        elif row is not None and column.name != "ordinal":
            piece.overwrite(column.name, row, np.array([empty(column.name)], column.dtype))


def _scrub_moments(piece: Piece, name: str, key: int) -> None:
    """Replace a row's moments by copies of a neighbour's, so that the set stays sorted.

    Where there is no neighbour they become moment 0 of the row: never recent.
    """
    keys = piece.mapped(name)
    bounds = np.array([key, key + 1], np.uint64) << np.uint64(32)
    first, last = (int(place) for place in np.searchsorted(keys, bounds))
    if first == last:
        return
    if first > 0:
        neighbour = keys[first - 1]
    elif last < len(keys):
        neighbour = keys[last]
    else:
        neighbour = bounds[0]
    piece.overwrite(name, first, np.full(last - first, neighbour, np.uint64))
