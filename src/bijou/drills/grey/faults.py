"""What can be wrong between viewers and an edge without its being dead; pure."""

from random import Random
from typing import Final

import msgspec

RESET, REFUSE = "reset", "503"


class Fault(msgspec.Struct, frozen=True):
    """How a way is.

    Args:
        delay_s: Added to each piece, each way.
        rate_bps: Of all that goes to viewers together; 0: as much as there is.
        errors: Share of requests that end in a reset or a 503, one as often as the other.
        mute: Answers are swallowed: requests arrive, nothing comes back.
        up_s: While it flaps: seconds up, and then down; 0: it does not flap.
    """

    name: str
    words: str
    delay_s: float = 0.0
    rate_bps: float = 0.0
    errors: float = 0.0
    mute: bool = False
    up_s: float = 0.0
    down_s: float = 0.0

    def is_up(self, since_s: float) -> bool:
        """Tell whether connections are taken that long after the fault began; it begins down.

        Example:
            >>> flapping = Fault("f", "", up_s=3.0, down_s=2.0)
            >>> [flapping.is_up(at_s) for at_s in (0.0, 1.9, 2.0, 4.9, 5.0)]
            [False, False, True, True, False]
        """
        return not self.up_s or since_s % (self.up_s + self.down_s) >= self.down_s

    def spoils(self, chance: Random) -> str:
        """Draw what becomes of one request: `reset`, `503`, or empty."""
        if not self.errors or chance.random() >= self.errors:
            return ""
        return RESET if chance.random() < 0.5 else REFUSE


DELAY_S: Final = 0.015


def calm(rate_bps: float) -> Fault:
    """Return the way as it usually is: 30 ms there and back, and room enough."""
    return Fault("calm", "as it usually is", delay_s=DELAY_S, rate_bps=rate_bps)


def faults(rate_bps: float) -> list[Fault]:
    """Return the five, each one change to the calm way.

    Args:
        rate_bps: Of the calm way.
    """
    usual = calm(rate_bps)

    def but(name: str, words: str, **changed: float) -> Fault:
        return msgspec.structs.replace(usual, name=name, words=words, **changed)

    return [
        but("latency", "three times the latency", delay_s=3 * DELAY_S),
        but("errors", "5 % of requests reset or told 503", errors=0.05),
        but("bandwidth", "half of the bandwidth", rate_bps=rate_bps / 2),
        but("flapping", "down for 2 s, up for 3 s, and so on", up_s=3.0, down_s=2.0),
        but("one-way", "requests arrive, answers do not", mute=True),
    ]


class Pace:
    """When each piece may go on so that all together keep to a rate.

    Example:
        >>> pace = Pace()
        >>> [pace.waits_s(1000, 8000.0, now_s) for now_s in (10.0, 10.0, 15.0)]
        [0.0, 1.0, 0.0]
    """

    def __init__(self) -> None:
        self._free_s = 0.0

    def waits_s(self, size_bytes: int, rate_bps: float, now_s: float) -> float:
        """Return how long a piece has to wait, and take its turn."""
        if not rate_bps:
            return 0.0
        begins_s = max(self._free_s, now_s)
        self._free_s = begins_s + 8 * size_bytes / rate_bps
        return begins_s - now_s
