"""Other ways to the same answer, each over the same conjunctions.

All read the vocabulary and the groups of a `RowIndex` in which no value has a
row: every value is a sorted list of conjunctions, which is the inverted index
that these methods start from.
"""

# ruff: noqa: SLF001 - peers are built from the index's own parts, for equal footing

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from benchmarks.matching.measuring import Answer
from bijou.ads.matching import Layout, Line, Matcher, Opportunity
from bijou.ads.matching.building import ACTIVE, BASES
from bijou.ads.matching.planning import Plan
from bijou.ads.matching.row_index import RowIndex
from bijou.algorithms.compiled import compiled
from tests.unit.ads.matching import oracle

Array = NDArray[Any]


class Lists:
    """The inverted index that the peers share."""

    def __init__(self, matcher: Matcher) -> None:
        base = matcher._snapshot.base
        self.vocabulary = matcher.vocabulary
        self.index = RowIndex(base.lines, matcher.vocabulary, Layout(row_share=2.0), native=True)

    def plan(self, opportunity: Opportunity) -> Plan:
        return self.index.plan(self.vocabulary.known(opportunity))

    def first(self, conjunctions: Array, opportunity: Opportunity, count: int) -> list[int]:
        """Return the best lines of conjunctions that hold, ascending."""
        lines = self.index._line_of[conjunctions]
        flights = self.index.lines.flights[lines]
        lines = lines[(flights[:, 0] <= opportunity.at) & (opportunity.at < flights[:, 1])]
        lines = lines[np.flatnonzero(np.diff(lines, prepend=-1))][:count]
        found: list[int] = self.index.lines.ordinals[lines].tolist()
        return found


def packed(matcher: Matcher) -> Answer:
    """Our own rows, ANDed whole by numpy: what the walk in blocks saves."""
    base, vocabulary = matcher._snapshot.base, matcher.vocabulary
    shared = Lists.__new__(Lists)
    shared.index, shared.vocabulary = base, vocabulary

    def answer(opportunity: Opportunity, count: int) -> list[int]:
        plan = base.plan(vocabulary.known(opportunity))
        kept = base._rows[plan.every[0]].copy()
        for row in plan.every[1:]:
            kept &= base._rows[row]
        row_at = list_at = 0
        for group, rows, lists, takes_away in plan.groups.tolist():
            more = base._rows[group].copy()
            for row in plan.either[row_at:rows]:
                more |= base._rows[row]
            for begin, end in plan.lists[list_at:lists]:
                bits = base._postings[begin:end]
                np.bitwise_or.at(more, bits >> 6, np.uint64(1) << (bits & 63).astype(np.uint64))
            kept &= ~more if takes_away else more
            row_at, list_at = rows, lists
        bits = np.flatnonzero(np.unpackbits(kept.view(np.uint8), bitorder="little"))
        return shared.first(bits, opportunity, count)

    return answer


def roaring(shared: Lists) -> Answer:
    """One roaring bitmap a value, and one a group for whoever asks nothing there."""
    index = shared.index
    bitmaps: dict[tuple[int, int], BitMap] = {}
    for begin, end in zip(index._planner._lists, list(index._planner._lists)[1:], strict=False):
        bitmaps[begin, end] = BitMap(index._postings[begin:end])
    total = len(index._line_of)
    bases = {
        row: BitMap(
            np.flatnonzero(np.unpackbits(index._rows[row].view(np.uint8), bitorder="little")[:total]).astype(
                np.uint32
            )
        )
        for row in range(len(index._rows))
    }

    def answer(opportunity: Opportunity, count: int) -> list[int]:
        plan = shared.plan(opportunity)
        kept = [bases[row] for row in plan.every.tolist()]
        killed: list[BitMap] = []
        list_at = 0
        for group, _, lists, takes_away in plan.groups.tolist():
            named = [bitmaps[begin, end] for begin, end in plan.lists[list_at:lists].tolist()]
            if takes_away:
                killed = named
            else:
                kept.append(BitMap.union(bases[group], *named))
            list_at = lists
        kept.sort(key=len)
        found = BitMap.intersection(*kept)
        if killed:
            found -= BitMap.union(*killed)
        return shared.first(np.array(found, dtype=np.int64), opportunity, count)

    return answer


def counting(shared: Lists) -> Answer:
    """Count how many groups of each conjunction are met; all of them is a match.

    Source: Whang et al., "Indexing Boolean Expressions", VLDB 2009, section 3,
    in its counting form: posting lists by value, negations as vetoes.
    """
    index = shared.index
    rows = index._rows
    total = len(index._line_of)
    needed: Array = np.zeros(rows.shape[1] * 64, dtype=np.uint8)
    for row in range(BASES, len(rows)):
        needed += 1 - np.unpackbits(rows[row].view(np.uint8), bitorder="little")
    active = np.unpackbits(rows[ACTIVE].view(np.uint8), bitorder="little")[:total].astype(bool)
    needed = np.where(active, needed[:total], 255).astype(np.uint8)
    met, last = np.zeros(total, dtype=np.uint8), np.zeros(total, dtype=np.uint8)
    found = np.zeros(total, dtype=np.int64)

    def answer(opportunity: Opportunity, count: int) -> list[int]:
        plan = shared.plan(opportunity)
        number = compiled(_count)(plan.groups, plan.lists, index._postings, needed, met, last, found)
        return shared.first(found[:number], opportunity, count)

    return answer


def _count(
    groups: Array, lists: Array, postings: Array, needed: Array, met: Array, last: Array, found: Array
) -> int:
    met[:] = 0
    last[:] = 255
    list_at = 0
    for group in range(len(groups)):
        for number in range(list_at, groups[group, 2]):
            for place in range(lists[number, 0], lists[number, 1]):
                conjunction = postings[place]
                if groups[group, 3]:
                    met[conjunction] = 254
                elif last[conjunction] != group:
                    last[conjunction] = group
                    met[conjunction] += 1
        list_at = groups[group, 2]
    count = 0
    for conjunction in range(len(needed)):
        if met[conjunction] == needed[conjunction]:
            found[count] = conjunction
            count += 1
    return count


def loop(lines: list[Line], registry: Any) -> Answer:
    """Every rule in turn, in Python."""

    def answer(opportunity: Opportunity, count: int) -> list[int]:
        return oracle.best(lines, opportunity, registry)[:count]

    return answer
