"""Percentiles and distinct counts beside ddsketch and datasketches."""

from itertools import pairwise

import numpy as np
from datasketches import hll_sketch, kll_doubles_sketch
from ddsketch import DDSketch
from numpy.typing import NDArray

from benchmarks.structures.measuring import Row, interleaved, version
from bijou.algorithms.sketches import DistinctCounter, QuantileSketch

SHARES = (0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
PARTS = 64


def rows(*, quick: bool) -> list[Row]:
    return [*_quantiles(2 * 10**5 if quick else 4 * 10**6), *_distinct(2 * 10**5 if quick else 2 * 10**6)]


def _quantiles(count: int) -> list[Row]:
    values = np.random.default_rng(1).lognormal(3, 2, count)
    singly = values[: count // 20].tolist()
    scale = len(values) / len(singly)
    QuantileSketch(native=True).add_many(values[:10])  # compiled once a machine, not once a value

    def plain() -> None:
        sketch = QuantileSketch()
        for value in singly:
            sketch.add(value)

    def datadog() -> None:
        sketch = DDSketch(0.01)
        for value in singly:
            sketch.add(value)

    taken = interleaved(
        {
            "ours": lambda: QuantileSketch(native=True).add_many(values),
            "numpy": lambda: QuantileSketch(native=False).add_many(values),
            "one by one": plain,
            "ddsketch": datadog,
            "kll": lambda: kll_doubles_sketch(400).update(values),
        }
    )
    per_s = {name: count / s for name, s in taken.items()}
    per_s["one by one"] /= scale
    per_s["ddsketch"] /= scale
    error = _worst_error(values)

    def row(what: str, ours: str, peer: str, theirs: float, at_least: float | None = None) -> Row:
        return Row(
            room="sketches",
            what=what,
            ours=per_s[ours] / 1e6,
            peer=peer,
            theirs=theirs / 1e6,
            unit="M/CPU-s",
            ratio=per_s[ours] / theirs,
            at_least=at_least,
        )

    return [
        row("percentile adds in bulk, numba", "ours", "the target of 50 M", 50e6, 1),
        row("percentile adds in bulk, numpy", "numpy", "the target of 50 M", 50e6, 1),
        row("percentile adds in bulk", "ours", version("datasketches") + " kll", per_s["kll"]),
        row("percentile adds one by one", "one by one", version("ddsketch"), per_s["ddsketch"]),
        Row(
            room="sketches",
            what=f"worst relative error of {len(SHARES)} quantiles after {PARTS} merges",
            ours=error * 100,
            peer="the bound of 1.1 %",
            theirs=1.1,
            unit="%",
            ratio=0.011 / error,
            at_least=1,
        ),
    ]


def _worst_error(values: NDArray[np.float64]) -> float:
    """Merge shuffled parts of one and several distributions, and compare with a full sort."""
    worst = 0.0
    chance = np.random.default_rng(2)
    for spread in (values, chance.pareto(0.8, len(values)) + 1e-6, chance.uniform(0, 3e-3, len(values))):
        whole = QuantileSketch()
        edges = [0, *sorted(chance.integers(0, len(spread), PARTS - 1).tolist()), len(spread)]
        parts = [spread[begin:end] for begin, end in pairwise(edges)]
        for place in chance.permutation(PARTS).tolist():
            part = QuantileSketch()
            part.add_many(parts[place])
            whole.merge(part)
        ranked = np.sort(spread)
        for share in SHARES:
            true = float(ranked[max(1, int(np.ceil(share * len(spread)))) - 1])
            worst = max(worst, abs(whole.quantile(share) - true) / true)
    return worst


def _distinct(count: int) -> list[Row]:
    items = np.random.default_rng(3).integers(0, 2**62, count)

    def theirs() -> object:
        sketch = hll_sketch(12)
        for item in few:
            sketch.update(item)
        return sketch

    def ours() -> object:
        counter = DistinctCounter(12)
        counter.add_many(items)
        return counter

    few = items[: count // 20].tolist()
    taken = interleaved({"ours": ours, "theirs": theirs})
    per_s = {"ours": count / taken["ours"], "theirs": len(few) / taken["theirs"]}
    our_error, their_error = _errors(20 if count < 10**6 else 60)
    return [
        Row(
            room="sketches",
            what="distinct adds, ours in bulk, theirs one by one (it has no bulk)",
            ours=per_s["ours"] / 1e6,
            peer=version("datasketches") + " hll",
            theirs=per_s["theirs"] / 1e6,
            unit="M/CPU-s",
            ratio=per_s["ours"] / per_s["theirs"],
        ),
        Row(
            room="sketches",
            what="distinct: root-mean-square error at 4096 bytes, 50,000 items",
            ours=our_error * 100,
            peer=version("datasketches") + " hll, 8 bits",
            theirs=their_error * 100,
            unit="%",
            ratio=their_error / our_error,
        ),
    ]


def _errors(runs: int) -> tuple[float, float]:
    """Return the root-mean-square errors of ours and of an HLL of as many registers of a byte."""
    from datasketches import tgt_hll_type  # noqa: PLC0415 - an enumeration beside its use

    items = 50_000
    errors: list[tuple[float, float]] = []
    for run in range(runs):
        some = np.random.default_rng(100 + run).integers(0, 2**62, items)
        ours, theirs = DistinctCounter(12), hll_sketch(12, tgt_hll_type.HLL_8)
        ours.add_many(some)
        for item in some.tolist():
            theirs.update(item)
        errors.append((ours.estimate() / items - 1, theirs.get_estimate() / items - 1))
    ours_rms, theirs_rms = np.sqrt(np.mean(np.square(errors), axis=0)).tolist()
    return ours_rms, theirs_rms
