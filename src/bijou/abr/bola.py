"""BOLA: the rung that a Lyapunov drift of the buffer asks for.

Source: Spiteri, Urgaonkar, Sitaraman, "BOLA: Near-optimal bitrate adaptation
for online videos", INFOCOM 2016; with the finite film of its section V and the
cap on steps up (BOLA-U) of Spiteri, Sitaraman, Sparacio, MMSys 2018.
"""

from bijou.abr.film import Film, Floats
from bijou.abr.memory import BOLA_RUNG, BOLA_V, LATENCY, THROUGHPUT
from bijou.abr.rates import sustained

GP = 5.0
"""gamma p: what a segment's length of rebuffering costs, in utilities."""


def best(film: Film, v: float, gp: float, lift: float, level_s: float) -> int:
    """Return the rung with the greatest (V (utility + gp) - level) / size.

    `lift` is added to every utility.
    """
    rung, most = 0, (v * (film.utilities[0] + lift + gp) - level_s) / film.bitrates[0]
    for other in range(1, len(film.bitrates)):
        score = (v * (film.utilities[other] + lift + gp) - level_s) / film.bitrates[other]
        if score > most:
            rung, most = other, score
    return rung


def by_bola(film: Film, memory: Floats, limit_s: float, number: int, level_s: float) -> int:
    """Choose a rung for segment `number`.

    Near both ends of the film the buffer aimed at is smaller: at the end, what
    is in it has no other use.
    """
    t = max(min(number, len(film.sizes) - number) / 2, 3.0) * film.segment_s
    v = (min(limit_s, t) - film.segment_s) / (film.utilities[-1] + GP)
    memory[BOLA_V] = v
    rung, last = best(film, v, GP, 0.0, level_s), int(memory[BOLA_RUNG])
    if rung > last:
        carried = sustained(film, memory[LATENCY], memory[THROUGHPUT])
        if rung > carried:
            rung = last if last > carried else carried + 1
    memory[BOLA_RUNG] = rung
    return rung


def leave_bola(film: Film, memory: Floats, rung: int, bits: float, got: float, level_s: float) -> int:
    """Return the rung whose whole segment beats the rest of this one, or -1."""
    rest = bits - got
    if got <= 0.0 or rest <= 0.0:
        return -1
    v = memory[BOLA_V]
    most, lower = (v * (GP + film.utilities[rung]) - level_s) / rest, -1
    if most < 0.0:
        return -1
    for other in range(rung):
        size = bits * film.bitrates[other] / film.bitrates[rung]
        if size >= rest:
            break
        score = (v * (GP + film.utilities[other]) - level_s) / size
        if score > most:
            most, lower = score, other
    if lower >= 0:
        memory[BOLA_RUNG] = lower
    return lower


def stays_bola(film: Film, v: float, gp: float, rung: int, bits: float, rest: float, least_s: float) -> bool:
    """Tell whether no lower rung can win before the buffer has fallen to `least_s`.

    A lower rung gains on the present one as the buffer falls, and loses as less
    is left to fetch; so the lowest buffer and all that is left is the worst.

    Args:
        gp: The constant added to each utility.
        rest: Bits that are to come at first; later they are fewer.
    """
    spare, long_s = v * (gp + film.utilities[rung]) - least_s, bits / film.bitrates[rung]
    for other in range(rung):
        size = long_s * film.bitrates[other]
        if size >= rest:
            break
        if max(0.0, v * (gp + film.utilities[other]) - least_s) * rest > spare * size:
            return False
    return True
