"""Rows of bits and lists over all conjunctions, best line item first."""

from collections.abc import Iterator

import numpy as np

from bijou.ads.matching.building import ACTIVE, Built, set_bits
from bijou.ads.matching.clause_columns import Clauses, clause_columns
from bijou.ads.matching.layout import Groups, Layout
from bijou.ads.matching.lines import Array, Lines, spread
from bijou.ads.matching.loops import walk
from bijou.ads.matching.planning import Plan, Planner
from bijou.ads.matching.vocabulary import Known, Vocabulary
from bijou.algorithms.compiled import compiled


class RowIndex:
    """The line items that one build knew, and where they match.

    After the build only the row of active line items changes.

    Cost: a build takes a few seconds of CPU for a million line items.
    Threads: any may walk; one may switch line items on and off meanwhile.

    Args:
        lines: In the order of their ranks.
    """

    def __init__(self, lines: Lines, vocabulary: Vocabulary, layout: Layout, *, native: bool) -> None:
        self.lines = lines
        self._native = native
        counts = lines.words[lines.begins].astype(np.int64)
        self._first = np.zeros(len(counts) + 1, dtype=np.int32)
        np.cumsum(counts, out=self._first[1:])
        self._line_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

        def chunks() -> Iterator[Clauses]:
            return clause_columns(lines, self._first, native=native)

        groups = Groups(vocabulary, layout, len(self._line_of), chunks())
        built = Built(groups, layout, len(self._line_of), chunks)
        self._rows, self._postings = built.rows, built.postings
        self._planner = Planner(groups, built)
        self._nbytes = sum(
            each.nbytes for each in (built.rows, built.postings, built.lists, built.named, built.excluded)
        )
        self.statistics = {
            "line_items": len(counts),
            "conjunctions": len(self._line_of),
            "groups": built.groups,
            "rows": len(built.rows),
            "lists": len(built.lists) - 1,
            "postings": len(built.postings),
        }
        active = np.flatnonzero(lines.standing == 0)
        set_bits(self._rows[ACTIVE], spread(self._first[active], counts[active]))

    def nbytes(self) -> int:
        """Return what all of it takes, the line items included."""
        return self._nbytes + self._first.nbytes + self._line_of.nbytes + self.lines.nbytes()

    def switch(self, line: int, *, on: bool) -> None:
        """Let a line item serve, or not."""
        row = self._rows[ACTIVE]
        for conjunction in range(int(self._first[line]), int(self._first[line + 1])):
            bit = 1 << (conjunction & 63)
            word = int(row[conjunction >> 6])
            row[conjunction >> 6] = word | bit if on else word & ~bit

    def plan(self, known: Known) -> Plan:
        """Return how to find what matches where this is known."""
        return self._planner.plan(known)

    def walk(self, plan: Plan, now: int, first: int, count: int) -> tuple[Array, int]:
        """Return up to `count` lines that match, from line `first` on, and where to go on."""
        found = np.empty(count, dtype=np.int64)
        if first >= len(self.lines.ordinals) or not count:
            return found[:0], first
        loop = compiled(walk) if self._native else walk
        number, following = loop(
            self._rows,
            *plan,
            self._postings,
            self._line_of,
            self.lines.flights,
            now,
            int(self._first[first]),
            found,
        )
        return found[:number], int(following)
