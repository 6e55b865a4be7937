"""The rows of a batch get their users' ordinals, a shard of hashes at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.audience.cells import Array
from bijou.audience.column_files import Piece, opened
from bijou.audience.hashing import Hashes
from bijou.audience.ordinals import MAX_USERS, SHARDS, OrdinalMap, Ordinals, merged, shard_bounds, write_shard
from bijou.ports import InvalidRequest


class Numbered(NamedTuple):
    """What number each row's user has.

    Args:
        issued: How many ordinals are given now.
        ordinals: u32 by row; None: each row is somebody new, so that row n
            has the n-th ordinal after those given before.
        repeated: Rows of users who have more than one, rising.
        dead: Rows whose user was deleted on the way; they have no ordinal.
        shards: The file of each shard that has new hashes.
    """

    issued: int
    ordinals: Ordinals | None
    repeated: NDArray[np.uint32]
    dead: NDArray[np.uint32]
    shards: dict[int, str]


def sharded(hashes: Hashes) -> tuple[dict[str, Array], list[int]]:
    """Return a piece of hashes grouped by shard, each with its row, and where each shard begins."""
    order, bounds = shard_bounds(hashes)
    return {"hash": hashes[order], "row": order.astype(np.uint32)}, bounds.tolist()


class Numbering:
    """Gives new users ordinals in order of appearance.

    While shards are looked through, a new user's number is the row in which
    they appear first; once all rows are known the numbers are closed up. Where
    every row is somebody new there is nothing to close.

    Cost: 60 ns a row; memory for a shard (a 64th of the rows), and, unless
    every row is somebody new, 12 bytes a row.

    Args:
        ids: Pieces as `sharded` made them, with `bounds` in their heads.
        starts: The row at which each piece begins, and the number of rows.
        known: The ordinals given before.
        sequence: Part of the names of files.
    """

    def __init__(
        self, folder: Path, ids: Sequence[Piece], starts: Sequence[int], known: OrdinalMap, sequence: int
    ) -> None:
        self._folder = folder
        self._ids = ids
        self._starts = starts
        self._known = known
        self._sequence = sequence
        self._marks: _Marks | None = None
        self._repeated: list[Array] = []
        self._dead: list[Array] = []
        self._written: dict[int, str] = {}
        self._held: dict[int, tuple[Hashes, Ordinals]] = {}

    def run(self) -> Numbered:
        """Write the shards that change; they count once a manifest names them.

        Raises:
            InvalidRequest: `audience.full`, over 4.3 billion users.
        """
        if self._known.issued + self._starts[-1] > MAX_USERS:
            raise InvalidRequest(
                "audience.full",
                f"{self._starts[-1]:,} rows and {self._known.issued:,} users; ordinals end at {MAX_USERS:,}",
            )
        for shard in range(SHARDS):
            hashes, rows = self._rows_of(shard)
            if len(hashes):
                self._look_up(shard, hashes, rows)
        issued = self._close_up()
        repeated, dead = (
            np.sort(np.concatenate(each)) if each else np.empty(0, np.uint32)
            for each in (self._repeated, self._dead)
        )
        ordinals = self._marks.ordinals if self._marks else None
        return Numbered(issued, ordinals, repeated, dead, self._written)

    def _rows_of(self, shard: int) -> tuple[Hashes, Array]:
        """Return the hashes of one shard, and the row of each."""
        hashes, rows = [], []
        for piece, start, (first, last) in self._slices(shard):
            hashes.append(piece.read("hash", first, last))
            rows.append(piece.read("row", first, last) + np.uint32(start))
        found: Hashes = np.concatenate(hashes) if hashes else np.empty(0, np.uint64)
        theirs = np.concatenate(rows) if rows else np.empty(0, np.uint32)
        alive = found != 0  # a row whose user was deleted on its way in has lost its hash
        if alive.all():
            return found, theirs
        self._dead.append(theirs[~alive])
        self._note().bury(theirs[~alive])
        return found[alive], theirs[alive]

    def _slices(self, shard: int) -> Iterator[tuple[Piece, int, tuple[int, int]]]:
        for piece, start in zip(self._ids, self._starts, strict=False):
            bounds = piece.meta["bounds"]
            if bounds[shard] < bounds[shard + 1]:
                yield piece, start, (bounds[shard], bounds[shard + 1])

    def _look_up(self, shard: int, hashes: Hashes, rows: Array) -> None:
        order = np.argsort(hashes)
        hashes, rows = hashes[order], rows[order]
        begins = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
        counts = np.diff(np.append(begins, len(hashes)))
        firsts = rows if len(begins) == len(rows) else np.minimum.reduceat(rows, begins)
        hashes = hashes[begins]
        if len(begins) < len(rows):
            self._repeated.append(rows[np.repeat(counts > 1, counts)])
        known, ordinals = self._known.shard(shard)
        is_known, theirs = _found(hashes, known, ordinals)
        if is_known.any() or len(begins) < len(rows):
            self._note().mark(rows, counts, firsts, is_known, theirs)
        fresh = ~is_known
        if fresh.any():
            self._keep(shard, hashes[fresh], firsts[fresh] + np.uint32(self._known.issued))

    def _keep(self, shard: int, hashes: Hashes, ordinals: Ordinals) -> None:
        """Write a shard that grows to its double or more; what little others grow by can wait."""
        self._written[shard] = f"ids-{shard:02}-{self._sequence:08}.cols"
        if len(hashes) < len(self._known.shard(shard)[0]):
            self._held[shard] = hashes, ordinals
        else:
            self._write(shard, hashes, ordinals)

    def _write(self, shard: int, hashes: Hashes, ordinals: Ordinals) -> None:
        known = self._known.shard(shard)
        write_shard(self._folder / self._written[shard], *merged(known, hashes, ordinals))

    def _note(self) -> "_Marks":
        if self._marks is None:
            self._marks = _Marks(self._starts[-1])
        return self._marks

    def _close_up(self) -> int:
        """Make of first rows ordinals without gaps; return how many are given now."""
        before = self._known.issued
        if self._marks is None:
            for shard, (hashes, ordinals) in self._held.items():
                self._write(shard, hashes, ordinals)
            return before + self._starts[-1]
        ranks = self._marks.close_up(before)
        for shard in self._written:
            if shard in self._held:
                hashes, ordinals = self._held[shard]
                self._write(shard, hashes, ranks[ordinals - np.uint32(before)])
            else:
                with opened(self._folder / self._written[shard]) as file:
                    hashes, ordinals = file.read("hash"), file.read("ordinal")
                theirs = ordinals >= before
                ordinals[theirs] = ranks[ordinals[theirs] - np.uint32(before)]
                write_shard(self._folder / self._written[shard], hashes, ordinals)
        return before + self._marks.fresh


class _Marks:
    """What is known of each row; at first, that each is somebody new.

    Args:
        ordinals: Of known users; of new ones the row in which they appear first.
    """

    def __init__(self, rows: int) -> None:
        self.ordinals: Ordinals = np.arange(rows, dtype=np.uint32)
        self._is_new = np.ones(rows, bool)
        self._is_first = np.ones(rows, bool)
        self.fresh = rows

    def bury(self, rows: Array) -> None:
        self.ordinals[rows] = 0
        self._is_new[rows] = self._is_first[rows] = False

    def mark(self, rows: Array, counts: Array, firsts: Array, is_known: Array, theirs: Ordinals) -> None:
        """Say of rows, grouped by user in groups of so many, whose they are."""
        self.ordinals[rows] = np.repeat(np.where(is_known, theirs, firsts), counts)
        self._is_new[rows] = np.repeat(~is_known, counts)
        self._is_first[rows] = False
        self._is_first[firsts[~is_known]] = True

    def close_up(self, before: int) -> Ordinals:
        """Return the ordinal that each first row gives."""
        ranks: Ordinals = np.cumsum(self._is_first, dtype=np.uint32)
        self.fresh = int(ranks[-1]) if len(ranks) else 0
        ranks += np.uint32(before)
        ranks -= np.uint32(1)
        self.ordinals[self._is_new] = ranks[self.ordinals[self._is_new]]
        return ranks


def _found(hashes: Hashes, known: Hashes, ordinals: Ordinals) -> tuple[NDArray[np.bool_], Ordinals]:
    """Tell which hashes, rising, a shard knows, and by what ordinals."""
    theirs = np.zeros(len(hashes), np.uint32)
    if not len(known):
        return np.zeros(len(hashes), bool), theirs
    at = np.searchsorted(known, hashes)
    at[at == len(known)] = 0
    is_known: NDArray[np.bool_] = known[at] == hashes
    theirs[is_known] = ordinals[at[is_known]]
    return is_known, theirs
