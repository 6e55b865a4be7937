"""The three loops that are worth machine code; each runs as plain Python, too.

None calls another: what numba keeps on disk does not see that the other one
changed. All bits are `np.uint64`: numba makes floats of mixed signs.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
whole: Any = np.int64  # what numba keeps whole beside unsigned numbers

BLOCK_WORDS: Final = 64
BLOCK_BITS: Final = BLOCK_WORDS * 64
SERVES: Final = -1
NO_ALTERNATIVE: Final = -2
NOT_BEGUN: Final = -3
ENDED: Final = -4
STANDS: Final = -8  # minus the line's standing
GONE: Final = 7


def judge(  # noqa: C901, PLR0912, PLR0915 - one loop for the compiler
    words: Array,
    begins: Array,
    standing: Array,
    flights: Array,
    now: int,
    listed_at: Array,
    listed: Array,
    numbers: Array,
    bounds: Array,
    verdicts: Array,
) -> None:
    """Write for each line why it may not serve, or that it may; reads programs, no index.

    A verdict is a constant from above, or the dimension that stopped the
    alternative which got furthest.

    Args:
        listed_at: int32 [dimensions, 2]: where in `listed` its values stand;
            -1 where it is unknown.
        numbers: float64 [dimensions]; NaN where it is unknown.
    """
    for line in range(len(begins)):
        verdict = NO_ALTERNATIVE
        if standing[line] != 0:
            verdict = STANDS - standing[line]
        elif now < flights[line, 0]:
            verdict = NOT_BEGUN
        elif now >= flights[line, 1]:
            verdict = ENDED
        furthest = -1
        at = begins[line]
        alternatives = whole(words[at]) if verdict == NO_ALTERNATIVE else 0
        at += 1
        for _ in range(alternatives):
            following = at + 1 + whole(words[at])
            at += 1
            passed = 0
            holds = True
            dimension = -1
            while holds and at < following:
                head = whole(words[at])
                at += 1
                dimension = head >> 7
                count = head >> 3 & 15
                kind = head >> 1 & 3
                wide = head & 1
                if dimension == 511:
                    dimension = whole(words[at])
                    at += 1
                if count == 15:
                    count = whole(words[at])
                    at += 1
                met = False
                low = 0
                for each in range(count):
                    value = whole(words[at + (each << wide)])
                    if wide:
                        value |= whole(words[at + 2 * each + 1]) << 16
                    if kind == 2:
                        if each & 1 == 0:
                            low = value
                        elif bounds[low] <= numbers[dimension] < bounds[value]:
                            met = True
                    else:
                        for place in range(listed_at[dimension, 0], listed_at[dimension, 1]):
                            if listed[place] == value:
                                met = True
                at += count << wide
                holds = met if kind == 2 else listed_at[dimension, 0] >= 0 and met == (kind == 0)
                if holds:
                    passed += 1
            if holds:
                verdict = SERVES
                break
            if passed > furthest:
                furthest = passed
                verdict = dimension
            at = following
        verdicts[line] = verdict


def unpack(
    words: Array,
    begins: Array,
    first: int,
    conjunctions: Array,
    dimensions: Array,
    kinds: Array,
    counts: Array,
    values: Array,
) -> tuple[int, int]:
    """Write the clauses of some lines as columns; return how many, and values.

    Args:
        first: The number of the first line's first conjunction.
    """
    conjunction = first
    clause = 0
    value = 0
    for line in range(len(begins)):
        at = begins[line]
        alternatives = whole(words[at])
        at += 1
        for _ in range(alternatives):
            end = at + 1 + whole(words[at])
            at += 1
            while at < end:
                head = whole(words[at])
                at += 1
                dimension = head >> 7
                count = head >> 3 & 15
                wide = head & 1
                if dimension == 511:
                    dimension = whole(words[at])
                    at += 1
                if count == 15:
                    count = whole(words[at])
                    at += 1
                conjunctions[clause] = conjunction
                dimensions[clause] = dimension
                kinds[clause] = head >> 1 & 3
                counts[clause] = count
                clause += 1
                for _ in range(count):
                    values[value] = whole(words[at])
                    if wide:
                        values[value] |= whole(words[at + 1]) << 16
                    at += 1 + wide
                    value += 1
            conjunction += 1
    return clause, value


def walk(  # noqa: C901, PLR0912, PLR0915 - one loop for the compiler
    rows: Array,
    every: Array,
    groups: Array,
    either: Array,
    lists: Array,
    postings: Array,
    line_of: Array,
    flights: Array,
    now: int,
    begin: int,
    found: Array,
) -> tuple[int, int]:
    """Fill `found` with the next lines that match; return how many, and the line to go on with.

    Walks 4,096 conjunctions at a time: what all rows have in common, then
    what each group leaves of it.

    Args:
        rows: uint64 [rows, words], whole blocks.
        every: The rows that all must have the bit, most selective first.
        groups: int64 [groups, 4]: a base row; up to where in `either` its
            other rows and in `lists` its lists stand; and whether what any of
            these has is kept (0) or taken away (1).
        lists: int64 [lists, 2]: from where to where in `postings`.
        flights: int64 [lines, 2]: begin and end, in microseconds.
        begin: The conjunction to begin with.
        found: int64, as many as are wanted.
    """
    one = np.uint64(1)
    nothing = np.uint64(0)
    masks = np.array([0, 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
    count = 0
    last = -1
    kept = np.zeros(64, dtype=np.uint64)
    more = np.zeros(64, dtype=np.uint64)
    heads = lists[:, 0].copy()
    for block in range(begin >> 12, rows.shape[1] >> 6):
        at = block << 6
        start = block << 12
        kept[:] = rows[every[0], at : at + 64]
        if start < begin:
            kept[: (begin - start) >> 6] = nothing
            kept[(begin - start) >> 6] &= ~((one << np.uint64(begin & 63)) - one)
        alive = kept.any()
        for number in range(1, len(every)):
            if not alive:
                break
            kept &= rows[every[number], at : at + 64]
            alive = kept.any()
        row_at = 0
        list_at = 0
        for group in range(len(groups)):
            if not alive:
                break
            more[:] = rows[groups[group, 0], at : at + 64]
            for number in range(row_at, groups[group, 1]):
                more |= rows[either[number], at : at + 64]
            for number in range(list_at, groups[group, 2]):
                head = heads[number]
                end = lists[number, 1]
                if head < end and postings[head] < start:
                    head += np.searchsorted(postings[head:end], np.uint32(start))
                while head < end and postings[head] < start + 4096:
                    bit = whole(postings[head]) - start
                    more[bit >> 6] |= one << np.uint64(bit & 63)
                    head += 1
                heads[number] = head
            kept &= more ^ masks[groups[group, 3]]
            alive = kept.any()
            row_at = groups[group, 1]
            list_at = groups[group, 2]
        if not alive:
            continue
        for each in range(64):
            bits = kept[each]
            while bits != nothing:
                place = math.frexp(float(bits & (~bits + one)))[1] - 1
                bits &= bits - one
                line = whole(line_of[start + (each << 6) + place])
                if line != last:
                    last = line
                    if flights[line, 0] <= now < flights[line, 1]:
                        found[count] = line
                        count += 1
                        if count == len(found):
                            return count, line + 1
    return count, len(flights)
