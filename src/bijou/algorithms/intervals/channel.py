"""A linear channel's day: which programme when, and the breaks that fit it to the grid."""

from collections.abc import Mapping, Sequence
from operator import mul
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.algorithms.intervals.interval import Interval, is_whole

Ints = NDArray[np.int64]

# Prices are counted in this fraction of a value's unit, so that they stay integers and the bound exact.
_SCALE: Final = 1 << 10
_BARRED: Final = -(1 << 61)
_PATIENCE: Final = 8
_ROUNDS: Final = 300


class Programme(NamedTuple):
    """Something to show.

    Args:
        duration: Ticks of content, > 0.
        appeal: Value for each unit of audience present, >= 0.
        cues: Ticks from its start at which a break may stand, rising, each
            inside it; one more always stands at its end.
        at_most: Airings a day, >= 1.
    """

    duration: int
    appeal: int
    cues: tuple[int, ...] = ()
    at_most: int = 1


class Airing(NamedTuple):
    """A programme in its place; its content and its breaks fill [start, end)."""

    programme: int
    start: int
    end: int
    breaks: tuple[Interval, ...]


class ChannelDay(NamedTuple):
    """Airings by start, their value, and a value that no schedule exceeds.

    `value == bound` says that the schedule is the best there is.
    """

    airings: list[Airing]
    value: int
    bound: int


