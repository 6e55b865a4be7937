"""The estimate of throughput that the known policies share, and their rule on it."""

from bijou.abr.film import Film, Floats
from bijou.abr.memory import (
    FAST,
    FAST_FADE,
    FAST_LATENCY,
    FAST_LATENCY_FADE,
    FAST_LATENCY_KEEPS,
    LATENCY,
    SAFETY,
    SEGMENTS,
    SLOW,
    SLOW_FADE,
    SLOW_LATENCY,
    SLOW_LATENCY_FADE,
    SLOW_LATENCY_KEEPS,
    THROUGHPUT,
)

FAST_S, SLOW_S = 3.0, 8.0  # half-lives
SHARE = 0.9  # of the throughput that is relied on
SAFETY_FIRST, SAFETY_LEAST, SAFETY_DECAY = 0.9, 0.5, 0.9
TOO_SLOW, GRACE_S = 1.8, 0.5  # segments that a download may take; seconds before it is judged


def observe(memory: Floats, segment_s: float, bits: float, time_s: float, latency_s: float) -> None:
    """Take a segment's download into both averages.

    The throughput is the lesser of two averages, weighted by time, and the
    latency the greater of two, weighted by segment; both are corrected for
    having begun at nothing.
    """
    rate = bits / time_s
    if memory[SEGMENTS] == 0.0:
        memory[FAST_FADE] = memory[SLOW_FADE] = memory[FAST_LATENCY_FADE] = memory[SLOW_LATENCY_FADE] = 1.0
        memory[FAST_LATENCY_KEEPS] = 0.5 ** (segment_s / FAST_S)
        memory[SLOW_LATENCY_KEEPS] = 0.5 ** (segment_s / SLOW_S)
    memory[SEGMENTS] += 1.0
    fast = blend(memory, FAST, FAST_FADE, 0.5 ** (time_s / FAST_S), rate)
    memory[THROUGHPUT] = min(fast, blend(memory, SLOW, SLOW_FADE, 0.5 ** (time_s / SLOW_S), rate))
    late = blend(memory, FAST_LATENCY, FAST_LATENCY_FADE, memory[FAST_LATENCY_KEEPS], latency_s)
    memory[LATENCY] = max(
        late, blend(memory, SLOW_LATENCY, SLOW_LATENCY_FADE, memory[SLOW_LATENCY_KEEPS], latency_s)
    )


def blend(memory: Floats, at: int, fade_at: int, keeps: float, value: float) -> float:
    """Take a value into an average; returns it without what it began with."""
    memory[at] = keeps * memory[at] + (1.0 - keeps) * value
    memory[fade_at] *= keeps
    return float(memory[at] / (1.0 - memory[fade_at]))


def sustained(film: Film, latency_s: float, rate: float) -> int:
    """Return the highest rung that downloads no slower than it plays."""
    rung, carried = 0, (film.segment_s - latency_s) * rate / film.segment_s
    while rung + 1 < len(film.bitrates) and film.bitrates[rung + 1] <= carried:
        rung += 1
    return rung


def affordable(film: Film, memory: Floats, at: int, level_s: float, rung: int) -> int:
    """Return the rung, lowered to what arrives before the buffer is empty.

    It grows more careful with each decision; `at` is where it remembers that.
    """
    safe_bits = memory[at] * (level_s - memory[LATENCY]) * memory[THROUGHPUT]
    memory[at] = max(memory[at] * SAFETY_DECAY, SAFETY_LEAST)
    for lower in range(rung):
        if film.bitrates[lower + 1] * film.segment_s > safe_bits:
            return lower
    return rung


def by_throughput(film: Film, memory: Floats, level_s: float) -> int:
    """Choose what nine tenths of the throughput sustain and the buffer affords."""
    rung = sustained(film, memory[LATENCY], memory[THROUGHPUT] * SHARE)
    return affordable(film, memory, SAFETY, level_s, rung)


def leave_slow(
    film: Film, memory: Floats, rung: int, bits: float, got: float, time_s: float, latency_s: float
) -> int:
    """Return the rung to begin anew with, or -1: when 1.8 segments pass over one.

    Source: the abandonment rule of dash.js, as sabre models it.
    """
    streaming_s = time_s - latency_s
    if time_s < GRACE_S or streaming_s <= 0.0 or got <= 0.0:
        return -1
    rate = got / streaming_s
    if time_s + (bits - got) / rate <= TOO_SLOW * film.segment_s:
        return -1
    lower = sustained(film, memory[LATENCY], rate * SHARE)
    if lower >= rung or bits * film.bitrates[lower] / film.bitrates[rung] >= bits - got:
        return -1
    return lower
