"""The most frequent keys and sliding windows, beside a Counter, datasketches and pandas."""

import heapq
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from datasketches import frequent_strings_sketch

from benchmarks.structures.measuring import Row, allocated_bytes, interleaved, version
from bijou.algorithms.topk import MisraGries, SpaceSaving, TopK, most
from bijou.algorithms.windows import SlidingMax

KEYS = 50_000
CAPACITY = 1024
TOP = 100
WINDOW = 1000


def rows(*, quick: bool) -> list[Row]:
    count = 100_000 if quick else 1_000_000
    return [*_heavy_hitters(count), *_exact(count), _window(count // 5)]


def stream(count: int) -> list[str]:
    """Title ids, drawn by Zipf's law of exponent 1.05."""
    weights = 1 / np.arange(1, KEYS + 1) ** 1.05
    drawn = np.random.default_rng(1).choice(KEYS, count, p=weights / weights.sum())
    return [f"ttl_{rank}" for rank in drawn.tolist()]


def _heavy_hitters(count: int) -> list[Row]:
    keys = stream(count)
    true = {key for key, _ in most(Counter(keys), TOP)}
    works: dict[str, Callable[[], set[str]]] = {
        "Counter": lambda: {key for key, _ in most(Counter(keys), TOP)},
        "Misra-Gries": lambda: _misra_gries(keys),
        "Space-Saving": lambda: _space_saving(keys),
        "datasketches": lambda: _datasketches(keys),
    }
    taken = interleaved(works)
    held = {name: _held(name, keys) for name in ("Counter", "Misra-Gries", "Space-Saving")}
    peers = {"Counter": "Counter, exact", "datasketches": version("datasketches") + " frequent_strings"}
    rows = []
    for name in ("Misra-Gries", "Space-Saving"):
        found = works[name]()
        note = f"recall of the top {TOP}: {len(found & true)} %"
        rows += [
            Row(
                room="topk",
                what=f"{name}({CAPACITY}), an arrival",
                ours=taken[name] / count * 1e9,
                peer=peer,
                theirs=taken[key] / count * 1e9,
                unit="ns",
                ratio=taken[key] / taken[name],
                note=note,
            )
            for key, peer in peers.items()
        ]
        rows.append(
            Row(
                room="topk",
                what=f"{name}({CAPACITY}), memory",
                ours=held[name] / 1024,
                peer="Counter, exact",
                theirs=held["Counter"] / 1024,
                unit="KiB",
                ratio=held["Counter"] / held[name],
            )
        )
    return rows


def _misra_gries(keys: list[str]) -> set[str]:
    summary = MisraGries[str](CAPACITY)
    summary.add_many(keys)
    return {hitter.key for hitter in summary.hitters(TOP)}


def _space_saving(keys: list[str]) -> set[str]:
    summary = SpaceSaving[str](CAPACITY)
    for key in keys:
        summary.add(key)
    return {hitter.key for hitter in summary.hitters(TOP)}


def _datasketches(keys: list[str]) -> set[str]:
    sketch = frequent_strings_sketch(11)
    for key in keys:
        sketch.update(key)
    from datasketches import frequent_items_error_type as kinds  # noqa: PLC0415 - an enumeration beside its use

    return {row[0] for row in sketch.get_frequent_items(kinds.NO_FALSE_NEGATIVES)[:TOP]}


def _held(name: str, keys: list[str]) -> int:
    def build() -> object:
        if name == "Counter":
            return Counter(keys)
        summary: MisraGries[str] | SpaceSaving[str]
        summary = MisraGries(CAPACITY) if name == "Misra-Gries" else SpaceSaving(CAPACITY)
        for key in keys:
            summary.add(key)
        return summary

    return allocated_bytes(build)


def _exact(count: int) -> list[Row]:
    scores = np.random.default_rng(2).random(count).tolist()

    def offered() -> None:
        best = TopK[int](TOP)
        for key, score in enumerate(scores):
            best.offer(key, score)

    taken = interleaved(
        {
            "TopK": offered,
            "nlargest": lambda: heapq.nlargest(TOP, enumerate(scores), key=lambda pair: pair[1]),
            "sorted": lambda: sorted(enumerate(scores), key=lambda pair: pair[1])[-TOP:],
        }
    )
    return [
        Row(
            room="topk",
            what=f"exact top {TOP} of {count:,} that arrive one by one",
            ours=taken["TopK"] / count * 1e9,
            peer=peer,
            theirs=taken[name] / count * 1e9,
            unit="ns",
            ratio=taken[name] / taken["TopK"],
        )
        for name, peer in (("sorted", "sorted, all kept"), ("nlargest", "heapq.nlargest, all kept"))
    ]


def _window(count: int) -> Row:
    values = np.random.default_rng(3).random(count)
    series = pd.Series(values)
    listed = values.tolist()

    def ours() -> None:
        window = SlidingMax(WINDOW)
        for at, value in enumerate(listed):
            window.add(at, value)
            window.value(at)

    taken = interleaved({"ours": ours, "pandas": lambda: series.rolling(WINDOW).max()})
    return Row(
        room="topk",
        what=f"sliding maximum of {WINDOW}, asked after every event",
        ours=taken["ours"] / count * 1e9,
        peer=version("pandas") + " rolling, all at once",
        theirs=taken["pandas"] / count * 1e9,
        unit="ns",
        ratio=taken["pandas"] / taken["ours"],
    )
