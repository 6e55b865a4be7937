"""`python -m benchmarks.abr.tune SECONDS OUT.json FOLDER...`: numbers for our policy.

Evolution (CMA-ES) over the logarithms of all parameters, on the recordings that
`set_aside(traces, 0.5)` does not hold back, and on drawn lines whose rate changes
for good. Two films weigh in, so that no ladder is learnt by heart: the reference,
and one of five rungs and segments of 4 s with 30 s of buffer. The score is divided
by the better of BOLA's and BOLA-E's; more than about half of their changes of rung
(two thirds, where rungs are few) costs, and so does more rebuffering.
Source: Hansen, "The CMA evolution strategy: a tutorial", 2016.
"""

import copy
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.abr.__main__ import read
from bijou.abr import Film, Trace, film_of, own_policy, reference_film, set_aside, simulate, trace

PENALTY_SWITCH, PENALTY_REBUFFER, CALM = 0.15, 4.0, 0.9
PART, POPULATION, FIRST_STEP, STEPS_WEIGHT = 0.5, 14, 0.15, 0.3
MOST = {
    "early_share": 0.0,
    "fast_memory_s": 3.0,
    "spread_weight": -0.7,
}  # logarithms; beyond, a name would not mean what it says
Key = tuple[str, str]
Seen = tuple[float, float, float]


def main(arguments: list[str]) -> int:
    seconds, out, folders = float(arguments[0]), Path(arguments[1]), [Path(word) for word in arguments[2:]]
    sets = [(set_aside(read(folder), PART)[0], 1.0) for folder in folders]
    sets.append((steps(), STEPS_WEIGHT))
    scenes = [(reference_film(), 25.0, 1.0, 0.49), (other_film(), 30.0, 0.4, 0.65)]
    policy = copy.deepcopy(dict(own_policy()))
    keys = [(part, name) for part in ("estimate", "leave", "parameters") for name in policy[part]]
    keys.remove(("estimate", "spread_most"))
    rivals = [[rival(film, limit_s, traces) for traces, _ in sets] for film, limit_s, _, _ in scenes]

    def worth(numbers: np.ndarray) -> float:
        tried, total, weights = with_numbers(policy, keys, numbers), 0.0, 0.0
        for (film, limit_s, weight, most), beside in zip(scenes, rivals, strict=True):
            for (traces, share), other in zip(sets, beside, strict=True):
                total += weight * share * judged(seen(film, limit_s, traces, tried), other, most)
                weights += weight * share
        return total / weights

    start = np.log([policy[part][name] for part, name in keys])
    best = evolved(worth, start, until=time.monotonic() + seconds)
    out.write_text(json.dumps(with_numbers(policy, keys, best), indent=2) + "\n")
    return 0


def other_film() -> Film:
    draw, count = np.random.default_rng(2), 150
    rates = [3e5, 8e5, 1.6e6, 3.2e6, 5.5e6]
    scenes = np.repeat(draw.normal(0, 0.25, count // 3 + 1), 3)[:count]
    shares = np.exp(scenes[:, None] + draw.normal(0, 0.06, (count, 5)))
    sizes = np.round(shares / shares.mean(0) * np.array(rates) * 4.0)
    return film_of(segment_s=4.0, bitrates_bps=rates, sizes_bits=sizes)


def steps() -> list[Trace]:
    """Lines that change for good, which the recordings hardly do; no policy may take minutes to see that."""
    draw = np.random.default_rng(3)
    made = []
    for number in range(32):
        lengths = draw.integers(40, 200, 4)
        levels = np.exp(draw.uniform(np.log(4e5), np.log(15e6), 4))
        rates = np.repeat(levels, lengths) * draw.lognormal(0.0, 0.15, lengths.sum())
        made.append(trace(f"steps-{number}", np.ones(len(rates)), rates))
    return made


def seen(film: Film, limit_s: float, traces: list[Trace], policy: Any) -> Seen:
    outcomes = simulate(film, traces, policy, limit_s=limit_s)
    return float(outcomes.score.mean()), float(outcomes.rebuffer.mean()), float(outcomes.switches.mean())


def rival(film: Film, limit_s: float, traces: list[Trace]) -> Seen:
    both = [seen(film, limit_s, traces, name) for name in ("bola", "bola-e")]
    best = max(both)
    return best[0], best[1], min(one[2] for one in both)


def judged(ours: Seen, other: Seen, most: float) -> float:
    restless = max(0.0, ours[2] / (most * other[2]) - 1.0)
    return (
        ours[0] / other[0]
        - PENALTY_SWITCH * restless
        - PENALTY_REBUFFER * max(0.0, ours[1] - CALM * other[1])
    )


def with_numbers(policy: dict[str, Any], keys: list[Key], numbers: np.ndarray) -> dict[str, Any]:
    made = copy.deepcopy(policy)
    for (part, name), number in zip(keys, numbers, strict=True):
        most = MOST.get(name, 9.0)
        made[part][name] = float(f"{np.exp(np.clip(number, -9, most)):.6g}")
    return made


def evolved(worth: Callable[[np.ndarray], float], start: np.ndarray, *, until: float) -> np.ndarray:
    draw, n, parents = np.random.default_rng(7), len(start), POPULATION // 2
    weights = np.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
    weights /= weights.sum()
    mass = 1 / (weights**2).sum()
    c_path, c_step = 4 / (n + 4), (mass + 2) / (n + mass + 5)
    c_one = 2 / ((n + 1.3) ** 2 + mass)
    c_many = min(1 - c_one, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
    damping = 1 + c_step + 2 * max(0.0, np.sqrt((mass - 1) / (n + 1)) - 1)
    usual = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    mean, step, shape = start.copy(), FIRST_STEP, np.eye(n)
    path, step_path, turn = np.zeros(n), np.zeros(n), 0
    while time.monotonic() < until:
        turn += 1
        lengths, axes = np.linalg.eigh(shape)
        lengths = np.sqrt(np.maximum(lengths, 1e-12))
        moves = (draw.normal(size=(POPULATION, n)) * lengths) @ axes.T
        values = np.array([worth(mean + step * move) for move in moves])
        best = moves[np.argsort(-values)[:parents]]
        move = weights @ best
        mean = mean + step * move
        step_path = (1 - c_step) * step_path + np.sqrt(c_step * (2 - c_step) * mass) * (
            axes @ ((axes.T @ move) / lengths)
        )
        length = np.linalg.norm(step_path)
        steady = length / np.sqrt(1 - (1 - c_step) ** (2 * turn)) < (1.4 + 2 / (n + 1)) * usual
        path = (1 - c_path) * path + steady * np.sqrt(c_path * (2 - c_path) * mass) * move
        many = (best.T * weights) @ best
        shape = (1 - c_one - c_many) * shape + c_one * np.outer(path, path) + c_many * many
        step *= float(np.exp((c_step / damping) * (length / usual - 1)))
        if turn % 10 == 0:
            print(f"{turn:5} best {values.max():.4f} step {step:.3f}", file=sys.stderr)
    return mean


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
