"""One viewer watching one film over one link.

The model is sabre's: a segment is fetched at a time, the buffer drains while it
comes, a full buffer waits, and a download may be left for a lower rung.

Source: Spiteri, Sitaraman, Sparacio, "From theory to practice", MMSys 2018.
"""

from typing import NamedTuple

from bijou.abr import bola_e
from bijou.abr.bola import GP, by_bola, leave_bola, stays_bola
from bijou.abr.film import Film, Floats
from bijou.abr.memory import BOLA_V, E_GP, E_RUNG, E_SAFETY, E_V, IN_BOLA, OWN_FORCED, PLACEHOLDER, SAFETY
from bijou.abr.mpc import by_mpc, observe_rate
from bijou.abr.network import Link, first_byte, idle, piece, rewind, stride, strides, whole
from bijou.abr.own import Plan, by_own, leave_own, observe_own
from bijou.abr.playout import (
    ABANDONED,
    HEAD,
    PARTIAL,
    STARTUP_S,
    TAIL,
    TOTAL_S,
    Screen,
    append,
    begin,
    buffered,
    clear,
    show,
)
from bijou.abr.rates import SAFETY_FIRST, TOO_SLOW, by_throughput, leave_slow, observe

THROUGHPUT_RULE, BOLA, BOLA_E, DYNAMIC, MPC, OWN = 0, 1, 2, 3, 4, 5
LEAST_BITS, LEAST_S = 12000.0, 0.05  # between two looks at a download
ENOUGH_S = 10.0  # of buffer, for BOLA to take over in `dynamic`


class Viewer(NamedTuple):
    """Everything that one session touches.

    Attributes:
        kind: Which policy chooses.
        limit_s: Most seconds in the buffer.
        plan: Of our own policy; for the others any.
    """

    kind: int
    limit_s: float
    film: Film
    link: Link
    screen: Screen
    memory: Floats
    plan: Plan


def by_dynamic(viewer: Viewer, number: int, level_s: float) -> int:
    """Choose by throughput while the buffer is low, by BOLA once it is not."""
    film, memory = viewer.film, viewer.memory
    theirs = by_bola(film, memory, viewer.limit_s, number, level_s)
    ours = by_throughput(film, memory, level_s)
    if memory[IN_BOLA] > 0.0:
        if level_s < ENOUGH_S and theirs < ours:
            memory[IN_BOLA] = 0.0
    elif level_s > ENOUGH_S and theirs >= ours:
        memory[IN_BOLA] = 1.0
    return theirs if memory[IN_BOLA] > 0.0 else ours


def decide(viewer: Viewer, number: int) -> tuple[int, float]:
    """Choose the rung of a segment, and how long to wait before fetching it."""
    kind, film, memory = viewer.kind, viewer.film, viewer.memory
    level_s = buffered(film, viewer.screen)
    if kind == BOLA:
        return by_bola(film, memory, viewer.limit_s, number, level_s), 0.0
    if kind == BOLA_E:
        return bola_e.by_bola_e(film, memory, level_s)
    if kind == DYNAMIC:
        return by_dynamic(viewer, number, level_s), 0.0
    if kind == MPC:
        return by_mpc(film, memory, number, level_s), 0.0
    if kind == OWN:
        left_s = film.segment_s * (len(film.sizes) - number)
        return by_own(film, memory, viewer.plan, viewer.limit_s, left_s, level_s), 0.0
    return by_throughput(film, memory, level_s), 0.0


class Download(NamedTuple):
    """A segment that is under way, as one look at it finds it."""

    number: int
    rung: int
    bits: float
    got: float
    time_s: float
    latency_s: float


def leave(viewer: Viewer, under_way: Download, level_s: float) -> int:
    """Return the rung for which to leave a download, or -1 to go on."""
    kind, film, memory = viewer.kind, viewer.film, viewer.memory
    number, rung, bits, got, time_s, latency_s = under_way
    if kind == BOLA:
        return leave_bola(film, memory, rung, bits, got, level_s)
    if kind == BOLA_E:
        return bola_e.leave_bola_e(film, memory, rung, bits, got, time_s, latency_s, level_s)
    if kind == OWN:
        left_s = film.segment_s * (len(film.sizes) - number)
        return leave_own(
            film, memory, viewer.plan, viewer.limit_s, left_s, rung, bits, got, time_s, latency_s, level_s
        )
    return leave_slow(film, memory, rung, bits, got, time_s, latency_s)


def stays(viewer: Viewer, now: Download, level_s: float, more: float, more_s: float) -> bool:
    """Tell whether no look during so many more bits could leave the download.

    Sufficient, not necessary: most looks need not be taken. At a steady rate
    the time that the whole is expected to take moves one way only, so that
    between two good ends all is good.

    Args:
        level_s: Buffer when the download began.
    """
    kind, film, memory = viewer.kind, viewer.film, viewer.memory
    after_s = max(0.0, level_s - now.time_s - more_s)
    if kind == BOLA:
        return stays_bola(film, memory[BOLA_V], GP, now.rung, now.bits, now.bits - now.got, after_s)
    if kind == BOLA_E:
        least_s, gp = max(0.0, after_s + memory[PLACEHOLDER] - now.latency_s), memory[E_GP] + bola_e.LIFT
        return stays_bola(film, memory[E_V], gp, now.rung, now.bits, now.bits - now.got, least_s)
    streaming_s, limit_s = now.time_s - now.latency_s, TOO_SLOW * film.segment_s
    if kind == OWN:
        limit_s = level_s
    slowest = min(now.got / streaming_s, (now.got + more) / (streaming_s + more_s))
    return bool(now.latency_s + now.bits / slowest < limit_s)


