"""The link of a simulated session: bits over a trace, after a latency."""

from typing import NamedTuple

from bijou.abr.film import Floats

INDEX, LEFT = 0, 1  # of the clock: the period, and the seconds left of it


class Link(NamedTuple):
    """A trace being played, and where on it the session is."""

    durations: Floats
    rates: Floats
    latencies: Floats
    clock: Floats


def rewind(link: Link) -> None:
    """Go to the beginning of the trace."""
    link.clock[INDEX] = 0.0
    link.clock[LEFT] = link.durations[0]


def go_on(link: Link) -> int:
    """Enter the next period; the first follows the last. Returns its index."""
    period = int(link.clock[INDEX]) + 1
    if period == len(link.durations):
        period = 0
    link.clock[INDEX] = period
    link.clock[LEFT] = link.durations[period]
    return period


def idle(link: Link, time_s: float) -> None:
    """Let time pass with nothing on the line."""
    while time_s > link.clock[LEFT]:
        time_s -= link.clock[LEFT]
        go_on(link)
    link.clock[LEFT] -= time_s


def first_byte(link: Link) -> float:
    """Return the seconds from a request to its first byte.

    A latency that changes on the way counts by the share spent under each.
    """
    elapsed, share, period = 0.0, 1.0, int(link.clock[INDEX])
    while share > 0.0:
        time_s = share * link.latencies[period]
        left = link.clock[LEFT]
        if time_s <= left:
            link.clock[LEFT] = left - time_s
            return float(elapsed + time_s)
        elapsed += left
        share -= left / link.latencies[period]
        period = go_on(link)
    return elapsed


def whole(link: Link, bits: float) -> float:
    """Return the seconds that these bits take."""
    elapsed, period = 0.0, int(link.clock[INDEX])
    while bits > 0.0:
        left = link.clock[LEFT]
        could = left * link.rates[period]
        if bits <= could:
            time_s = bits / link.rates[period]
            link.clock[LEFT] = left - time_s
            return float(elapsed + time_s)
        elapsed += left
        bits -= could
        period = go_on(link)
    return elapsed


def piece(link: Link, bits: float, least_bits: float, least_s: float) -> tuple[float, float]:
    """Fetch until both minima are reached, or all; returns bits and seconds."""
    got, elapsed, period = 0.0, 0.0, int(link.clock[INDEX])
    while bits > 0.0 and (least_bits > 0.0 or least_s > 0.0):
        rate, left = link.rates[period], link.clock[LEFT]
        could = left * rate
        wanted = min(bits, max(least_bits, least_s * rate))
        if rate > 0.0 and wanted <= could:
            time_s = wanted / rate
            link.clock[LEFT] = left - time_s
            return got + wanted, elapsed + time_s
        if rate <= 0.0 and least_bits <= 0.0 and least_s <= left:
            link.clock[LEFT] = left - least_s
            return got, elapsed + least_s
        got += could
        elapsed += left
        bits -= could
        least_bits -= could
        least_s -= left
        period = go_on(link)
    return got, elapsed


def strides(link: Link, bits: float, step_bits: float) -> int:
    """Return how many whole steps the period holds, short of all bits."""
    could = link.clock[LEFT] * link.rates[int(link.clock[INDEX])]
    return int(min(could, bits - 1.0) / step_bits)


def stride(link: Link, bits: float) -> float:
    """Fetch bits that the period holds; returns the seconds."""
    time_s = bits / link.rates[int(link.clock[INDEX])]
    link.clock[LEFT] = max(0.0, link.clock[LEFT] - time_s)
    return float(time_s)
