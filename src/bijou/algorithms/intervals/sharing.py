"""How many rooms overlapping intervals need, and what they leave free."""

from heapq import heappop, heappush

import numpy as np

from bijou.algorithms.intervals.interval import Interval, Intervals, columns


def rooms_needed(intervals: Intervals) -> int:
    """Return the largest number of intervals that share a moment.

    Cost: O(n log n) time in numpy, O(n) memory.

    Raises:
        ValueError: an end is not after its start.

    Example:
        >>> rooms_needed([(0, 30), (5, 10), (10, 20)])
        2
    """
    starts, ends = columns(intervals)
    if not starts.size:
        return 0
    starts, ends = np.sort(starts), np.sort(ends)
    begun = np.arange(1, len(starts) + 1)
    return int((begun - np.searchsorted(ends, starts, side="right")).max())


def assign_rooms(intervals: Intervals) -> list[int]:
    """Return a room for each interval, with as few rooms as can be.

    Rooms are numbered from 0, and each interval gets the lowest that is free
    as it begins, so early rooms are busy and late ones can be given back.

    Cost: O(n log n) time, O(n) memory.

    Returns:
        room[i] for interval i; `max(room) + 1 == rooms_needed(intervals)`.

    Raises:
        ValueError: an end is not after its start.

    Source: Kleinberg and Tardos, "Algorithm Design" (2005), section 4.1.

    Example:
        >>> assign_rooms([(0, 30), (5, 10), (10, 20)])
        [0, 1, 1]
    """
    starts, ends = columns(intervals)
    order = np.lexsort((ends, starts))
    rooms = [0] * len(order)
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    for index, start, end in zip(order.tolist(), starts[order].tolist(), ends[order].tolist(), strict=True):
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        # Where no room is free, all that were opened are busy.
        room = heappop(free) if free else len(busy)
        heappush(busy, (end, room))
        rooms[index] = room
    return rooms


def merge_intervals(intervals: Intervals) -> list[Interval]:
    """Return the same moments as the fewest intervals, in order.

    Intervals that only touch become one.

    Cost: O(n log n) time in numpy, O(n) memory.

    Raises:
        ValueError: an end is not after its start.

    Example:
        >>> merge_intervals([(5, 8), (0, 3), (3, 4), (6, 7)])
        [Interval(start=0, end=4), Interval(start=5, end=8)]
    """
    starts, ends = columns(intervals)
    if not starts.size:
        return []
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    opens = np.flatnonzero(np.concatenate(([True], starts[1:] > reach[:-1])))
    closes = np.append(opens[1:] - 1, len(starts) - 1)
    return [Interval(*pair) for pair in zip(starts[opens].tolist(), reach[closes].tolist(), strict=True)]


def gaps(intervals: Intervals, within: tuple[int, int]) -> list[Interval]:
    """Return what of `within` no interval covers, in order.

    Cost: O(n log n) time, O(n) memory.

    Raises:
        ValueError: an end, of `within` too, is not after its start.

    Example:
        >>> gaps([(5, 8), (0, 3)], within=(-2, 10))
        [Interval(start=-2, end=0), Interval(start=3, end=5), Interval(start=8, end=10)]
    """
    columns([within])
    at, end = within
    found = []
    for busy in merge_intervals(intervals):
        if busy.start >= end:
            break
        if busy.start > at:
            found.append(Interval(at, busy.start))
        at = max(at, busy.end)
    if at < end:
        found.append(Interval(at, end))
    return found
