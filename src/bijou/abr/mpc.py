"""Robust model predictive control: plan five segments ahead, trust the worst error.

Source: Yin, Jindal, Sekar, Sinopoli, "A control-theoretic approach for dynamic
adaptive video streaming over HTTP", SIGCOMM 2015, with log utilities. It is
given the true sizes of the segments to come.
"""

from bijou.abr.bola import GP
from bijou.abr.film import Film, Floats
from bijou.abr.memory import (
    ERRORS,
    FORECAST,
    HOPES,
    LATENCY,
    LEVELS,
    MPC_RUNG,
    RATES,
    SEEN,
    TRIES,
    VALUES,
)

AHEAD, KEPT = 5, 5
UNEVEN = 1.0
"""What a change of utility by 1 costs."""


def observe_rate(memory: Floats, bits: float, time_s: float) -> None:
    """Keep the last five rates, and by how much each was mistaken."""
    rate, at = bits / time_s, int(memory[SEEN]) % KEPT
    memory[ERRORS + at] = abs(memory[FORECAST] - rate) / rate if memory[FORECAST] > 0.0 else 0.0
    memory[RATES + at] = rate
    memory[SEEN] += 1.0


def forecast(memory: Floats) -> float:
    """Return the harmonic mean of the last rates, lessened by the worst error."""
    count = min(int(memory[SEEN]), KEPT)
    slowness, worst = 0.0, 0.0
    for at in range(count):
        slowness += 1.0 / memory[RATES + at]
        worst = max(worst, memory[ERRORS + at])
    memory[FORECAST] = count / slowness
    return float(memory[FORECAST] / (1.0 + worst))


def by_mpc(film: Film, memory: Floats, number: int, level_s: float) -> int:
    """Choose the first rung of the best plan for the next five segments.

    All plans are searched, less those whose beginning is so poor that no end
    could save them.
    """
    rate, rungs, depth = forecast(memory), len(film.bitrates), min(AHEAD, len(film.sizes) - number)
    best_ends(film, memory, rate, number, level_s, depth)
    memory[LEVELS], memory[VALUES], memory[TRIES] = level_s, 0.0, rungs
    best, first, at = -1e300, 0, 0
    while at >= 0:
        memory[TRIES + at] -= 1.0
        rung = int(memory[TRIES + at])
        if rung < 0:
            at -= 1
            continue
        before = int(memory[MPC_RUNG]) if at == 0 else int(memory[TRIES + at - 1])
        wait_s = memory[LATENCY] + film.sizes[number + at, rung] / rate
        stall_s = max(0.0, wait_s - memory[LEVELS + at])
        uneven = UNEVEN * abs(film.utilities[rung] - film.utilities[before])
        value = memory[VALUES + at] + film.utilities[rung] - GP * stall_s / film.segment_s - uneven
        if value + memory[HOPES + at + 1] <= best + 1e-9:  # plans that change in their last step tie
            continue
        if at == depth - 1:
            best, first = value, int(memory[TRIES])
            continue
        at += 1
        memory[LEVELS + at] = max(0.0, memory[LEVELS + at - 1] - wait_s) + film.segment_s
        memory[VALUES + at], memory[TRIES + at] = value, rungs
    memory[MPC_RUNG] = first
    return first


def best_ends(film: Film, memory: Floats, rate: float, number: int, level_s: float, depth: int) -> None:
    """Note what the segments from each depth on are worth at the very most.

    As if all before them had come at once, and every change were free.
    """
    memory[HOPES + depth] = 0.0
    for at in range(depth - 1, -1, -1):
        most = -1e300
        for rung in range(len(film.bitrates)):
            late_s = max(0.0, film.sizes[number + at, rung] / rate - level_s - at * film.segment_s)
            most = max(most, film.utilities[rung] - GP * late_s / film.segment_s)
        memory[HOPES + at] = memory[HOPES + at + 1] + most
