"""What the viewer sees: the buffer that drains, and the tally of it."""

from typing import NamedTuple

from bijou.abr.film import Film, Floats, Ints

HEAD, PARTIAL, TAIL, LAST = (
    0,
    1,
    2,
    3,
)  # first segment in the buffer, seconds of it shown, end of the buffer, rung shown
TOTAL_S, REBUFFER_S, EVENTS, UTILITY, BITRATE = 4, 5, 6, 7, 8
SWITCHES, CHANGE, LOG_CHANGE, ABANDONED, STARTUP_S = 9, 10, 11, 12, 13
SIZE = 14


class Screen(NamedTuple):
    """The rung of each segment fetched, and the tally of what was shown."""

    chosen: Ints
    tally: Floats


def clear(screen: Screen) -> None:
    """Begin a session."""
    screen.tally[:] = 0.0
    screen.tally[LAST] = -1.0


def buffered(film: Film, screen: Screen) -> float:
    """Return the seconds that are ready to be shown."""
    tally = screen.tally
    return float(film.segment_s * (tally[TAIL] - tally[HEAD]) - tally[PARTIAL])


def append(screen: Screen, rung: int) -> None:
    """Put the next segment behind the others."""
    screen.chosen[int(screen.tally[TAIL])] = rung
    screen.tally[TAIL] += 1.0


def show(film: Film, screen: Screen, time_s: float) -> None:
    """Play for this long; what the buffer does not hold is rebuffering.

    A segment counts when its first frame is shown.
    """
    tally = screen.tally
    if tally[HEAD] == tally[TAIL]:
        tally[REBUFFER_S] += time_s
        tally[TOTAL_S] += time_s
        return
    if tally[PARTIAL] > 0.0:
        if time_s + tally[PARTIAL] < film.segment_s:
            tally[PARTIAL] += time_s
            tally[TOTAL_S] += time_s
            return
        rest = film.segment_s - tally[PARTIAL]
        time_s -= rest
        tally[TOTAL_S] += rest
        tally[HEAD] += 1.0
        tally[PARTIAL] = 0.0
    while time_s > 0.0 and tally[HEAD] < tally[TAIL]:
        begin(film, screen)
        if time_s >= film.segment_s:
            tally[HEAD] += 1.0
            tally[TOTAL_S] += film.segment_s
            time_s -= film.segment_s
        else:
            tally[PARTIAL] = time_s
            tally[TOTAL_S] += time_s
            time_s = 0.0
    if time_s > 0.0:
        tally[REBUFFER_S] += time_s
        tally[TOTAL_S] += time_s
        tally[EVENTS] += 1.0


def begin(film: Film, screen: Screen) -> None:
    """Count the segment whose first frame is shown now."""
    tally = screen.tally
    rung, last = screen.chosen[int(tally[HEAD])], int(tally[LAST])
    tally[UTILITY] += film.utilities[rung]
    tally[BITRATE] += film.bitrates[rung]
    if last >= 0 and rung != last:
        tally[SWITCHES] += 1.0
        tally[CHANGE] += abs(film.bitrates[rung] - film.bitrates[last])
        tally[LOG_CHANGE] += abs(film.utilities[rung] - film.utilities[last])
    tally[LAST] = rung
