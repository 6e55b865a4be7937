"""Filling an ad break: the most valuable creatives that may stand together.

A knapsack by groups. Creatives that share a label (advertiser, product
category) never share a pod, so one table over (slots, time) takes at most one
creative of each group. Labels that span groups are forgotten at first; those
that the best pod then repeats are watched from there on, and it is sought
again: the table is kept once for each set of watched labels in use, from the
first group that has one to the last.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.intervals.interval import is_whole
from bijou.algorithms.intervals.rivals import Candidate, Group, Item, grouped, in_order

Table = NDArray[np.int64]
Tables = dict[int, Table]

# Far below any sum of values, and so is its sum with one.
_NEVER: Final = -(1 << 61)
_MOST_BYTES: Final = 1 << 28


class Pod(NamedTuple):
    """Indices of candidates in rising order, their value, and the ticks they take."""

    indices: list[int]
    value: int
    duration: int


class _Board(NamedTuple):
    """The shape of a table: rows of slots (one row where they are unlimited) by grid cells."""

    rows: int
    cells: int
    step: int


def pack_pod(candidates: Sequence[Candidate], duration: int, *, most: int | None = None) -> Pod:
    """Return the pod of greatest value that fits and keeps competitors apart.

    Exact. Time is counted in the greatest common divisor of the durations.

    Cost: O(g d s) time and memory for g groups, d cells and s slots, times at
    most 2^w, with w the watched labels that are open at once: none where each
    advertiser is in one category. What some best pod can do without is dropped
    first; 200 candidates take about 0.4 ms, 1 to 4 ms where labels cross.

    Args:
        candidates: What may be shown, each at most once.
        duration: Ticks of the break, >= 0; a pod may leave some free.
        most: Slots of the pod, >= 0; None where only time limits it.

    Raises:
        ValueError: a number is no integer or out of its bounds, the values'
            sum is 2^60 or more, or the tables would take more than 256 MiB:
            labels cross too much, or durations share too small a divisor.

    Source: Kellerer, Pferschy and Pisinger, "Knapsack Problems" (2004),
    chapter 11 (multiple-choice); watching labels only once they matter:
    Righini and Salani, "New dynamic programming algorithms for the resource
    constrained elementary shortest path problem", Networks 51(3), 2008.

    Example:
        >>> cola, soda, car = (frozenset({name}) for name in ("cola", "soda", "car"))
        >>> spots = [Candidate(30, 50, cola), Candidate(15, 30, cola)]
        >>> spots += [Candidate(15, 30, soda), Candidate(30, 45, car)]
        >>> pack_pod(spots, 60)
        Pod(indices=[1, 2, 3], value=105, duration=60)
        >>> pack_pod(spots, 60, most=1)
        Pod(indices=[0], value=50, duration=30)
    """
    _check(candidates, duration, most)
    fitting = [index for index, one in enumerate(candidates) if one.value > 0 and one.duration <= duration]
    if not fitting or most == 0:
        return Pod([], 0, 0)
    fill = duration // min(candidates[index].duration for index in fitting)
    most = fill if most is None else min(most, fill)
    groups, cell = grouped(candidates, fitting, duration=duration, most=most)
    cells = duration // cell
    board = _Board(most + 1, cells, 1) if most < fill else _Board(1, cells, 0)
    bits_of = {item.place: item.bits for items in groups for item in items}
    watched = known = 0
    while True:
        indices = _best(in_order(groups, watched), board, known)
        clashing = _repeated(bits_of[index] for index in indices)
        if not clashing:
            return _pod(candidates, indices)
        watched |= clashing
        known = known or pack_pod_greedily(candidates, duration, most=most).value


def pack_pod_greedily(candidates: Sequence[Candidate], duration: int, *, most: int | None = None) -> Pod:
    """Return a pod by value per tick, best first: quick, and not the best.

    What `pack_pod` is measured against; it loses most where long creatives
    are cheap by the tick and fill the break exactly.

    Cost: O(n log n) time.

    Raises:
        ValueError: as `pack_pod`.

    Example:
        >>> pack_pod_greedily([Candidate(30, 50), Candidate(20, 35), Candidate(30, 45)], 60)
        Pod(indices=[0, 1], value=85, duration=50)
    """
    _check(candidates, duration, most)
    order = sorted(range(len(candidates)), key=lambda i: -candidates[i].value / candidates[i].duration)
    chosen: list[int] = []
    used: set[Hashable] = set()
    left = duration
    for index in order:
        one = candidates[index]
        if one.value > 0 and one.duration <= left and len(chosen) != most and used.isdisjoint(one.labels):
            chosen.append(index)
            used |= one.labels
            left -= one.duration
    return _pod(candidates, chosen)


def _check(candidates: Sequence[Candidate], duration: int, most: int | None) -> None:
    slots = 0 if most is None else most
    if not (is_whole(duration) and is_whole(slots)) or duration < 0 or slots < 0:
        raise ValueError(f"a break has {duration} ticks and {most} slots; both must be integers, at least 0")
    total = 0
    for index, (lasts, value, _) in enumerate(candidates):
        if not (is_whole(lasts) and is_whole(value)):
            raise ValueError(
                f"candidate {index} lasts {lasts} ticks and is worth {value}; both must be integers"
            )
        if lasts < 1:
            raise ValueError(f"candidate {index} lasts {lasts} ticks; each must last at least 1")
        total += max(value, 0)
    if total >= 1 << 60:
        raise ValueError(f"the values sum to {total}; together they must stay below 2^60")


def _pod(candidates: Sequence[Candidate], indices: Iterable[int]) -> Pod:
    shown = [candidates[index] for index in sorted(indices)]
    return Pod(sorted(indices), sum(one.value for one in shown), sum(one.duration for one in shown))


def _repeated(all_bits: Iterable[int]) -> int:
    """Return the bits that stand in more than one number."""
    seen = twice = 0
    for bits in all_bits:
        twice |= seen & bits
        seen |= bits
    return twice


def _best(groups: Sequence[Group], board: _Board, known: int) -> list[int]:
    """Return the places of a best pod that heeds the groups' labels; it is worth at least `known`."""
    return _walk_back(groups, _fill(groups, board, known), board)


