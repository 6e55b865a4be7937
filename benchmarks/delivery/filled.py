"""What an origin has to give, five minutes by five minutes, when its edge fills ahead and when it does not.

`python -m benchmarks.delivery fill` prints it. Days are learnt from as they
pass: a plan sees what was asked for before the moment it is made, never after.
The last days are held back: parameters were chosen on other seeds, and the
share of the disk that is filled is chosen by what would have been best on the
last day before them.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.delivery import bounds
from benchmarks.delivery.days import DAY_S, Days, made
from bijou.delivery.filling import (
    EdgeDisk,
    FillPlan,
    Forecast,
    History,
    Shelf,
    place,
    plan_fill,
    quiet_windows,
)
from bijou.delivery.filling.placement import KEEP_BYTES
from bijou.delivery.filling.windows import busy_weights, demand_curve
from bijou.delivery.playheads import PlayheadPolicy

SLOT_S: Final = 300
PLANNED_AT_H: Final = (1, 5, 9, 13)
QUIET: Final = 0.6
STICKING: Final = 1.25
FIRST_PLANNED_DAY: Final = 2
HELD_BACK: Final = 2
SEED: Final = 2026
SHARES: Final = (0.2, 0.05, 0.5)
PARTS: Final = (0.6, 0.9)
RATE_SHARE: Final = 0.15
"""Rate of fills as a share of the peak of demand."""

Floats = npt.NDArray[np.float64]


class Kept(Protocol):
    """A cache of objects by number."""

    def ask(self, at: int, which: int) -> bool:
        """Put request `at`, for `which`; tell whether it was here."""
        ...

    def see(self, at: int) -> None:
        """Learn of request `at`, which was answered from elsewhere."""
        ...

    def take_out(self, which: int) -> bool:
        """Let go of an object; tell whether it was here."""
        ...


class LeastRecent:
    """LRU by bytes."""

    def __init__(self, days: Days, capacity: int) -> None:
        self._sizes = (days.sizes + KEEP_BYTES).tolist()
        self._room = capacity
        self._row: OrderedDict[int, None] = OrderedDict()

    def ask(self, _at: int, which: int) -> bool:
        if which in self._row:
            self._row.move_to_end(which)
            return True
        self._row[which] = None
        self._room -= self._sizes[which]
        while self._room < 0:
            self._room += self._sizes[self._row.popitem(last=False)[0]]
        return False

    def see(self, at: int) -> None:
        """Learn nothing: of the order of use, what is not asked for here is no part."""

    def take_out(self, which: int) -> bool:
        if which not in self._row:
            return False
        del self._row[which]
        self._room += self._sizes[which]
        return True


class ByPlayheads:
    """Our policy, told what the edge is told: who asks, and what the player says comes next."""

    def __init__(self, days: Days, capacity: int) -> None:
        self._days = days
        self._now_s = 0.0
        self._policy = PlayheadPolicy(lambda: int(self._now_s * 1e9))
        self._policy.fit(capacity)
        self._room = capacity
        self._sizes = (days.sizes + KEEP_BYTES).tolist()
        self._here: dict[int, Any] = {}

    def see(self, at: int) -> None:
        days = self._days
        self._now_s = float(days.at_s[at])
        path, then = days.paths[days.objects[at]], days.paths[days.following[at]]
        self._policy.asked(path, f"ses_{days.sessions[at]}", then)

    def ask(self, at: int, which: int) -> bool:
        policy = self._policy
        self.see(at)
        path = self._days.paths[which]
        entry = policy.find(path)
        if entry is not None:
            policy.touch(entry)
            return True
        size = self._sizes[which]
        policy.insert(policy.entry_type(path, None, size))
        self._room -= size
        while self._room < 0:
            self._room += policy.evict().weight
        return False

    def take_out(self, which: int) -> bool:
        entry = self._policy.find(self._days.paths[which])
        if entry is None:
            return False
        self._policy.remove(entry)
        self._room += entry.weight
        return True


class Egress(msgspec.Struct):
    """Bytes from the origin in each five minutes, of viewers' misses and of fills."""

    missed: Floats
    filled: Floats

    def over(self, first_day: int, last_day: int) -> "Judged":
        """Judge days [first, last)."""
        slots = slice(first_day * DAY_S // SLOT_S, last_day * DAY_S // SLOT_S)
        whole = (self.missed + self.filled)[slots] * 8 / SLOT_S / 1e6
        return Judged(
            float(whole.max()), float(np.percentile(whole, 95)), float(whole.mean()),
            float(self.filled[slots].sum() / max(1.0, (self.missed + self.filled)[slots].sum())),
        )  # fmt: skip


class Judged(msgspec.Struct):
    """Megabits a second: the worst five minutes, the 95th of a hundred, the mean; and the share of fills."""

    peak_mbps: float
    p95_mbps: float
    mean_mbps: float
    filled_share: float


class Planner:
    """Learns the days as they pass, and makes plans for any size of disk; one for all runs."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self._numbers = {path: number for number, path in enumerate(days.paths)}
        self.ranked: dict[int, Shelf] = {}
        self.curves: dict[int, Floats] = {}
        history = History(0.0)
        waiting = sorted(days.titles, key=lambda title: title.available_at_s)
        names = [days.paths[which] for which in days.objects.tolist()]
        times = days.at_s.tolist()
        at = published = 0
        for day in range(FIRST_PLANNED_DAY, days.days):
            for hour in PLANNED_AT_H:
                now_s = day * DAY_S + hour * 3600
                while at < len(times) and times[at] < now_s:
                    while published < len(waiting) and waiting[published].available_at_s <= times[at]:
                        history.publish(waiting[published])
                        published += 1
                    history.asked(names[at], times[at])
                    at += 1
                while published < len(waiting) and waiting[published].available_at_s <= now_s + DAY_S:
                    history.publish(waiting[published])
                    published += 1
                self._plan(history, now_s)

    def _plan(self, history: History, now_s: int) -> None:
        forecast = Forecast(history, now_s)
        curve = demand_curve(history.slots, 0.0, now_s)
        weights = busy_weights(curve)
        self.curves[now_s] = curve
        self.ranked[now_s] = Shelf(
            forecast.requests(name, now_s, now_s + DAY_S, weights) for name in history.titles
        )

    def plan(self, now_s: int, room: int, held: set[int]) -> tuple[FillPlan, list[int]]:
        """Return the plan for a reserve of that size, and what it is to hold."""
        here = {"edge": {self._days.paths[one] for one in held}}
        placed = place(self.ranked[now_s], [EdgeDisk("edge", room)], held=here, sticking=STICKING)
        curve = self.curves[now_s]
        windows = quiet_windows(curve, (now_s, now_s + DAY_S), quiet=QUIET)
        rate = int(RATE_SHARE * curve.max() * 8 / SLOT_S)
        plan = plan_fill(placed, windows, rate_bps=rate, held=here)
        return plan, [self._numbers[one.path] for one in placed]

    def number(self, path: str) -> int:
        """Return an object's number."""
        return self._numbers[path]


class Reserve:
    """The filled part of a disk: what the last plan named, and what that replaces until it is here."""

    def __init__(self, days: Days, capacity: int) -> None:
        self.here: OrderedDict[int, None] = OrderedDict()
        self._sizes = (days.sizes + KEEP_BYTES).tolist()
        self._room = capacity
        self.capacity = capacity

    def prefer(self, wanted: Sequence[int]) -> None:
        """Let what is not wanted any more leave first, then what is wanted least."""
        rank = {which: at for at, which in enumerate(wanted)}
        order = sorted(self.here, key=lambda which: -rank.get(which, len(rank)))
        self.here = OrderedDict.fromkeys(order)

    def add(self, which: int) -> None:
        self.here[which] = None
        self._room -= self._sizes[which]
        while self._room < 0:
            self._room += self._sizes[self.here.popitem(last=False)[0]]


class _Filling:
    """Plans as they fall due, and their fetches between requests."""

    def __init__(self, days: Days, kept: Kept, reserve: Reserve, planner: Planner, from_day: int) -> None:
        self.filled = np.zeros(days.days * DAY_S // SLOT_S + 1)
        self._sizes = days.sizes.tolist()
        self._kept, self._reserve, self._planner = kept, reserve, planner
        self._moments = [at for at in sorted(planner.ranked) if at >= from_day * DAY_S]
        self._steps: list[tuple[float, int]] = []

    def go_on(self, now_s: float) -> None:
        """Do what was due by now."""
        if self._moments and now_s >= self._moments[0]:
            self._begin(self._moments.pop(0))
        while self._steps and self._steps[-1][0] <= now_s:
            done_s, which = self._steps.pop()
            if which not in self._reserve.here:
                if not self._kept.take_out(which):
                    self.filled[int(done_s // SLOT_S)] += self._sizes[which]
                self._reserve.add(which)

    def _begin(self, now_s: int) -> None:
        reserve = self._reserve
        plan, wanted = self._planner.plan(now_s, reserve.capacity, set(reserve.here))
        if not reserve.here:  # it begins full, as it would be after weeks, at nobody's cost
            for which in wanted:
                self._kept.take_out(which)
                reserve.add(which)
            return
        reserve.prefer(wanted)
        for which in wanted:  # what is here by chance only changes its place
            if which not in reserve.here and self._kept.take_out(which):
                reserve.add(which)
        self._steps = [(step.end_ns / 1e9, self._planner.number(step.path)) for step in reversed(plan.steps)]


def played(
    days: Days, kept: Kept, reserve: Reserve | None, planner: Planner, from_day: int, until_day: int
) -> Egress:
    """Play days of requests, and fills between them, against a cache."""
    first, last = np.searchsorted(days.at_s, (from_day * DAY_S, until_day * DAY_S)).tolist()
    missed = np.zeros(days.days * DAY_S // SLOT_S + 1)
    times, objects, sizes = days.at_s.tolist(), days.objects.tolist(), days.sizes.tolist()
    filling = _Filling(days, kept, reserve, planner, from_day) if reserve else None
    here = reserve.here if reserve else {}
    for at in range(first, last):
        which = objects[at]
        if filling is not None and reserve is not None:
            filling.go_on(times[at])
            here = reserve.here
        if which in here:
            kept.see(at)
        elif not kept.ask(at, which):
            missed[int(times[at] // SLOT_S)] += sizes[which]
    return Egress(missed, filling.filled if filling else np.zeros_like(missed))


def measured(*, quick: bool, long: bool = False, told: Callable[[str], object] = print) -> dict[str, Any]:
    """Return by share of the catalogue what each way asked of the origin on the days held back.

    Args:
        long: Play eviction by playheads at every share, and not at the first only.
    """
    day_count = 5
    days = made(
        SEED, days=day_count, titles=100 if quick else 400, new_a_day=2 if quick else 8,
        sessions_a_day=600 if quick else 7000,
    )  # fmt: skip
    told(f"{len(days.at_s):,} requests in {day_count} days, {days.sizes.sum() / 1e9:,.0f} GB of objects")
    planner = Planner(days)
    held_back = day_count - HELD_BACK
    result: dict[str, Any] = {
        "requests": len(days.at_s), "days": day_count, "held_back": HELD_BACK, "seed": SEED,
        "catalogue_bytes": int(days.sizes.sum()), "by_share": {},
    }  # fmt: skip
    for share in SHARES:
        disk = int(days.sizes.sum() * share)

        def run(
            kind: type[LeastRecent | ByPlayheads],
            part: float,
            from_day: int,
            disk: int = disk,
        ) -> Egress:
            reserve = Reserve(days, int(disk * part)) if part else None
            return played(days, kind(days, disk - int(disk * part)), reserve, planner, from_day, day_count)

        filled = {part: run(LeastRecent, part, 1) for part in PARTS}
        rehearsed = {part: egress.over(held_back - 1, held_back) for part, egress in filled.items()}
        best = min(PARTS, key=lambda part: (rehearsed[part].peak_mbps, part))
        ways = {"LRU": run(LeastRecent, 0, 1), "fill + LRU": filled[best]}
        if long or share == SHARES[0]:
            ways["playheads"] = run(ByPlayheads, 0, FIRST_PLANNED_DAY)
            ways["fill + playheads"] = run(ByPlayheads, best, FIRST_PLANNED_DAY)
        judged = {name: egress.over(held_back, day_count) for name, egress in ways.items()}
        result["by_share"][f"{share:.0%}"] = {
            "filled_part": best, "bound": static_bound(planner, disk, held_back),
            "ways": msgspec.to_builtins(judged),
        }  # fmt: skip
        told(f"disk of {share:.0%}: {json.dumps(result['by_share'][f'{share:.0%}'])}")
    return result


def static_bound(planner: Planner, disk: int, held_back: int) -> float:
    """Return what the best fixed set lets through beside LRU, by the forecast of the first day held back."""
    shelf = planner.ranked[max(at for at in planner.ranked if at < (held_back + 1) * DAY_S)]
    recent, fixed = bounds.misses(shelf.expected, shelf.sizes_bytes.astype(float), disk)
    return fixed / recent
