"""How one pathway is judged: quick to leave it, slow to come back, and slower each time.

Source: the circuit breaker of M. Nygard, "Release It!", 2007, with a half-open
state that lets a growing share through instead of one request.
"""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from bijou.delivery.steering.choosing import Level


class Finding(IntEnum):
    """What one look at a pathway found."""

    WELL = 0
    GREY = 1
    DEAD = 2


class Patience(msgspec.Struct, frozen=True):
    """How many looks and seconds a change of mind takes.

    Args:
        dead_looks: In a row that found it dead, to leave it.
        grey_looks: In a row that found it worse than others, to leave it.
        well_looks: In a row that found it well, to come back.
        hold_s: It is left for at least so long; twice that after each relapse.
        longest_hold_s: But never for longer.
        ramp_s: From the first sessions that come back to all of them.
        first_share: Of the sessions, that comes back first.
    """

    dead_looks: int = 2
    grey_looks: int = 3
    well_looks: int = 5
    hold_s: float = 10.0
    longest_hold_s: float = 300.0
    ramp_s: float = 60.0
    first_share: float = 0.05


class Health:
    """One pathway's level, from one look after the other.

    It is left for `hold_s` at least, so that it cannot flap faster than that;
    the hold doubles with each relapse, and is forgiven after it was up for as
    long as its last hold. One that was never found alive, as when all start
    together, is simply not there yet: it needs neither hold nor ramp.
    """

    def __init__(self, patience: Patience, now_ns: Callable[[], int]) -> None:
        self.level = Level.UP
        self.trips = 0
        self.changed_ns = now_ns()
        self._patience = patience
        self._now_ns = now_ns
        self._row = 0
        self._last = Finding.WELL
        self._met = False

    @property
    def share(self) -> float:
        """Share of the sessions that may use it, where it is well."""
        if self.level is Level.UP:
            return 1.0
        if self.level is not Level.RETURNING:
            return 0.0
        patience = self._patience
        grown = (1 - patience.first_share) * self._since_s() / patience.ramp_s
        return min(1.0, patience.first_share + grown)

    @property
    def hold_s(self) -> float:
        """How long it is left, now that it has tripped so often."""
        doubled = self._patience.hold_s * 2.0 ** min(max(0, self.trips - 1), 32)
        return min(self._patience.longest_hold_s, doubled)

    def look(self, finding: Finding) -> bool:
        """Take one look into account; tell whether the level changed."""
        self._row = self._row + 1 if finding is self._last else 1
        self._last = finding
        level = self._next(finding)
        self._met = self._met or finding is not Finding.DEAD
        if level is self.level:
            self._forgive()
            return False
        if self.level < Level.IMPAIRED <= level and self._met:
            self.trips += 1
        self.level = level
        self.changed_ns = self._now_ns()
        return True

    def inherit(self, level: Level, share: float, trips: int) -> None:
        """Take over what another process has thought of it for longer than this one runs."""
        patience = self._patience
        grown = max(0.0, share - patience.first_share) / max(1e-9, 1 - patience.first_share)
        gone_s = grown * patience.ramp_s if level is Level.RETURNING else 0.0
        self.level, self.trips, self._met = level, trips, True
        self.changed_ns = self._now_ns() - round(gone_s * 1e9)

    def _next(self, finding: Finding) -> Level:
        patience, level = self._patience, self.level
        if not self._met:
            return Level.DOWN if finding is Finding.DEAD else Level.UP
        if finding is Finding.DEAD and self._row >= patience.dead_looks:
            return Level.DOWN
        if finding is Finding.GREY and self._row >= patience.grey_looks and level < Level.IMPAIRED:
            return Level.IMPAIRED
        if level >= Level.IMPAIRED:
            rested = self._since_s() >= self.hold_s
            return Level.RETURNING if rested and self._is_well(finding) else level
        return Level.UP if level is Level.RETURNING and self.share >= 1 else level

    def _is_well(self, finding: Finding) -> bool:
        return finding is Finding.WELL and self._row >= self._patience.well_looks

    def _forgive(self) -> None:
        if self.trips and self.level is Level.UP and self._since_s() >= self.hold_s:
            self.trips = 0

    def _since_s(self) -> float:
        return (self._now_ns() - self.changed_ns) / 1e9
