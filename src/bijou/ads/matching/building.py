"""Writes the rows and the lists of an index."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from bijou.ads.matching.clause_columns import Clauses
from bijou.ads.matching.layout import Groups, Layout
from bijou.ads.matching.lines import Array
from bijou.ads.matching.loops import BLOCK_BITS, BLOCK_WORDS

ACTIVE, NOTHING, BASES = 0, 1, 2
_ONE: Final = np.uint64(1)


class Built:
    """The rows and lists of all conjunctions.

    A place in `named` (by key) and in `excluded` (by value) holds 0 for
    nothing, a row's number, or minus one minus a list's. A row of a dimension
    of which a viewer has one value is whole: base, lists and exclusions in one.

    Args:
        chunks: Yields all clauses, in order; called twice.
    """

    def __init__(
        self,
        groups: Groups,
        layout: Layout,
        conjunctions: int,
        chunks: Callable[[], Iterator[Clauses]],
    ) -> None:
        self._groups = groups
        self._conjunctions = conjunctions
        named, excluded = self._counted(chunks())
        self.groups = groups.own + max(0, len(named) - groups.shared_at) // max(1, groups.all_values)
        self._whole: dict[int, int] = {}  # rows that are whole, and their base rows
        self.named = np.zeros(len(named), dtype=np.int32)
        self.excluded = np.zeros(len(excluded), dtype=np.int32)
        rows = self._choose_rows(named, excluded, layout)
        self._number_lists(named, excluded)
        blocks = -(-max(conjunctions, 1) // BLOCK_BITS)
        self.rows = np.zeros((rows, blocks * BLOCK_WORDS), dtype=np.uint64)
        self.postings = np.zeros(int(self.lists[-1]), dtype=np.uint32)
        self._fill(chunks())

    def _counted(self, chunks: Iterator[Clauses]) -> tuple[Array, Array]:
        """Count the conjunctions of every key and of every excluded value."""
        named: Array = np.zeros(self._groups.shared_at, dtype=np.int64)
        excluded: Array = np.zeros(self._groups.all_values, dtype=np.int64)
        for clauses in chunks:
            entries = self._groups.entries(clauses)
            shared = int(entries.some[0].max(initial=-1)) - self._groups.own + 1
            needed = self._groups.shared_at + max(0, shared) * self._groups.all_values
            if needed > len(named):
                named = np.concatenate([named, np.zeros(needed - len(named), dtype=np.int64)])
            _count(named, entries.named[0])
            _count(excluded, entries.none[0])
        return named, excluded

    def _choose_rows(self, named: Array, excluded: Array, layout: Layout) -> int:
        """Give rows to those that most conjunctions name, as far as memory goes."""
        groups = self._groups
        single = np.flatnonzero(groups.is_single & (groups.levels > 0))
        keys, values = _places(groups, single)
        whole = np.zeros(len(named), dtype=np.int64)
        whole[keys] = excluded[values]
        counts = np.concatenate([named + whole, excluded])
        counts[len(named) + values] = 0  # those are in the whole rows
        enough = max(1.0, layout.row_share * self._conjunctions)
        chosen = np.flatnonzero(counts >= enough)
        row_bytes = max(8.0, self._conjunctions / 8)
        most = int(layout.rows_bytes_per_conjunction * self._conjunctions / row_bytes)
        chosen = chosen[np.argsort(-counts[chosen], kind="stable")][:most]
        numbers = np.arange(len(chosen), dtype=np.int32) + BASES + self.groups
        is_named = chosen < len(named)
        self.named[chosen[is_named]] = numbers[is_named]
        self.excluded[chosen[~is_named] - len(named)] = numbers[~is_named]
        rows = self.named[keys]
        self.excluded[values[rows > 0]] = rows[rows > 0]  # for now: exclusions of whole rows go there
        bases = np.repeat(groups.first[single], groups.sizes[single]) + BASES
        self._whole = dict(zip(rows[rows > 0].tolist(), bases[rows > 0].tolist(), strict=True))
        self._whole_values = values[rows > 0]
        return BASES + self.groups + len(chosen)

    def _number_lists(self, named: Array, excluded: Array) -> None:
        sizes = []
        before = 0
        for table, counts in ((self.named, named), (self.excluded, excluded)):
            listed = np.flatnonzero((table == 0) & (counts > 0))
            table[listed] = -1 - (before + np.arange(len(listed)))
            before += len(listed)
            sizes.append(counts[listed])
        self.lists = np.zeros(before + 1, dtype=np.int64)
        np.cumsum(np.concatenate(sizes), out=self.lists[1:])

    def _fill(self, chunks: Iterator[Clauses]) -> None:
        heads = self.lists[:-1].copy()
        erased: list[tuple[Array, Array]] = []
        whole = np.zeros(len(self.rows), dtype=bool)
        whole[list(self._whole)] = True
        for clauses in chunks:
            entries = self._groups.entries(clauses)
            _set(self.rows, entries.some[0] + BASES, entries.some[1])
            self._write(heads, self.named[entries.named[0]], entries.named[1])
            targets, conjunctions = self.excluded[entries.none[0]], entries.none[1]
            of_whole = whole[np.maximum(targets, 0)]
            erased.append((targets[of_whole], conjunctions[of_whole]))
            self._write(heads, targets[~of_whole], conjunctions[~of_whole])
        bases = self.rows[BASES : BASES + self.groups]
        np.invert(bases, out=bases)
        for row, base in self._whole.items():
            self.rows[row] |= self.rows[base]
        for rows, conjunctions in erased:
            _clear(self.rows, rows, conjunctions)
        self.excluded[self._whole_values] = 0

    def _write(self, heads: Array, targets: Array, conjunctions: Array) -> None:
        """Write bits into rows, and numbers behind the heads of lists."""
        in_rows = targets > 0
        _set(self.rows, targets[in_rows], conjunctions[in_rows])
        lists = -1 - targets[~in_rows]
        order = np.lexsort((conjunctions[~in_rows], lists))
        lists, numbers = lists[order], conjunctions[~in_rows][order]
        if len(lists):
            firsts = np.flatnonzero(np.diff(lists, prepend=-1))
            counts = np.diff(firsts, append=len(lists))
            behind = np.arange(len(lists)) - np.repeat(firsts, counts)
            self.postings[heads[lists] + behind] = numbers
            heads[lists[firsts]] += counts


def set_bits(row: Array, bits: Array) -> None:
    """Set bits of one row."""
    np.bitwise_or.at(row, bits >> 6, _ONE << (bits & 63).astype(np.uint64))


def _set(rows: Array, which: Array, bits: Array) -> None:
    set_bits(rows.reshape(-1), which.astype(np.int64) * (rows.shape[1] * 64) + bits)


def _clear(rows: Array, which: Array, bits: Array) -> None:
    words = which.astype(np.int64) * rows.shape[1] + (bits >> 6)
    np.bitwise_and.at(rows.reshape(-1), words, ~(_ONE << (bits & 63).astype(np.uint64)))


def _count(counts: Array, places: Array) -> None:
    counts += np.bincount(places, minlength=len(counts))


def _places(groups: Groups, dimensions: Array) -> tuple[Array, Array]:
    """Return the key and the place of every value of dimensions with one group each."""
    keys: list[Any] = [np.zeros(0, dtype=np.int64)]
    values: list[Any] = [np.zeros(0, dtype=np.int64)]
    for dimension in dimensions.tolist():
        every = np.arange(groups.sizes[dimension])
        keys.append(groups.key_at[groups.first[dimension]] + every)
        values.append(groups.value_at[dimension] + every)
    return np.concatenate(keys), np.concatenate(values)
