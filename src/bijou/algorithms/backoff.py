"""How long to wait before trying again, so that a crowd does not return as one."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def full_jitter(attempt: int, *, base_s: float, cap_s: float, chance: "Random") -> float:
    """Draw a wait evenly from 0 to min(cap_s, base_s * 2**attempt) seconds.

    Full jitter trades a longer worst case for the least total work when many
    callers failed at the same moment: their returns spread over the whole
    interval instead of its end.

    Args:
        attempt: Failures so far, less one: 0 after the first; >= 0.
        base_s: Upper bound of the first wait, > 0.
        cap_s: Upper bound of any wait, >= base_s.
        chance: Where the draw comes from; one call of `random()`.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
        Blog, 2015, "Full Jitter": sleep = random_between(0, min(cap, base * 2 ** attempt)).

    Example:
        >>> from random import Random
        >>> chance = Random(7)
        >>> [round(full_jitter(attempt, base_s=1, cap_s=4, chance=chance), 2) for attempt in range(5)]
        [0.32, 0.3, 2.6, 0.29, 2.14]
    """
    if attempt < 0:
        raise ValueError(f"attempt {attempt} is negative; the first is 0")
    if not 0 < base_s <= cap_s:
        raise ValueError(f"base_s {base_s} and cap_s {cap_s} do not satisfy 0 < base_s <= cap_s")
    return chance.random() * _ceiling_s(attempt, base_s, cap_s)


def _ceiling_s(attempt: int, base_s: float, cap_s: float) -> float:
    try:
        return min(cap_s, math.ldexp(base_s, attempt))
    except OverflowError:
        return cap_s
