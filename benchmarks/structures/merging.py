"""Merging k sorted runs beside `heapq.merge`, a sort of all, textbook trees, and numpy."""

import heapq
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import neg
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.structures.measuring import Row, interleaved, version
from bijou.algorithms.merging import merge, merge_arrays, merge_order

Runs = list[list[int]]
Merge = Callable[..., Iterable[int]]

KS = (2, 4, 16, 64, 256, 1024, 4096)
BLOCK = 64
HEAPQ = f"heapq.merge, Python {platform.python_version()}"
FLOOR = 0.9


def rows(*, quick: bool) -> list[Row]:
    items = 1 << (14 if quick else 17)
    ks = (2, 64, 1024) if quick else KS
    rounds = 1 if quick else 5
    found = [_logs(k, items, rounds) for k in ks]
    found += [_worst(shape, ks, items, rounds) for shape in SHAPES]
    found += [_worst("random", ks, items, rounds, key=neg, what="random, with a key")]
    found += [_worst("random", ks, items, rounds, reverse=True, what="random, descending")]
    found += [_five_items(rounds)]
    found += [_first_ten(k, items, rounds) for k in ks[::3]]
    found += [row for k in ks[::2] for row in _others(k, items // 2, rounds)]
    return found + [row for k in ks[::2] for row in _arrays(k, items, rounds)]


def _logs(k: int, items: int, rounds: int) -> Row:
    ours, theirs, _ = _beside_heapq(logs(k, max(2 * items, 4 * BLOCK * k)), rounds)
    return _row(
        f"log-like runs, K={k}", ours, HEAPQ, theirs, at_least=3.0, note=f"blocks of {BLOCK} neighbours"
    )


def _worst(shape: str, ks: Sequence[int], items: int, rounds: int, what: str = "", **asked: Any) -> Row:
    """The K where this shape fares worst."""
    measured = []
    for k in ks:
        runs = SHAPES[shape](k, items)
        if asked:
            runs = [run[::-1] for run in runs]
        measured.append((*_beside_heapq(runs, rounds, **asked), k))
    ours, theirs, count, k = min(measured, key=lambda found: found[1] / found[0])
    every = ", ".join(f"{theirs / ours:.1f}" for ours, theirs, _, _ in measured)
    note = f"worst of K={ks[0]}…{ks[-1]}: K={k}, {count} items; all: {every}"
    return _row(what or shape, ours, HEAPQ, theirs, at_least=FLOOR, note=note)


def _first_ten(k: int, items: int, rounds: int) -> Row:
    runs = random(k, items)
    ours, theirs, _ = _beside_heapq(runs, rounds, first=10)
    return _row(f"the first ten, K={k}", ours, HEAPQ, theirs, scale=1e6, unit="us")


def _five_items(rounds: int) -> Row:
    """Where nothing is at hand and little comes: generators."""

    def drain(way: Merge) -> None:
        for _ in range(1000):
            deque(way((item for item in (1, 4)), (item for item in (2, 3, 5))), 0)

    taken = interleaved({"ours": partial(drain, merge), "heapq": partial(drain, heapq.merge)}, rounds=rounds)
    ours, theirs = taken["ours"] / 5000, taken["heapq"] / 5000
    return _row("five items of two generators", ours, HEAPQ, theirs, at_least=FLOOR)


def _others(k: int, items: int, rounds: int) -> Iterator[Row]:
    """What else could be done: textbook ways in Python."""
    others: dict[str, Merge] = {
        "a sort of all, not lazy": lambda *runs: sorted(chain.from_iterable(runs)),
        "divide and conquer: pairs of heapq.merge": in_pairs,
        "a loser tree in Python": loser_tree,
    }
    for shape in (random, logs):
        runs = shape(k, items)
        count = sum(map(len, runs))
        works = {name: partial(_drain, way, runs) for name, way in {"ours": merge, **others}.items()}
        taken = interleaved(works, rounds=min(rounds, 3))
        for name in others:
            what = f"{'random' if shape is random else 'log-like'} runs, K={k}"
            yield _row(what, taken["ours"] / count, name, taken[name] / count)


def _arrays(k: int, items: int, rounds: int) -> Iterator[Row]:
    for shape, name in ((random, "random"), (logs, "log-like")):
        runs = [np.array(run, np.int64) for run in shape(k, items)]
        merge_order(*runs)
        taken = interleaved(
            {
                "arrays": partial(merge_arrays, *runs),
                "np.sort": partial(_joined_first, np.sort, runs),
                "order": partial(merge_order, *runs),
                "np.argsort": partial(_joined_first, np.argsort, runs),
            },
            rounds=3 * rounds,
        )
        each = {way: seconds / items for way, seconds in taken.items()}
        numpy, numba = version("numpy"), version("numba")
        sort, argsort = f"np.sort stable, {numpy}", f"np.argsort stable, {numpy}"
        yield _row(f"arrays, {name}, K={k}", each["arrays"], sort, each["np.sort"])
        note = f"loser tree, {numba}"
        yield _row(f"order of arrays, {name}, K={k}", each["order"], argsort, each["np.argsort"], note=note)


def _joined_first(sort: Callable[..., object], runs: list[NDArray[np.int64]]) -> object:
    return sort(np.concatenate(runs), kind="stable")


def _row(
    what: str,
    ours_s: float,
    peer: str,
    theirs_s: float,
    *,
    at_least: float | None = None,
    note: str = "",
    scale: float = 1e9,
    unit: str = "ns/item",
) -> Row:
    ours, theirs = ours_s * scale, theirs_s * scale
    return Row(
        room="merging",
        what=what,
        ours=ours,
        peer=peer,
        theirs=theirs,
        unit=unit,
        ratio=theirs / ours,
        at_least=at_least,
        note=note,
    )


def _beside_heapq(
    runs: Runs, rounds: int, first: int | None = None, **asked: Any
) -> tuple[float, float, int]:
    """Seconds an item (or in all, where only the `first` are asked for), and how many items there are."""
    count = sum(map(len, runs))
    again = max(1, 3000 // (count if first is None else 50 * len(runs)))
    works = {
        name: partial(_drain, way, runs, again, first, **asked)
        for name, way in (("ours", merge), ("heapq", heapq.merge))
    }
    taken = interleaved(works, rounds=rounds)
    share = again * (count if first is None else 1)
    return taken["ours"] / share, taken["heapq"] / share, count


def _drain(way: Merge, runs: Runs, again: int = 1, first: int | None = None, **asked: Any) -> None:
    for _ in range(again):
        merged = iter(way(*map(iter, runs), **asked))
        if first is None:
            deque(merged, 0)
        else:
            for _, _ in zip(range(first), merged, strict=False):
                pass


def random(k: int, items: int) -> Runs:
    chance = Random(1)
    return [sorted(chance.getrandbits(40) for _ in range(items // k)) for _ in range(k)]


def logs(k: int, items: int) -> Runs:
    """One time, dealt to logs in blocks: each log is busy for a while."""
    chance = Random(1)
    runs: Runs = [[] for _ in range(k)]
    for start in range(0, items, BLOCK):
        runs[chance.randrange(k)].extend(range(start, start + BLOCK))
    return runs


def disjoint(k: int, items: int) -> Runs:
    size = items // k
    return [list(range(number * size, number * size + size)) for number in range(k)]


def all_equal(k: int, items: int) -> Runs:
    return [[7] * (items // k) for _ in range(k)]


def tiny(k: int, _: int) -> Runs:
    chance = Random(1)
    return [sorted(chance.getrandbits(40) for _ in range(chance.randrange(1, 5))) for _ in range(k)]


def one_long(k: int, items: int) -> Runs:
    chance = Random(1)
    short = [sorted(chance.randrange(items // 2) for _ in range(8)) for _ in range(k - 1)]
    return [list(range(items // 2)), *short]


SHAPES: dict[str, Callable[[int, int], Runs]] = {
    "random": random,
    "disjoint": disjoint,
    "all equal": all_equal,
    "tiny runs of 1 to 4": tiny,
    "one long, the others of 8": one_long,
}


def in_pairs(*runs: Iterable[int]) -> Iterable[int]:
    waiting = list(runs)
    while len(waiting) > 1:
        pairs = zip(waiting[::2], waiting[1::2], strict=False)
        waiting = [heapq.merge(*pair) for pair in pairs] + waiting[len(waiting) & ~1 :]
    return waiting[0]


def loser_tree(*runs: Iterator[int]) -> Iterator[int]:
    """Knuth 5.4.1, with a key after all others for runs that have ended."""
    end = float("inf")
    size = len(runs)
    heads: list[float] = [next(run, end) for run in runs]
    winners = [*range(size), *range(size)]
    losers = [0] * size
    for node in range(size - 1, 0, -1):
        one, other = sorted(winners[2 * node : 2 * node + 2], key=lambda run: (heads[run], run))
        winners[node], losers[node] = one, other
    winner = winners[1]
    while (head := heads[winner]) is not end:
        yield head
        head = heads[winner] = next(runs[winner], end)
        node = (winner + size) >> 1
        while node:
            rival = losers[node]
            rival_head = heads[rival]
            if rival_head < head or (rival_head == head and rival < winner):
                losers[node], winner, head = winner, rival, rival_head
            node >>= 1
