"""Decisions of our policy, written down for the browser's twin to repeat."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bijou.abr import expression, memory, own
from bijou.abr.film import Film, Floats, film_of

SESSIONS, STEPS = 10, 24


def decisions(policy: Mapping[str, Any], *, seed: int = 1) -> list[dict[str, Any]]:
    """Return sessions of observations, and what the policy chose after each.

    Each step has `observe` (bits, seconds, first byte), `standing` (buffer,
    limit, left), the chosen `rung` with the `values` of all, and a download
    `under_way` (rung, bits, got, seconds, first byte, buffer) with the rung
    `left_for`, or -1. Ladders, rates and buffers are drawn from the seed.
    """
    draw = np.random.default_rng(seed)
    return [_session(policy, draw) for _ in range(SESSIONS)]


def _session(policy: Mapping[str, Any], draw: np.random.Generator) -> dict[str, Any]:
    rungs = int(draw.integers(2, 11))
    bitrates = np.round(np.cumprod(np.append(draw.uniform(1e5, 4e5), draw.uniform(1.15, 1.9, rungs - 1))))
    segment_s = float(draw.choice([2.0, 3.0, 4.0, 3.84]))
    film = film_of(segment_s=segment_s, bitrates_bps=bitrates.tolist(), sizes_bits=np.ones((1, rungs)))
    plan, mind = expression.plan(policy), np.zeros(memory.SIZE)
    mind[memory.OWN_FORCED] = -1.0
    rate = float(draw.uniform(bitrates[0], 1.5 * bitrates[-1]))
    limit_s = float(draw.uniform(12.0, 60.0))
    steps = [_step(film, mind, plan, draw, rate, limit_s) for _ in range(STEPS)]
    return {"bitrates_bps": bitrates.tolist(), "segment_s": segment_s, "steps": steps}


def _step(
    film: Film, mind: Floats, plan: own.Plan, draw: np.random.Generator, rate: float, limit_s: float
) -> dict[str, Any]:
    bits = float(np.round(film.segment_s * draw.choice(film.bitrates) * draw.uniform(0.5, 1.6)))
    seen = [bits, bits / (rate * float(draw.lognormal(0.0, 0.5))), float(draw.uniform(0.005, 0.3))]
    own.observe_own(mind, plan, *seen)
    standing = [
        float(draw.uniform(0.0, limit_s)),
        limit_s,
        float(draw.choice([3600.0, draw.uniform(2.0, 90.0)])),
    ]
    buffer_s, _, left_s = standing
    rung = own.by_own(film, mind, plan, limit_s, left_s, buffer_s)
    values = [
        own.worth(plan, float(utility), float(bitrate) * film.segment_s, float(mind[memory.OWN_LATENCY_S]))
        for utility, bitrate in zip(film.utilities, film.bitrates, strict=True)
    ]
    under_way = _under_way(film, draw, rate, limit_s)
    place, size, got, time_s, first_s, level_s = under_way
    left_for = own.leave_own(
        film, mind, plan, limit_s, left_s, int(place), size, got, time_s, first_s, level_s
    )
    mind[memory.OWN_FORCED] = -1.0
    return {
        "observe": seen,
        "standing": standing,
        "rung": rung,
        "values": values,
        "under_way": under_way,
        "left_for": left_for,
    }


def _under_way(film: Film, draw: np.random.Generator, rate: float, limit_s: float) -> list[float]:
    rung = int(draw.integers(0, len(film.bitrates)))
    bits = float(np.round(film.bitrates[rung] * film.segment_s))
    time_s, first_s = float(draw.uniform(0.4, 12.0)), float(draw.uniform(0.01, 0.2))
    got = min(0.98 * bits, float(rate * draw.uniform(0.02, 0.8) * time_s))
    return [rung, bits, got, time_s, first_s, float(draw.uniform(0.0, 0.5 * limit_s))]
