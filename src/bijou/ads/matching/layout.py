"""Which values get a row of bits, which a list, and which share their groups.

Every `in` list of a conjunction belongs to a group. A group has one base row:
the conjunctions that ask nothing there. A dimension that many conjunctions
ask has groups of its own; all others share a few, so that a thousand rare
keys cost no row each. Inside a group a value that many name is a row, any
other a list of conjunction numbers.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bijou.ads.matching.clause_columns import Clauses
from bijou.ads.matching.lines import Array, spread
from bijou.ads.matching.vocabulary import NONE, WITHIN, Vocabulary

LEVELS: Final = 4


class Layout(msgspec.Struct, frozen=True):
    """What to spend memory on.

    Args:
        group_share: A dimension that this share of conjunctions asks has
            groups of its own.
        row_share: A value that this share of conjunctions names gets a row.
            A list is smaller below 1/32.
        rows_bytes_per_conjunction: No more rows than that, but for those that
            every group needs.
        flat_bounds: A number with up to that many bounds has one value for
            each interval between them; one with more has a tree of intervals.
        delta_lines: Changed line items that wait for the next merge.
    """

    group_share: float = 1 / 256
    row_share: float = 1 / 128
    rows_bytes_per_conjunction: float = 64.0
    flat_bounds: int = 32
    delta_lines: int = 4096


class Numbers:
    """How a number becomes values of an index: the intervals that bounds cut.

    Interval i is `edges[i - 1] <= x < edges[i]`. Flat, a value is an
    interval. In a tree, a value is a node over 2^k of them, and a span takes
    at most two nodes a level.
    """

    def __init__(self, edges: Sequence[float], *, flat_bounds: int) -> None:
        self.edges = sorted(edges)
        self.is_flat = len(self.edges) <= flat_bounds
        self._leaves = 1 << len(self.edges).bit_length()
        self.size = len(self.edges) + 1 if self.is_flat else 2 * self._leaves

    def at(self, number: float) -> list[int]:
        """Return the values that hold where the number is this."""
        interval = bisect_right(self.edges, number)
        if self.is_flat:
            return [interval]
        node = self._leaves + interval
        return [node >> level for level in range(node.bit_length())]

    def covering(self, lows: Array, highs: Array) -> tuple[Array, Array]:
        """Return which span and which value, for every value that a span needs."""
        edges = np.array(self.edges)
        first = np.searchsorted(edges, lows) + 1
        last = np.searchsorted(edges, highs) + 1  # exclusive
        if self.is_flat:
            return np.repeat(np.arange(len(first)), last - first), spread(first, last - first)
        spans, nodes = [], []
        which = np.arange(len(first))
        first, last = first + self._leaves, last + self._leaves
        while len(which):
            for odd, node in ((first & 1 == 1, first), (last & 1 == 1, last - 1)):
                spans.append(which[odd])
                nodes.append(node[odd])
            first, last = (first + 1) >> 1, last >> 1
            more = first < last
            which, first, last = which[more], first[more], last[more]
        return np.concatenate(spans), np.concatenate(nodes)


class Entries(NamedTuple):
    """What a chunk of clauses writes into an index.

    Args:
        some: (group, conjunction) of every list or span.
        named: (key, conjunction) of every value of those.
        none: (place in the table of exclusions, conjunction) of every value
            that must not be, and of "unknown" for each such clause.
    """

    some: tuple[Array, Array]
    named: tuple[Array, Array]
    none: tuple[Array, Array]


class Groups:
    """The groups of an index and the keys of their values.

    Args:
        conjunctions: How many there are.
        chunks: All clauses; only counted here.
    """

    def __init__(
        self, vocabulary: Vocabulary, layout: Layout, conjunctions: int, chunks: Iterator[Clauses]
    ) -> None:
        dimensions = len(vocabulary.names)
        self._bounds = np.array(vocabulary.bounds)
        some, none, bounds = _counted(dimensions, chunks)
        self.is_asked = (some.sum(axis=1) + none) > 0
        self.numbers = {
            dimension: Numbers([vocabulary.bounds[each] for each in ids], flat_bounds=layout.flat_bounds)
            for dimension, ids in bounds.items()
        }
        self.is_single = np.array(
            [
                not several and (dimension not in self.numbers or self.numbers[dimension].is_flat)
                for dimension, several in enumerate(vocabulary.several)
            ]
        )
        enough = max(1.0, layout.group_share * conjunctions)
        self.levels = (some >= enough).sum(axis=1)
        self.levels[self.is_single & (some[:, 0] + none >= enough)] = 1
        self.sizes = np.array(
            [
                self.numbers[dimension].size if dimension in self.numbers else len(values) + 1
                for dimension, values in enumerate(vocabulary.values)
            ]
        )
        self.first = np.cumsum(self.levels) - self.levels
        self.own = int(self.levels.sum())
        of_group = np.repeat(np.arange(dimensions), self.levels)
        key_counts = self.sizes[of_group]
        self.key_at = np.cumsum(key_counts) - key_counts
        self.shared_at = int(key_counts.sum())
        self.value_at = np.cumsum(self.sizes) - self.sizes
        self.all_values = int(self.sizes.sum())

    def key_base(self, group: int) -> int:
        """Return the key of value 0 of dimension 0 there, or of its own dimension."""
        if group < self.own:
            return int(self.key_at[group])
        return self.shared_at + (group - self.own) * self.all_values

    def entries(self, clauses: Clauses) -> Entries:
        """Return what these clauses write."""
        negative = clauses.kinds == NONE
        groups = self._groups(clauses, negative)
        key_bases = self._key_bases(clauses.dimensions, groups)
        keys, keyed = self._keys(clauses, key_bases, negative)
        values = clauses.of_values(negative)
        excluded = clauses.of_values(self.value_at[clauses.dimensions])[values] + clauses.values[values]
        unknown = self.value_at[clauses.dimensions[negative]]
        return Entries(
            (groups[~negative], clauses.conjunctions[~negative]),
            (keys, keyed),
            (
                np.concatenate([excluded, unknown]),
                np.concatenate(
                    [clauses.of_values(clauses.conjunctions)[values], clauses.conjunctions[negative]]
                ),
            ),
        )

    def _groups(self, clauses: Clauses, negative: Array) -> Array:
        own = clauses.nth < self.levels[clauses.dimensions]
        groups: Array = np.where(own, self.first[clauses.dimensions] + clauses.nth, 0)
        shared = ~own & ~negative
        before = np.cumsum(shared) - shared
        fresh = np.ones(len(shared), dtype=bool)
        fresh[1:] = np.diff(clauses.conjunctions) != 0
        at_start = np.maximum.accumulate(np.where(fresh, before, 0))
        groups[shared] = self.own + (before - at_start)[shared]
        return groups

    def _key_bases(self, dimensions: Array, groups: Array) -> Array:
        shared: Array = self.shared_at + (groups - self.own) * self.all_values + self.value_at[dimensions]
        if not self.own:
            return shared
        bases: Array = np.where(groups < self.own, self.key_at[np.minimum(groups, self.own - 1)], shared)
        return bases

    def _keys(self, clauses: Clauses, key_bases: Array, negative: Array) -> tuple[Array, Array]:
        spans = clauses.kinds == WITHIN
        listed = clauses.of_values(~negative & ~spans)
        keys = [clauses.of_values(key_bases)[listed] + clauses.values[listed]]
        keyed = [clauses.of_values(clauses.conjunctions)[listed]]
        of_spans = clauses.of_values(np.where(spans, clauses.dimensions, -1))
        for dimension in np.unique(clauses.dimensions[spans]).tolist():
            mine = of_spans == dimension
            edges = self._bounds[clauses.values[mine]]
            which, values = self.numbers[dimension].covering(edges[::2], edges[1::2])
            keys.append(clauses.of_values(key_bases)[mine][::2][which] + values)
            keyed.append(clauses.of_values(clauses.conjunctions)[mine][::2][which])
        return np.concatenate(keys), np.concatenate(keyed)


def _counted(dimensions: int, chunks: Iterator[Clauses]) -> tuple[Array, Array, dict[int, set[int]]]:
    """Count clauses by dimension and level; collect the bounds of numbers."""
    some = np.zeros((dimensions, LEVELS), dtype=np.int64)
    none = np.zeros(dimensions, dtype=np.int64)
    bounds: dict[int, set[int]] = {}
    for clauses in chunks:
        negative = clauses.kinds == NONE
        none += np.bincount(clauses.dimensions[negative], minlength=dimensions)
        counted = ~negative & (clauses.nth < LEVELS)
        places = clauses.dimensions[counted] * LEVELS + clauses.nth[counted]
        some += np.bincount(places, minlength=dimensions * LEVELS).reshape(dimensions, LEVELS)
        of_spans = clauses.of_values(np.where(clauses.kinds == WITHIN, clauses.dimensions, -1))
        for dimension in np.unique(of_spans).tolist():
            if dimension >= 0:
                found = np.unique(clauses.values[of_spans == dimension])
                bounds.setdefault(dimension, set()).update(found.tolist())
    return some, none, bounds
