"""Merging arrays of numbers: by one sort, or by a loser tree where its blocks are long."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.compiled import compiled, is_native

Array = NDArray[Any]
Positions = NDArray[np.int64]

_LONG = 8
_WATCHED = 64
_MANY = 16
_WORTHWHILE = 1 << 14
_EXACT_BITS = {2: 11, 4: 24, 8: 53, 16: 64}  # bits of a whole number that a float of so many bytes holds


def merge_arrays(*runs: Array) -> Array:
    """Merge ascending arrays of numbers into one; NaN comes last.

    Of bare numbers nobody can tell which of two equal ones came first, so many
    runs that take turns are sorted by numpy's fastest sort; the others by its
    stable one, which finds the runs and gallops. Compiled merges were measured
    and do not beat these two: docs/explanation/merging.md.

    Cost: O(N) where one run leads for long, O(N log N) at most.
    Threads: safe.

    Args:
        runs: One-dimensional; lists of numbers will do.

    Raises:
        ValueError: no run was given, one has not one dimension, or their
            common type would round (int64 beside float64, or beside uint64).

    Example:
        >>> merge_arrays([1, 4], [2, 3]).tolist()
        [1, 2, 3, 4]
    """
    items, starts = _joined(runs)
    items.sort(kind=None if len(runs) >= _MANY and _take_turns(items, starts) else "stable")
    return items


def merge_order(*runs: Array, native: bool | None = None) -> Positions:
    """Return where the items of the merged array stand in the runs put end to end.

    Equal items come in the order of their runs; so columns that belong to the
    keys follow with one `take`.

    Cost: O(N + B log K) for B blocks in which one run leads, where they are
    long; else one stable sort. 8 bytes an item. Compiling takes a second, once
    on a machine.
    Threads: safe; compiled, it runs without the interpreter's lock.

    Args:
        runs: As for `merge_arrays`.
        native: Whether blocks are merged by compiled code; by default where
            numba is installed. The answer is the same for runs that ascend.

    Raises:
        ValueError: as `merge_arrays`.
        ModuleNotFoundError: `native` was asked for without numba.

    Example:
        >>> keys, names = ([1, 4], [1, 3]), np.array(["a", "b", "c", "d"])
        >>> names[merge_order(*keys)].tolist()
        ['a', 'c', 'd', 'b']
    """
    items, starts = _joined(runs)
    if is_native(asked=native):
        positions = _by_blocks(items, starts)
        if positions is not None:
            return positions
    return np.argsort(items, kind="stable").astype(np.int64, copy=False)


def _joined(runs: tuple[Array, ...]) -> tuple[Array, Positions]:
    """Return the runs end to end, in an array of our own, and where each starts and the last stops."""
    if not runs:
        raise ValueError("no run was given, and so no type; give one, though it be empty")
    arrays = [np.asarray(run) for run in runs]
    for array in arrays:
        if array.ndim != 1:
            raise ValueError(f"a run has {array.ndim} dimensions; runs are arrays of one")
    items = np.concatenate(_of_one_type([array for array in arrays if len(array)] or arrays))
    starts = np.zeros(len(runs) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, runs), np.int64), out=starts[1:])
    return items, starts


def _of_one_type(arrays: list[Array]) -> list[Array]:
    """Refuse runs whose common type would round some of their numbers."""
    common = np.result_type(*arrays)
    for array in arrays:
        if array.dtype.kind in "iu" and not np.can_cast(array.dtype, common, "safe"):
            raise _rounds(array.dtype, common)
        if (
            array.dtype.kind in "iu"
            and common.kind == "f"
            and array.dtype.itemsize * 8 > _EXACT_BITS[common.itemsize]
        ):
            raise _rounds(array.dtype, common)
    return arrays


def _rounds(found: "np.dtype[Any]", common: "np.dtype[Any]") -> ValueError:
    return ValueError(f"{found} and the others have {common} in common, which would round; give all one type")


def _take_turns(items: Array, starts: Positions) -> bool:
    """Guess from lengths and first items whether no run leads for long."""
    lengths = np.diff(starts)
    if 2 * lengths.max() > len(items):
        return False
    long = starts[:-1][lengths >= _LONG]
    heads = items[long]
    order = np.argsort(heads)
    leads = items[long + _LONG - 1][order][:-1] <= heads[order][1:]
    return bool(2 * np.count_nonzero(leads) < len(leads))


def _by_blocks(items: Array, starts: Positions) -> Positions | None:
    """Merge by blocks; None where that does not pay."""
    if items.dtype.kind not in "iuf" or len(items) < _WORTHWHILE:
        return None
    filled = np.flatnonzero(np.diff(starts))
    at, stops = starts[filled], starts[filled + 1]
    if np.isnan(items[stops - 1]).any():  # only the sort puts them last
        return None
    positions = np.empty(len(items), np.int64)
    done = compiled(merge_blocks)(items, at, stops, positions, _WATCHED, _WATCHED * _LONG)
    return positions if done == len(items) else None


def merge_blocks(  # noqa: C901, PLR0912, PLR0915 - one loop, for compiled ones call no other
    items: Array, at: Positions, stops: Positions, positions: Positions, watched: int, wanted: int
) -> int:
    """Write positions block by block; stop once `watched` blocks hold fewer than `wanted` items.

    A loser tree says which run leads; the best of those that lost to it says
    how far, and that place is found by steps that double and then halve.

    Args:
        at: Where each run goes on, none of them ended; written over.
        stops: Where each run ends.

    Returns:
        How many positions were written.

    Source: Knuth, The Art of Computer Programming 3, 5.4.1 (tree of losers);
        Bentley and Yao, "An almost optimal algorithm for unbounded searching", 1976.
    """
    runs = len(at)
    best = np.arange(2 * runs) - runs
    losers = np.empty(runs, np.int64)
    for node in range(runs - 1, 0, -1):
        one, other = best[2 * node], best[2 * node + 1]
        key, rival_key = items[at[one]], items[at[other]]
        if rival_key < key or (rival_key == key and other < one):
            one, other = other, one
        best[node], losers[node] = one, other
    winner = best[1]
    done = blocks = before = 0
    while True:
        start, stop = at[winner], stops[winner]
        second, bound = -1, items[start]
        node = (winner + runs) >> 1
        while node > 0:
            rival = losers[node]
            if at[rival] < stops[rival]:
                rival_key = items[at[rival]]
                if second < 0 or rival_key < bound or (rival_key == bound and rival < second):
                    second, bound = rival, rival_key
            node >>= 1
        low, high, step = start, start + 1, 1
        if second < 0:
            high = stop
        else:
            through = winner < second
            while high < stop and (items[high] < bound or (through and items[high] == bound)):
                low, high, step = high, high + step, 2 * step
            high = min(high, stop)
            while high - low > 1:
                middle = (low + high) >> 1
                if items[middle] < bound or (through and items[middle] == bound):
                    low = middle
                else:
                    high = middle
        for position in range(start, high):
            positions[done] = position
            done += 1
        if second < 0:
            return done
        at[winner] = high
        node = (winner + runs) >> 1
        while node > 0:
            rival = losers[node]
            if at[rival] < stops[rival]:
                ended = at[winner] >= stops[winner]
                rival_key = items[at[rival]]
                key = rival_key if ended else items[at[winner]]
                if ended or rival_key < key or (rival_key == key and rival < winner):
                    losers[node], winner = winner, rival
            node >>= 1
        blocks += 1
        if blocks == watched:
            if done - before < wanted:
                return done
            blocks, before = 0, done
