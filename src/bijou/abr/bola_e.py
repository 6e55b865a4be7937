"""BOLA-E: BOLA with a placeholder for buffer that a player could not build yet.

Source: Spiteri, Sitaraman, Sparacio, "From theory to practice: improving
bitrate adaptation in the DASH reference player", MMSys 2018.
"""

from bijou.abr.bola import best
from bijou.abr.film import Film, Floats
from bijou.abr.memory import E_GP, E_RUNG, E_SAFETY, E_V, LATENCY, PLACEHOLDER, STEADY, THROUGHPUT
from bijou.abr.rates import SAFETY_FIRST, affordable, sustained

LEAST_S, A_RUNG_S = 10.0, 2.0
LIFT = 1.0  # the lowest utility


def set_up(film: Film, memory: Floats, limit_s: float) -> None:
    """Derive V and gp from the buffer: ten seconds at the lowest rung, all of it at the top."""
    buffer_s = max(LEAST_S + A_RUNG_S * len(film.bitrates), limit_s)
    memory[E_GP] = film.utilities[-1] / (buffer_s / LEAST_S - 1.0)
    memory[E_V] = LEAST_S / memory[E_GP]


def least_level(film: Film, memory: Floats, rung: int) -> float:
    """Return the buffer from which BOLA prefers this rung to all lower ones."""
    level_s, rate, utility = 0.0, film.bitrates[rung], film.utilities[rung] + LIFT
    for lower in range(rung):
        other, less = film.bitrates[lower], film.utilities[lower] + LIFT
        crossing = memory[E_V] * (memory[E_GP] + (rate * less - other * utility) / (rate - other))
        level_s = max(level_s, crossing)
    return level_s


def most_level(film: Film, memory: Floats, rung: int) -> float:
    """Return the buffer above which BOLA would rather wait than fetch this rung."""
    return float(memory[E_V] * (film.utilities[rung] + LIFT + memory[E_GP]))


def by_bola_e(film: Film, memory: Floats, level_s: float) -> tuple[int, float]:
    """Choose a rung, and the seconds to wait before fetching it."""
    if memory[STEADY] == 0.0:
        memory[STEADY] = 1.0
        memory[E_SAFETY] = SAFETY_FIRST
        rung = sustained(film, memory[LATENCY], memory[THROUGHPUT])
        memory[PLACEHOLDER] = max(0.0, least_level(film, memory, rung) - level_s)
        return rung, 0.0
    rung = best(film, memory[E_V], memory[E_GP], LIFT, level_s + memory[PLACEHOLDER])
    carried, last = sustained(film, memory[LATENCY], memory[THROUGHPUT]), int(memory[E_RUNG])
    if rung > last and rung > carried:
        rung = max(last, carried) + 1
    delay_s = surplus(film, memory, level_s, rung)
    lower = affordable(film, memory, E_SAFETY, level_s, rung)
    if lower < rung:
        room_s = max(0.0, least_level(film, memory, lower) - level_s)
        memory[PLACEHOLDER] = min(memory[PLACEHOLDER], room_s)
        return lower, 0.0
    return rung, delay_s


def surplus(film: Film, memory: Floats, level_s: float, rung: int) -> float:
    """Return how long to wait until the rung is wanted; the placeholder gives way first."""
    delay_s = level_s + memory[PLACEHOLDER] - most_level(film, memory, rung)
    if delay_s <= 0.0:
        return 0.0
    given = min(delay_s, memory[PLACEHOLDER])
    memory[PLACEHOLDER] -= given
    return 0.0 if rung == len(film.bitrates) - 1 else float(delay_s - given)


def fetched(film: Film, memory: Floats, rung: int, time_s: float, level_s: float, left_for: int) -> None:
    """Keep the placeholder in bounds after a download.

    Args:
        level_s: Buffer now, the segment in it.
        left_for: The rung that the download was left for, or -1: it is whole.
    """
    memory[E_RUNG] = rung
    if left_for >= 0:
        wanted_s = least_level(film, memory, left_for) if left_for > 0 else LEAST_S
        memory[PLACEHOLDER] = min(memory[PLACEHOLDER], max(0.0, wanted_s - level_s))
        return
    was_s = level_s + time_s
    room_s = max(0.0, most_level(film, memory, rung) - was_s)
    memory[PLACEHOLDER] = min(memory[PLACEHOLDER], room_s)
    if level_s > 0.0:
        memory[PLACEHOLDER] = max(memory[PLACEHOLDER], least_level(film, memory, rung) - was_s)


def leave_bola_e(
    film: Film,
    memory: Floats,
    rung: int,
    bits: float,
    got: float,
    time_s: float,
    latency_s: float,
    level_s: float,
) -> int:
    """Return the rung to begin anew with, or -1; a new request costs its latency."""
    if got <= 0.0 or bits <= got:
        return -1
    level_s = max(0.0, level_s + memory[PLACEHOLDER] - latency_s)
    rest = bits - got - latency_s * got / (time_s - latency_s)
    if rest <= 0.0:
        return -1
    v, gp = memory[E_V], memory[E_GP] + LIFT
    most, lower = (v * (gp + film.utilities[rung]) - level_s) / rest, -1
    for other in range(rung):
        size = bits * film.bitrates[other] / film.bitrates[rung]
        if size >= rest:
            break
        score = (v * (gp + film.utilities[other]) - level_s) / size
        if score > most:
            most, lower = score, other
    return lower
