"""Ad breaks, weighted sets, rooms, stabbing and a channel's day, beside OR-Tools, pandas and plain ways."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from benchmarks.structures.measuring import Row, interleaved, version
from bijou.algorithms.intervals import (
    Candidate,
    IntervalTree,
    Programme,
    heaviest_set,
    pack_pod,
    pack_pod_greedily,
    rooms_needed,
    schedule_day,
)

Pairs = NDArray[np.int64]

_BREAK_S = 90
_SLOTS = 4
_CP_SAT_LIMIT_S = 20.0


def rows(*, quick: bool) -> list[Row]:
    """Return every row of this room."""
    return [
        *_pods(breaks=10 if quick else 60),
        _weighted(2_000 if quick else 10_000),
        *_rooms(30_000 if quick else 300_000),
        _stabbing(10_000 if quick else 100_000),
        *(_day(cells, programmes=30 if quick else 80) for cells in ([48] if quick else [48, 288])),
    ]


def _pods(breaks: int) -> list[Row]:
    """One break after another; the target is of creatives whose advertisers sell in one category each."""
    chance = Random(48)
    steady = [_creatives(chance, lambda firm: firm % 20) for _ in range(breaks)]
    crossing = [_creatives(chance, lambda _: chance.randrange(20)) for _ in range(breaks)]
    free = [[one._replace(labels=frozenset()) for one in pod] for pod in steady]
    return [
        *_pod_rows(steady, None, "rivals in one category each", 10.0),
        *_pod_rows(steady, _SLOTS, f"the same, {_SLOTS} slots", 10.0),
        *_pod_rows(crossing, None, "rivals in many categories", None),
        *_pod_rows(free, None, "no rivals at all", None),
    ]


def _pod_rows(
    pods: Sequence[list[Candidate]], most: int | None, whose: str, at_least: float | None
) -> list[Row]:
    built = [_pod_model(one, most) for one in pods]
    best = [_solved(model) for model in built]
    ours = [pack_pod(one, _BREAK_S, most=most).value for one in pods]
    if ours != best:
        raise AssertionError(f"our pods are worth {ours}, those of CP-SAT {best}")
    cpu = interleaved(
        {
            "ours": partial(_each, partial(pack_pod, duration=_BREAK_S, most=most), pods),
            "theirs": partial(_each, partial(_packed, most=most), pods),
            "solving": partial(_each, _solved, built),
        }
    )
    alone = f"without building its model {cpu['solving'] / cpu['ours']:.1f}x"
    packing = Row(
        room="intervals",
        what=f"pack {_BREAK_S} s from {len(pods[0])} creatives, {whose}",
        ours=cpu["ours"] / len(pods) * 1e3,
        peer=f"{version('ortools')} CP-SAT",
        theirs=cpu["theirs"] / len(pods) * 1e3,
        unit="ms",
        ratio=cpu["theirs"] / cpu["ours"],
        at_least=at_least,
        note=f"same optimum in all {len(pods)}; {alone}",
    )
    return [packing, _greedy(pods, best, most, whose)]


def _greedy(pods: Sequence[list[Candidate]], best: Sequence[int], most: int | None, whose: str) -> Row:
    values = [pack_pod_greedily(one, _BREAK_S, most=most).value for one in pods]
    losses = [1 - value / top for value, top in zip(values, best, strict=True)]
    return Row(
        room="intervals",
        what=f"what such a break earns, {whose}",
        ours=sum(best) / len(best) / 1000,
        peer="greedy by value per second",
        theirs=sum(values) / len(values) / 1000,
        unit="thousand",
        ratio=sum(best) / sum(values),
        note=f"greedy loses {np.mean(losses):.1%} in the mean, {max(losses):.1%} at worst",
    )


def _creatives(chance: Random, category: Callable[[int], int]) -> list[Candidate]:
    return [
        Candidate(
            chance.choice([6, 10, 15, 20, 30]),
            chance.randrange(9_000, 40_000),
            frozenset({f"advertiser {firm}", f"category {category(firm)}"}),
        )
        for firm in (chance.randrange(120) for _ in range(200))
    ]


def _pod_model(candidates: Sequence[Candidate], most: int | None) -> Any:
    model = cp_model.CpModel()
    shown = [model.new_bool_var("") for _ in candidates]
    model.add(cp_model.LinearExpr.weighted_sum(shown, [one.duration for one in candidates]) <= _BREAK_S)
    if most is not None:
        model.add(sum(shown) <= most)
    rivals: dict[object, list[Any]] = {}
    for one, variable in zip(candidates, shown, strict=True):
        for label in one.labels:
            rivals.setdefault(label, []).append(variable)
    for group in rivals.values():
        if len(group) > 1:
            model.add_at_most_one(group)
    model.maximize(cp_model.LinearExpr.weighted_sum(shown, [one.value for one in candidates]))
    return model


def _packed(candidates: Sequence[Candidate], most: int | None) -> int:
    return _solved(_pod_model(candidates, most))


def _solved(model: Any) -> int:
    """Return the best value, proven with one thread: CPU time then counts no idle helpers."""
    solver, status = _run(model)
    if status != cp_model.OPTIMAL:
        raise AssertionError(f"CP-SAT ended {solver.status_name(status)} after {_CP_SAT_LIMIT_S} s")
    return round(float(solver.objective_value))


def _run(model: Any, limit_s: float = _CP_SAT_LIMIT_S) -> tuple[Any, Any]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = limit_s
    return solver, solver.solve(model)


def _weighted(count: int) -> Row:
    """The peer gets the clique form, whose relaxation is whole; with NoOverlap it would not end."""
    pairs, weights = _stretches(np.random.default_rng(1), count), np.random.default_rng(2)
    worth = weights.integers(1, 1000, count)
    if heaviest_set(pairs, worth).weight != _solved(_clique_model(pairs, worth)):
        raise AssertionError("our set weighs other than that of CP-SAT")
    cpu = interleaved(
        {
            "ours": lambda: heaviest_set(pairs, worth),
            "theirs": lambda: _solved(_clique_model(pairs, worth)),
        },
        rounds=3,
    )
    return _informing(f"heaviest set of {count:,} intervals", cpu, f"{version('ortools')} CP-SAT, cliques")


def _clique_model(pairs: Pairs, weights: NDArray[np.int64]) -> Any:
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in pairs]
    moments = sorted(
        (int(at), begins, i) for i, pair in enumerate(pairs) for begins, at in enumerate(pair[::-1])
    )
    present: set[int] = set()
    for (_, begins, index), following in pairwise([*moments, (0, 0, 0)]):
        if not begins:
            present.discard(index)
            continue
        present.add(index)
        # All that are present just before one ends exclude each other; nothing is gained by saying it twice.
        if not following[1] and len(present) > 1:
            model.add_at_most_one([taken[other] for other in present])
    model.maximize(cp_model.LinearExpr.weighted_sum(taken, weights.tolist()))
    return model


def _rooms(count: int) -> list[Row]:
    pairs = _stretches(np.random.default_rng(3), count)
    plain = [(int(start), int(end)) for start, end in pairs]
    if rooms_needed(pairs) != _rooms_by_heap(plain):
        raise AssertionError("rooms_needed and the heap disagree")
    cpu = interleaved(
        {"ours": lambda: rooms_needed(pairs), "theirs": lambda: _rooms_by_heap(plain)}, rounds=3
    )
    weights = (pairs[:, 1] - pairs[:, 0]).tolist()
    if heaviest_set(pairs, weights).weight != _weight_by_bisect(plain, weights):
        raise AssertionError("heaviest_set and the textbook disagree")
    heavy = interleaved(
        {"ours": lambda: heaviest_set(pairs, weights), "theirs": lambda: _weight_by_bisect(plain, weights)},
        rounds=3,
    )
    return [
        _informing(f"rooms for {count:,} intervals", cpu, "heapq of ends, as in textbooks"),
        _informing(f"heaviest set of {count:,} intervals", heavy, "bisect, weight alone, as in textbooks"),
    ]


def _rooms_by_heap(pairs: list[tuple[int, int]]) -> int:
    busy: list[int] = []
    most = 0
    for start, end in sorted(pairs):
        while busy and busy[0] <= start:
            heappop(busy)
        heappush(busy, end)
        most = max(most, len(busy))
    return most


def _weight_by_bisect(pairs: list[tuple[int, int]], weights: list[int]) -> int:
    ordered = sorted((end, start, weight) for (start, end), weight in zip(pairs, weights, strict=True))
    ends = [end for end, _, _ in ordered]
    best = [0]
    for _, start, weight in ordered:
        best.append(max(best[-1], best[bisect_right(ends, start)] + weight))
    return best[-1]


def _stabbing(count: int) -> Row:
    chance = np.random.default_rng(4)
    pairs = _stretches(chance, count)
    tree: IntervalTree[int] = IntervalTree()
    for number, (start, end) in enumerate(pairs.tolist()):
        tree.add(start, end, number)
    index = pd.IntervalIndex.from_arrays(pairs[:, 0], pairs[:, 1], closed="left")
    moments = chance.integers(int(pairs[0, 0]), int(pairs[:, 1].max()), 200).tolist()
    for moment in moments[:20]:
        if len(tree.at(moment)) != int(index.contains(moment).sum()):
            raise AssertionError(f"the tree and pandas disagree on {moment}")
    cpu = interleaved(
        {"ours": partial(_each, tree.at, moments), "theirs": partial(_each, index.contains, moments)},
        rounds=3,
    )
    what = f"what stands at 200 moments, of {count:,} intervals"
    return _informing(what, cpu, f"{version('pandas')} IntervalIndex.contains")


def _day(cells: int, programmes: int) -> Row:
    """A day of 24 hours; the peer is asked for the best, and may take its time."""
    chance = Random(24)
    library = [
        Programme(
            60 * long, chance.randrange(1, 10), tuple(range(600, 60 * long - 300, 600)), chance.choice([1, 2])
        )
        for long in chance.choices([22, 44, 50, 95, 110], k=programmes)
    ]
    grid = 86_400 // cells
    audience = [1000 - abs(7 * cells // 8 - cell) * 960 // cells for cell in range(cells)]
    plan = partial(schedule_day, library, audience, grid=grid, slot=30, least_break=120)
    day = plan()
    ours_s = interleaved({"ours": plan}, rounds=3)["ours"]
    solver, status = _run(_day_model(library, audience, grid, 120))
    theirs = 0 if status == cp_model.UNKNOWN else round(solver.objective_value)
    what = f"a day of {cells} times {grid // 60} minutes from {programmes} programmes"
    peer = f"{version('ortools')} CP-SAT, {solver.wall_time:.2f} s, {solver.status_name(status).lower()}"
    return Row(
        room="intervals",
        what=what,
        ours=float(day.value),
        peer=peer,
        theirs=float(theirs),
        unit="value",
        ratio=day.value / max(theirs, 1),
        note=f"ours in {ours_s:.2f} s and at most {1 - day.value / day.bound:.2%} below the best",
    )


def _day_model(library: Sequence[Programme], audience: Sequence[int], grid: int, least_break: int) -> Any:
    """One variable for each programme and cell that it may begin in."""
    model = cp_model.CpModel()
    over: list[list[Any]] = [[] for _ in audience]
    airings: list[Any] = []
    worth: list[int] = []
    for one in library:
        length = -(-(one.duration + least_break) // grid)
        begins = [model.new_bool_var("") for _ in range(len(audience) - length + 1)]
        model.add(sum(begins) <= one.at_most)
        for start, variable in enumerate(begins):
            airings.append(variable)
            worth.append(one.appeal * sum(audience[start : start + length]))
            for cell in range(start, start + length):
                over[cell].append(variable)
    for group in over:
        model.add_at_most_one(group)
    model.maximize(cp_model.LinearExpr.weighted_sum(airings, worth))
    return model


def _stretches(chance: np.random.Generator, count: int) -> Pairs:
    """Sessions of up to a minute in a day of milliseconds."""
    starts = np.sort(chance.integers(0, 86_400_000, count))
    return np.stack([starts, starts + chance.integers(1, 60_000, count)], axis=1)


def _each(work: Callable[[Any], object], items: Sequence[Any]) -> list[object]:
    return [work(item) for item in items]


def _informing(what: str, cpu: dict[str, float], peer: str) -> Row:
    return Row(
        room="intervals",
        what=what,
        ours=cpu["ours"] * 1e3,
        peer=peer,
        theirs=cpu["theirs"] * 1e3,
        unit="ms",
        ratio=cpu["theirs"] / cpu["ours"],
    )