def _fill(groups: Sequence[Group], board: _Board, known: int) -> list[Tables]:
    """Return the tables before each group and after the last, one for each set of open labels in use.

    A table that cannot lead to `known`, even were all labels forgotten from here, is dropped (Marsten and
    Morin, "A hybrid approach to discrete mathematical programming", 1978).
    """
    hopes = _hopes(groups, board) if known else [None] * len(groups)
    tables: Tables = {0: np.zeros((board.rows, board.cells + 1), np.int64)}
    layers = [tables]
    kept = 1
    for group, hope in zip(groups, hopes, strict=True):
        tables = _with_group(tables, group, board, kept)
        if hope is not None and len(tables) > 1:
            tables = {bits: table for bits, table in tables.items() if (table + hope).max() >= known}
        kept += len(tables)
        layers.append(tables)
    return layers


def _with_group(tables: Tables, group: Group, board: _Board, kept: int) -> Tables:
    """Return the tables after this group, beside `kept` ones."""
    after: Tables = {}
    table_bytes = 8 * board.rows * (board.cells + 1)
    for bits, table in tables.items():
        room = after.get(bits & ~group.closes)
        after[bits & ~group.closes] = table.copy() if room is None else np.maximum(room, table, out=room)
        for item in group.items:
            if not item.bits & bits:
                _show(after, (bits | item.bits) & ~group.closes, table, item, board.step)
        if (kept + len(after)) * table_bytes > _MOST_BYTES:
            raise ValueError(
                f"{kept + len(after)} tables of {table_bytes} bytes are more than {_MOST_BYTES} bytes;"
                " give fewer labels that span groups, or durations on a coarser grid"
            )
    return after


def _hopes(groups: Sequence[Group], board: _Board) -> list[Table]:
    """Return, for each group, what those after it add to each cell of a table, if no label is shared."""
    tables: Tables = {0: np.zeros((board.rows, board.cells + 1), np.int64)}
    hopes = []
    for group in reversed(groups):
        hopes.append(tables[0][::-1, ::-1])
        free = Group([item._replace(bits=0) for item in group.items], 0)
        tables = _with_group(tables, free, board, len(hopes))
    return hopes[::-1]


def _show(after: Tables, used: int, table: Table, item: Item, step: int) -> None:
    """Let the table for `used` be the best of itself and of `table` with the item shown."""
    rows, cells = table.shape
    if used not in after:
        after[used] = np.full_like(table, _NEVER)
    there = after[used][step:, item.length :]
    np.maximum(there, table[: rows - step, : cells - item.length] + item.value, out=there)


def _walk_back(groups: Sequence[Group], layers: Sequence[Tables], board: _Board) -> list[int]:
    bits, row, cell = 0, board.rows - 1, board.cells
    value = int(layers[-1][0][row, cell])
    chosen: list[int] = []
    for group, tables in zip(reversed(groups), reversed(layers[:-1]), strict=True):
        bits, item = _choice(group, tables, board.step, (bits, row, cell, value))
        if item:
            chosen.append(item.place)
            row, cell, value = row - board.step, cell - item.length, value - item.value
    return chosen


def _choice(
    group: Group, tables: Tables, step: int, there: tuple[int, int, int, int]
) -> tuple[int, Item | None]:
    """Return which labels were in use before this group, and what of it was shown, to get `there`."""
    used, row, cell, value = there
    for bits, table in tables.items():
        if bits & ~group.closes == used and table[row, cell] == value:
            return bits, None
        for item in group.items:
            if item.bits & bits or (bits | item.bits) & ~group.closes != used:
                continue
            fits = row >= step and cell >= item.length
            if fits and table[row - step, cell - item.length] + item.value == value:
                return bits, item
    raise AssertionError(f"no way leads to value {value}; the tables disagree with themselves")