def schedule_day(
    programmes: Sequence[Programme],
    audience: Sequence[int],
    *,
    grid: int,
    slot: int = 1,
    least_break: int = 0,
    booked: Mapping[int, int] | None = None,
) -> ChannelDay:
    """Fill a day: every airing starts on the grid, its breaks fill it up.

    A programme takes as few cells of the grid as hold its content and
    `least_break` ticks of breaks; what is left over is spread over its cues
    and its end, as evenly as whole slots can be. So each break at a cue lasts
    whole slots, and where content and cues are cut on them too, every break
    begins and ends on the grid of slots.

    Among days of one value it prefers the fuller, so what nobody hears is
    filled too; a cell stays free only where nothing fits or limits forbid.

    Each limit on airings has a price that the search moves until the limits
    keep themselves; the prices give a bound that is always true. Where limits
    do not bind, the schedule is the best; else it is near, and `bound` says
    how near.

    Cost: at most 300 rounds of O(p t) numpy for p programmes and t cells: for
    80 programmes up to 0.3 s with 48 half hours, and 1.5 s with 288 times five
    minutes.

    Args:
        programmes: What may be shown.
        audience: Units of audience in each cell of the grid, >= 0.
        grid: Ticks of a cell, > 0.
        slot: Ticks that the lengths of breaks at cues are multiples of, such as
            30 s; divides `grid`.
        least_break: Ticks of breaks that every airing has, >= 0.
        booked: Cell -> programme that starts there whatever it is worth; it
            counts to the value and to the programme's airings.

    Raises:
        ValueError: a number is no integer or out of its bounds, or bookings
            overlap, run over the day's end or exceed a programme's airings.

    Source: Fisher, "The Lagrangian Relaxation Method for Solving Integer
    Programming Problems", Management Science 27(1), 1981.

    Example:
        >>> news, film = Programme(22, appeal=2), Programme(50, appeal=3, cues=(25,))
        >>> day = schedule_day([news, film], audience=[1, 5, 5, 2], grid=30)
        >>> [(airing.programme, airing.start, airing.end) for airing in day.airings]
        [(1, 30, 90), (0, 90, 120)]
        >>> day.airings[0].breaks
        (Interval(start=55, end=60), Interval(start=85, end=90))
        >>> day.value == day.bound == 3 * 10 + 2 * 2
        True
    """
    _check(programmes, audience, grid, slot, least_break)
    day = _Day(programmes, audience, grid, slot, least_break)
    fixed = day.book(booked or {})
    starts, worth, bound = _search(day, fixed)
    airings = [day.airing(programme, start) for start, programme in sorted(starts.items())]
    return ChannelDay(airings, worth // day.one_value, bound // day.one_value)


class _Day:
    """What all airings are worth, and the search for the best ones at given prices.

    A filled cell is worth 1 and a unit of value more than all cells: value first, then fullness.
    """

    def __init__(
        self, programmes: Sequence[Programme], audience: Sequence[int], grid: int, slot: int, least_break: int
    ) -> None:
        self.programmes, self.grid, self.slot = programmes, grid, slot
        self.cells = len(audience)
        self.one_value = self.cells + 1
        self.limits = np.array([min(one.at_most, self.cells) for one in programmes], np.int64)
        self.lengths = [-(-(one.duration + least_break) // grid) for one in programmes]
        heard = np.concatenate(([0], np.cumsum(np.asarray(audience, np.int64))))
        self.by_length: dict[int, tuple[Ints, Ints]] = {}
        for length in sorted({one for one in self.lengths if one <= self.cells}):
            members = np.array([p for p, one in enumerate(self.lengths) if one == length], np.int64)
            appeals = np.array([programmes[p].appeal for p in members], np.int64)
            values = np.outer(appeals, heard[length:] - heard[:-length])
            self.by_length[length] = members, values * self.one_value + length
        self._heard = heard.tolist()

    def worth(self, programme: int, start: int) -> int:
        """Return what an airing is worth."""
        length = self.lengths[programme]
        heard = self._heard[start + length] - self._heard[start]
        return int(self.programmes[programme].appeal * heard) * self.one_value + length

    def book(self, booked: Mapping[int, int]) -> dict[int, int]:
        """Return the bookings by start, each checked."""
        free_from = 0
        for start, programme in sorted(booked.items()):
            end = start + self.lengths[programme]
            if start < free_from or end > self.cells:
                rule = "bookings must not overlap and end with the day"
                raise ValueError(f"programme {programme} is booked for cells [{start}, {end}); {rule}")
            free_from = end
        counts = np.bincount(list(booked.values()), minlength=len(self.programmes))
        for programme in np.flatnonzero(counts > self.limits).tolist():
            limit = self.limits[programme]
            raise ValueError(
                f"programme {programme} is booked {counts[programme]} times; its limit is {limit}"
            )
        return dict(sorted(booked.items()))

    def best(self, prices: Ints, fixed: Mapping[int, int]) -> tuple[dict[int, int], int]:
        """Return the best airings beside the fixed, limits aside, and their scaled worth less prices."""
        taken = np.zeros(self.cells + 1, np.int64)
        for start, programme in fixed.items():
            taken[start + 1 : start + 1 + self.lengths[programme]] = 1
        taken = np.cumsum(taken)
        gains: list[tuple[int, list[int], list[int]]] = []
        for length, (members, values) in self.by_length.items():
            worth = values * _SCALE - prices[members, None]
            which = worth.argmax(axis=0)
            gain = np.take_along_axis(worth, which[None], axis=0)[0]
            gain[taken[length:] > taken[:-length]] = _BARRED
            gains.append((length, gain.tolist(), members[which].tolist()))
        return self._chain(gains)

    def _chain(self, gains: list[tuple[int, list[int], list[int]]]) -> tuple[dict[int, int], int]:
        best = [0]
        back: list[tuple[int, int] | None] = [None]
        for end in range(1, self.cells + 1):
            worth, step = best[end - 1], None
            for length, gain, which in gains:
                start = end - length
                if start >= 0 and best[start] + gain[start] > worth:
                    worth, step = best[start] + gain[start], (start, which[start])
            best.append(worth)
            back.append(step)
        chosen = {}
        at = self.cells
        while at:
            step = back[at]
            if step:
                at, chosen[step[0]] = step
            else:
                at -= 1
        return chosen, best[-1]

    def airing(self, programme: int, start: int) -> Airing:
        """Return the programme at cell `start`, with its breaks."""
        one = self.programmes[programme]
        begins, ends = start * self.grid, (start + self.lengths[programme]) * self.grid
        spare = ends - begins - one.duration
        places = len(one.cues) + 1
        # Of each break: what all up to it have together.
        until = [spare // self.slot * n // places * self.slot for n in range(places)]
        breaks = [
            Interval(begins + cue + before, begins + cue + after)
            for cue, before, after in zip((*one.cues, one.duration), until, (*until[1:], spare), strict=True)
        ]
        return Airing(programme, begins, ends, tuple(one for one in breaks if one.end > one.start))


def _search(day: _Day, fixed: dict[int, int]) -> tuple[dict[int, int], int, int]:
    """Move the prices until the bound and the best schedule meet, or patience ends."""
    limits = day.limits - np.bincount(list(fixed.values()), minlength=len(day.limits))
    settled = sum(day.worth(programme, start) for start, programme in fixed.items())
    prices = np.zeros(len(limits), np.int64)
    starts, best, bound = fixed, settled, None
    reach, stale = 1.0, 0
    for _ in range(_ROUNDS):
        relaxed, worth = day.best(prices, fixed)
        dual = settled + (worth + sum(map(mul, prices.tolist(), limits.tolist()))) // _SCALE
        stale = 0 if bound is None or dual < bound else stale + 1
        bound = dual if bound is None else min(bound, dual)
        whole = _refill(day, relaxed, fixed, limits, prices)
        found = sum(day.worth(programme, start) for start, programme in whole.items())
        if found > best:
            starts, best = whole, found
        if best >= bound:
            break
        if stale >= _PATIENCE:
            reach, stale = reach / 2, 0
        surplus = np.bincount(list(relaxed.values()), minlength=len(limits)) - limits
        surplus[(surplus < 0) & (prices == 0)] = 0
        if not surplus.any():
            break
        step = reach * (dual - best + 1) * _SCALE / float(surplus @ surplus)
        prices = np.maximum(0, prices + np.rint(step * surplus).astype(np.int64))
    return starts, best, best if bound is None else bound


def _refill(
    day: _Day, relaxed: Mapping[int, int], fixed: Mapping[int, int], limits: Ints, prices: Ints
) -> dict[int, int]:
    """Make a schedule within its limits: keep the best airings of each, fill what that frees, and again."""
    kept = dict(fixed)
    left = limits.copy()
    chosen = dict(relaxed)
    while chosen:
        for start in sorted(chosen, key=lambda at: -day.worth(chosen[at], at)):
            if left[chosen[start]] > 0:
                kept[start] = chosen[start]
                left[chosen[start]] -= 1
        closed = np.where(left > 0, prices, 1 << 60)
        chosen, _ = day.best(closed, kept)
    return kept


def _check(
    programmes: Sequence[Programme], audience: Sequence[int], grid: int, slot: int, least_break: int
) -> None:
    if not all(map(is_whole, (grid, slot, least_break, *audience))):
        raise ValueError(
            f"grid {grid}, slot {slot}, least break {least_break} and audiences must be integers"
        )
    if grid < 1 or slot < 1 or grid % slot or least_break < 0:
        rule = "a slot of at least 1 tick divides the grid, and a break is at least 0"
        raise ValueError(f"grid {grid}, slot {slot}, least break {least_break}; {rule}")
    for number, one in enumerate(programmes):
        if not all(map(is_whole, (one.duration, one.appeal, one.at_most, *one.cues))):
            raise ValueError(f"programme {number} is {one}; its numbers must be integers")
        inside = all(a < b for a, b in zip((0, *one.cues), (*one.cues, one.duration), strict=True))
        if one.duration < 1 or one.appeal < 0 or one.at_most < 1 or not inside:
            rule = "duration and at_most are at least 1, appeal at least 0, cues rise inside the content"
            raise ValueError(f"programme {number} is {one}; {rule}")
    most = sum(audience) * max((one.appeal for one in programmes), default=0)
    if min(audience, default=0) < 0 or (most + 1) * (len(audience) + 1) * _SCALE >= 1 << 58:
        rule = "audiences are at least 0, and value times cells below 2^48"
        raise ValueError(f"{len(audience)} cells may be worth {most}; {rule}")
