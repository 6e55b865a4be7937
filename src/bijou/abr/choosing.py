"""Our policy for one live session, in Python: for viewers that are programs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bijou.abr import expression, memory, own
from bijou.abr.film import Film, film_of


class Ladder(NamedTuple):
    """What the choosers of one title share."""

    film: Film
    plan: own.Plan


def ladder_of(policy: Mapping[str, Any], bitrates_bps: Sequence[float], *, segment_s: float) -> Ladder:
    """Make a policy ready for a ladder.

    Args:
        policy: As `expression` reads it.
        bitrates_bps: Two rungs or more, rising.
        segment_s: Length of a segment, > 0.

    Raises:
        ValueError: what `film_of` or `plan` refuse.
    """
    sizes = np.ones((1, len(bitrates_bps)))
    film = film_of(segment_s=segment_s, bitrates_bps=list(bitrates_bps), sizes_bits=sizes)
    return Ladder(film, expression.plan(policy))


class Chooser:
    """Chooses rungs for one session, as the browser's twin does.

    Cost: 0.08 ms a decision with five rungs; half a kilobyte.
    Threads: not safe; choosers of one ladder share their room to compute.

    Example:
        >>> from bijou.abr import own_policy
        >>> chooser = Chooser(ladder_of(own_policy(), [400_000, 4_000_000], segment_s=4.0))
        >>> chooser.observe(1_600_000, 0.1, 0.02)
        >>> chooser.decide(buffer_s=20.0, limit_s=30.0, left_s=600.0)
        1
    """

    __slots__ = ("_film", "_memory", "_plan")

    def __init__(self, ladder: Ladder) -> None:
        self._film, self._plan = ladder
        self._memory = np.zeros(memory.SIZE)
        self._memory[memory.OWN_FORCED] = -1.0

    @property
    def throughput_bps(self) -> float:
        """The lesser of both averages; 0 before the first download."""
        mind = self._memory
        if not mind[memory.OWN_FAST_S]:
            return 0.0
        fast = mind[memory.OWN_FAST_BITS] / mind[memory.OWN_FAST_S]
        return float(min(fast, mind[memory.OWN_SLOW_BITS] / mind[memory.OWN_SLOW_S]))

    def observe(self, bits: float, time_s: float, first_byte_s: float) -> None:
        """Take a download into account; `time_s` from its first byte on."""
        if bits > 0 and time_s > 0:
            own.observe_own(self._memory, self._plan, bits, time_s, first_byte_s)

    def decide(self, *, buffer_s: float, limit_s: float, left_s: float) -> int:
        """Return the rung to fetch next; the lowest before the first download."""
        if not self._memory[memory.OWN_FAST_S]:
            return 0
        return own.by_own(self._film, self._memory, self._plan, limit_s, left_s, buffer_s)
