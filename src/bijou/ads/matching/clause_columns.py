"""Programs taken apart into columns of clauses, for whoever builds an index of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bijou.ads.matching.lines import Array, Lines
from bijou.ads.matching.loops import unpack
from bijou.ads.matching.vocabulary import NONE
from bijou.algorithms.compiled import compiled

_LINES = 1 << 16


class Clauses(NamedTuple):
    """Some line items' clauses, in order, and their values behind each other.

    Args:
        nth: Which `in` list this is of its dimension in its conjunction, from 0.
        values_at: Where its values begin; one more at the end.
    """

    conjunctions: Array
    dimensions: Array
    kinds: Array
    nth: Array
    values_at: Array
    values: Array

    def of_values(self, column: Array) -> Array:
        """Return a column of clauses spread over their values."""
        spread: Array = np.repeat(column, np.diff(self.values_at))
        return spread


def clause_columns(lines: Lines, conjunctions_at: Array, *, native: bool) -> Iterator[Clauses]:
    """Yield all clauses, 65,536 line items at a time.

    Args:
        conjunctions_at: int64 [lines + 1], the number of each line's first.
    """
    loop = compiled(unpack) if native else unpack
    for first in range(0, len(lines.begins), _LINES):
        begins = lines.begins[first : first + _LINES]
        size = int(lines.sizes[first : first + _LINES].sum(dtype=np.int64))
        columns = [np.empty(size, dtype=kind) for kind in (np.int32, np.int32, np.int8, np.int32, np.int64)]
        conjunctions, dimensions, kinds, counts, values = columns
        clauses, total = loop(
            lines.words, begins, int(conjunctions_at[first]), conjunctions, dimensions, kinds, counts, values
        )
        values_at = np.zeros(clauses + 1, dtype=np.int64)
        np.cumsum(counts[:clauses], out=values_at[1:])
        yield Clauses(
            conjunctions[:clauses],
            dimensions[:clauses],
            kinds[:clauses],
            _nth(conjunctions[:clauses], dimensions[:clauses], kinds[:clauses]),
            values_at,
            values[:total],
        )


def _nth(conjunctions: Array, dimensions: Array, kinds: Array) -> Array:
    """Count the lists of one dimension in one conjunction; they stand side by side."""
    if not len(kinds):
        return np.zeros(0, dtype=np.int64)
    fresh = np.ones(len(kinds), dtype=bool)
    fresh[1:] = (np.diff(conjunctions) != 0) | (np.diff(dimensions) != 0) | (kinds[1:] == NONE)
    places = np.arange(len(kinds))
    nth: Array = places - np.maximum.accumulate(np.where(fresh, places, 0))
    return nth
