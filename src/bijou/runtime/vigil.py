"""What a supervisor decides about one child; no process and no socket here."""

import enum
from random import Random
from typing import Final

from msgspec import Struct

from bijou.algorithms import full_jitter

_LEAST_MISS: Final = 0.2


class Pace(Struct, frozen=True, kw_only=True):
    """How often a supervisor looks, and how patient it is.

    Args:
        starting_s: Seconds between probes of a child that is not healthy.
        steady_s: The same of a healthy one.
        timeout_s: Seconds that an answer may take.
        misses: Probes without an answer, in a row, after which a child that was healthy is frozen;
            more where it stood in line for a processor.
        settled_s: Seconds of health after which earlier failures are forgotten.
        base_s: Upper bound of the wait before the second restart; doubles with each.
        cap_s: Upper bound of any wait.
        tries: Starts after which a child that was never healthy is given up.
        grace_s: Seconds from SIGTERM to SIGKILL.
        port_s: Seconds that a dead child's port may take to become free.
    """

    starting_s: float = 0.25
    steady_s: float = 1.0
    timeout_s: float = 1.0
    misses: int = 3
    settled_s: float = 10.0
    base_s: float = 0.1
    cap_s: float = 2.0
    tries: int = 5
    grace_s: float = 0.6
    port_s: float = 0.3


class Answer(enum.Enum):
    """What a probe of a child's health brought."""

    HEALTHY = "healthy"
    UNWELL = "unwell"
    SILENT = "silent"


class Vigil:
    """The health and the restarts of one child.

    A child that answers is never killed, even if it says that it is unwell; one
    that was healthy and has fallen silent is. Silence counts less where the
    child stood in line for a processor: a machine that is too busy for it is
    not helped by starting it anew. It then takes up to five times as long.
    """

    def __init__(self, pace: Pace) -> None:
        self.healthy = False
        self.restarts = 0
        self._pace = pace
        self._ever_healthy = False
        self._failures = 0
        self._silences = 0.0
        self._answered = False
        self._healthy_since_ns = 0

    @property
    def probe_in_s(self) -> float:
        """Seconds until the next probe."""
        return self._pace.steady_s if self.healthy and not self._silences else self._pace.starting_s

    @property
    def frozen(self) -> bool:
        """Whether it must be killed: it answered once, and no longer does."""
        return self._answered and self._silences >= self._pace.misses

    @property
    def hopeless(self) -> bool:
        """Whether starting it again makes no sense: it was never healthy in all its tries."""
        return not self._ever_healthy and self._failures >= self._pace.tries

    def heard(self, answer: Answer, now_ns: int, *, waited: float = 0.0) -> None:
        """Take in what a probe brought.

        Args:
            waited: Share of the probe's time in which the child could have run,
                had there been a processor for it; 0 to 1.
        """
        if answer is Answer.SILENT:
            self._silences += max(_LEAST_MISS, 1 - waited)
            self.healthy = self.healthy and not self.frozen
            return
        self._silences = 0.0
        if answer is Answer.UNWELL:
            self.healthy = False
            return
        if not self.healthy:
            self._healthy_since_ns = now_ns
        self.healthy = self._answered = self._ever_healthy = True
        if now_ns - self._healthy_since_ns >= self._pace.settled_s * 1e9:
            self._failures = 0

    def ended(self, chance: Random) -> float:
        """Take in its end; return the seconds to wait before it is started again."""
        self.healthy = self._answered = False
        self._silences = 0.0
        self._failures += 1
        self.restarts += 1
        if self._failures == 1:
            return 0.0
        return full_jitter(
            self._failures - 2, base_s=self._pace.base_s, cap_s=self._pace.cap_s, chance=chance
        )
