"""When it is quiet enough to fill, read off the demand curve of the days before."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from bijou.algorithms.intervals import Interval, gaps
from bijou.delivery.filling.history import DAY_S, SLOT_S
from bijou.ports import InvalidRequest

Floats = npt.NDArray[np.float64]

SLOTS_A_DAY: Final = DAY_S // SLOT_S

_FADING: Final = 0.7
_SMOOTHED_SLOTS: Final = 6


def demand_curve(slots: Mapping[int, int], from_s: float, until_s: float) -> Floats:
    """Return the bytes of each five minutes of a day to expect, the recent days counting more.

    Args:
        slots: Bytes by the number of the five minutes since the epoch.
        from_s: When counting began.
        until_s: Now; what is later is not looked at.

    Returns:
        float64 [288], each the mean of its half hour on either side.
    """
    first, last = math.ceil(from_s / SLOT_S), int(until_s // SLOT_S)
    if first >= last:
        return np.zeros(SLOTS_A_DAY)
    numbers = np.arange(first, last)
    bytes_ = np.array([slots.get(int(number), 0) for number in numbers], float)
    weights = _FADING ** ((last - 1 - numbers) // SLOTS_A_DAY)
    of_day = numbers % SLOTS_A_DAY
    sums = np.bincount(of_day, bytes_ * weights, minlength=SLOTS_A_DAY)
    seen = np.bincount(of_day, weights, minlength=SLOTS_A_DAY)
    curve = np.divide(sums, seen, out=np.zeros(SLOTS_A_DAY), where=seen > 0)
    reach = np.arange(-_SMOOTHED_SLOTS, _SMOOTHED_SLOTS + 1)
    smoothed: Floats = curve[(np.arange(SLOTS_A_DAY)[:, None] + reach) % SLOTS_A_DAY].mean(axis=1)
    return smoothed


def busy_weights(curve: Floats, sharpness: float = 4.0) -> Floats:
    """Return how much a request counts by its hour of the day: 1 at the peak, little in the quiet.

    Example:
        >>> curve = np.repeat([1.0, 2.0, 4.0, 1.0], 72)
        >>> busy_weights(curve)[[0, 6, 12, 18]].round(3).tolist()
        [0.004, 0.062, 1.0, 0.004]
    """
    hourly = curve.reshape(24, -1).mean(axis=1)
    peak = hourly.max()
    weights: Floats = np.ones(24) if peak <= 0 else (hourly / peak) ** sharpness
    return weights


def quiet_windows(
    curve: Floats, within: tuple[int, int], *, quiet: float = 0.5, least_s: int = 1800
) -> list[Interval]:
    """Return when demand is at most a share of its peak, in seconds since the epoch, in order.

    Args:
        curve: Of a day, by five minutes.
        within: Seconds since the epoch.
        quiet: Share of the peak up to which it is quiet, 0 < quiet < 1.
        least_s: Shortest stretch that is worth beginning.

    Raises:
        InvalidRequest: `delivery.bad_fill`: `quiet` is no such share.

    Example:
        >>> curve = np.repeat([1.0, 2.0, 4.0, 1.0], 72)
        >>> quiet_windows(curve, (0, 86_400), quiet=0.3)
        [Interval(start=0, end=21600), Interval(start=64800, end=86400)]
    """
    if not 0 < quiet < 1:
        raise InvalidRequest("delivery.bad_fill", f"quiet is {quiet}; it is a share of the peak in (0, 1)")
    start, end = within
    limit = quiet * float(curve.max())
    busy = [
        (slot * SLOT_S, (slot + 1) * SLOT_S)
        for slot in range(start // SLOT_S, -(-end // SLOT_S))
        if curve[slot % SLOTS_A_DAY] > limit
    ]
    return [free for free in gaps(busy, within) if free.end - free.start >= least_s]
