"""Throughput over time, as somebody measured it or as a seed draws it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bijou.abr.film import Floats, Ints

LATENCY_S = 0.08
"""Of a request, where a trace does not say."""


class Trace(NamedTuple):
    """Periods of constant throughput; after the last the first comes again.

    Attributes:
        name: What people know it by.
        durations: Seconds of each period.
        rates: Bits a second in it.
        latencies: Seconds from a request to its first byte.
    """

    name: str
    durations: Floats
    rates: Floats
    latencies: Floats


class Packed(NamedTuple):
    """Many traces behind one another; trace i lies in [starts[i], starts[i + 1])."""

    durations: Floats
    rates: Floats
    latencies: Floats
    starts: Ints


def trace(name: str, durations_s: Floats, rates_bps: Floats, latency_s: float = LATENCY_S) -> Trace:
    """Return a trace of these periods.

    Raises:
        ValueError: unequal or no periods, a negative or infinite number, or
            no period at all in which anything comes through.
    """
    durations, rates = np.asarray(durations_s, np.float64), np.asarray(rates_bps, np.float64)
    if durations.shape != rates.shape or durations.ndim != 1 or not len(durations):
        raise ValueError(
            f"{name}: {durations.shape} durations and {rates.shape} rates; one of each for a period"
        )
    if not (np.isfinite(durations).all() and np.isfinite(rates).all() and 0 <= latency_s < np.inf):
        raise ValueError(f"{name}: a duration, rate or latency ({latency_s} s) that is no finite number")
    if (durations < 0).any() or (rates < 0).any() or not (durations * rates).sum() > 0:
        raise ValueError(f"{name}: durations and rates are 0 or more, and somewhere something comes through")
    return Trace(name, durations, rates, np.full(len(rates), float(latency_s)))


def parse_trace(name: str, text: str, *, latency_s: float = LATENCY_S) -> Trace:
    """Read lines of seconds since the start and megabits a second.

    A sample holds until the next; the last as long as the median one.

    Raises:
        ValueError: a line that is not two numbers, time that runs backwards,
            fewer than two lines, or what `trace` refuses.
    """
    samples = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                at_s, rate_mbps = (float(word) for word in line.split())
            except ValueError:
                raise ValueError(
                    f"{name}:{number}: {line[:60]!r} is not seconds and megabits a second"
                ) from None
            samples.append((at_s, rate_mbps))
    if len(samples) < 2:
        raise ValueError(f"{name}: {len(samples)} samples; a trace has two or more")
    at, rates = np.asarray(samples, np.float64).T
    steps = np.diff(at)
    if (steps < 0).any():
        raise ValueError(f"{name}: time runs backwards; each line is later than the one before")
    return trace(name, np.append(steps, np.median(steps)), rates * 1e6, latency_s)


def packed(traces: Sequence[Trace]) -> Packed:
    """Lay traces out for the loops."""
    starts = np.cumsum([0, *(len(one.rates) for one in traces)])
    return Packed(
        np.concatenate([one.durations for one in traces]),
        np.concatenate([one.rates for one in traces]),
        np.concatenate([one.latencies for one in traces]),
        starts.astype(np.int64),
    )


def drawn_traces(count: int, *, seed: int, length_s: float = 320.0) -> list[Trace]:
    """Return traces of no real network, for where none are at hand.

    Odd ones wander like a phone on a train (0.1 to 6 Mb/s, with gaps), even
    ones like a house's line (1 to 40 Mb/s, with dips at peak hours).
    """
    draw = np.random.default_rng(seed)
    return [_drawn(f"drawn-{number:03}", draw, number % 2 == 1, length_s) for number in range(count)]


def _drawn(name: str, draw: np.random.Generator, mobile: bool, length_s: float) -> Trace:  # noqa: FBT001 - private
    step_s = 1.0 if mobile else 2.0
    steps = int(length_s / step_s)
    centre = draw.uniform(np.log(0.4e6), np.log(3e6)) if mobile else draw.uniform(np.log(1e6), np.log(12e6))
    keeps, jolt = (0.93, 0.28) if mobile else (0.96, 0.12)
    level, rates = 0.0, np.empty(steps)
    for step in range(steps):
        level = keeps * level + draw.normal(0.0, jolt)
        rates[step] = np.exp(centre + level)
    for start in draw.integers(0, steps, size=max(1, steps // 80)):
        rates[start : start + int(draw.integers(2, 9))] *= draw.uniform(0.02, 0.4)
    return trace(name, np.full(steps, step_s), np.round(rates))