def skip(viewer: Viewer, now: Download, level_s: float) -> tuple[float, float]:
    """Fetch as many steps at once as need no look; returns bits and seconds, 0 if there are none."""
    link = viewer.link
    rate = link.rates[int(link.clock[0])]
    step = max(LEAST_BITS, LEAST_S * rate)
    count = strides(link, now.bits - now.got, step)
    while count > 1:
        if stays(viewer, now, level_s, count * step, count * step / rate):
            return count * step, stride(link, count * step)
        count //= 2
    return 0.0, 0.0


def fetch(viewer: Viewer, number: int, rung: int) -> tuple[float, float, float, int]:
    """Download a segment, or part of it.

    Returns:
        Bits that came, seconds in all, of those to the first byte, and the
        rung for which it was left, or -1.
    """
    link, bits = viewer.link, viewer.film.sizes[number, rung]
    level_s = buffered(viewer.film, viewer.screen)
    latency_s = first_byte(link)
    if viewer.kind == MPC or rung == 0:
        return bits, latency_s + whole(link, bits), latency_s, -1
    got, time_s, left_for, least_s = 0.0, latency_s, -1, LEAST_S - latency_s
    while got < bits and left_for < 0:
        if got > 0.0:
            more, more_s = skip(viewer, Download(number, rung, bits, got, time_s, latency_s), level_s)
            got += more
            time_s += more_s
        more, more_s = piece(link, bits - got, LEAST_BITS, least_s)
        got += more
        time_s += more_s
        if got < bits:
            now = Download(number, rung, bits, got, time_s, latency_s)
            left_for = leave(viewer, now, max(0.0, level_s - time_s))
        least_s = LEAST_S
    return got, time_s, latency_s, left_for


def take(viewer: Viewer, rung: int, bits: float, time_s: float, latency_s: float, left_for: int) -> None:
    """Tell the policy how a download went."""
    kind, film, memory = viewer.kind, viewer.film, viewer.memory
    if kind == BOLA_E:
        bola_e.fetched(film, memory, rung, time_s, buffered(film, viewer.screen), left_for)
    if kind == OWN:
        observe_own(memory, viewer.plan, bits, time_s - latency_s, latency_s)
        return
    if left_for < 0:
        observe(memory, film.segment_s, bits, time_s - latency_s, latency_s)
        if kind == MPC:
            observe_rate(memory, bits, time_s - latency_s)


def start(viewer: Viewer) -> None:
    """Fetch the first segment, at the lowest rung."""
    film, link, screen, memory = viewer.film, viewer.link, viewer.screen, viewer.memory
    rewind(link)
    clear(screen)
    memory[:] = 0.0
    memory[SAFETY] = memory[E_SAFETY] = SAFETY_FIRST
    memory[OWN_FORCED] = -1.0
    bola_e.set_up(film, memory, viewer.limit_s)
    latency_s = first_byte(link)
    time_s = whole(link, film.sizes[0, 0])
    append(screen, 0)
    take(viewer, 0, film.sizes[0, 0], time_s + latency_s, latency_s, -1)
    memory[E_RUNG] = 0.0
    memory[PLACEHOLDER] = 0.0
    screen.tally[TOTAL_S] = screen.tally[STARTUP_S] = time_s + latency_s


def play(viewer: Viewer) -> None:
    """Watch the film to its end; the tally is the screen's."""
    film, link, screen = viewer.film, viewer.link, viewer.screen
    tally = screen.tally
    start(viewer)
    while tally[TAIL] < len(film.sizes):
        full_s = buffered(film, screen) + film.segment_s - viewer.limit_s
        if full_s > 0.0:
            show(film, screen, full_s)
            idle(link, full_s)
            viewer.memory[PLACEHOLDER] += full_s
        number = int(tally[TAIL])
        rung, delay_s = decide(viewer, number)
        if delay_s > 0.0:
            show(film, screen, delay_s)
            idle(link, delay_s)
        got, time_s, latency_s, left_for = fetch(viewer, number, rung)
        show(film, screen, time_s)
        if left_for < 0:
            append(screen, rung)
        else:
            tally[ABANDONED] += 1.0
        take(viewer, rung, got, time_s, latency_s, left_for)
    empty(viewer)


def empty(viewer: Viewer) -> None:
    """Show what is left in the buffer."""
    film, tally = viewer.film, viewer.screen.tally
    while tally[HEAD] < tally[TAIL]:
        if tally[PARTIAL] == 0.0:
            begin(film, viewer.screen)
        tally[TOTAL_S] += film.segment_s - tally[PARTIAL]
        tally[HEAD] += 1.0
        tally[PARTIAL] = 0.0
