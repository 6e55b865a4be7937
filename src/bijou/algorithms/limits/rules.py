"""A limit as a value: what one process enforces alone, or many on a shared engine."""

from threading import Lock

import msgspec

from bijou.algorithms.limits.gcra import GCRA
from bijou.algorithms.limits.sliding_counter import SlidingWindowCounter
from bijou.algorithms.limits.sliding_log import SlidingWindowLog

_NS_PER_S = 1_000_000_000


class LogRule(msgspec.Struct, frozen=True):
    """At most `limit` in any window, exactly.

    Raises:
        ValueError: as `SlidingWindowLog` raises it.

    Example:
        >>> LogRule(limit=5, window_ns=100).prepaid(term_ns=10)
        LogRule(limit=5, window_ns=110)
    """

    limit: int
    window_ns: int

    def __post_init__(self) -> None:
        self.limiter()

    def limiter(self, lock: "Lock | None" = None) -> SlidingWindowLog:
        """Return a limiter of this process; what `KeyedLimits` wants to be given."""
        return SlidingWindowLog(self.limit, self.window_ns, lock)

    def prepaid(self, term_ns: int) -> "LogRule":
        """Return what the shared end of leases must enforce: each permit counts a term longer."""
        return LogRule(self.limit, self.window_ns + term_ns)

    @property
    def window_s(self) -> float:
        """The window, for `Decision.headers`."""
        return self.window_ns / _NS_PER_S


class CounterRule(msgspec.Struct, frozen=True):
    """At most `limit` in any window, counted by sub-windows.

    Raises:
        ValueError: as `SlidingWindowCounter` raises it.
    """

    limit: int
    window_ns: int
    parts: int = 60

    def __post_init__(self) -> None:
        self.limiter()

    def limiter(self, lock: "Lock | None" = None) -> SlidingWindowCounter:
        """Return a limiter of this process; what `KeyedLimits` wants to be given."""
        return SlidingWindowCounter(self.limit, self.window_ns, self.parts, lock)

    def prepaid(self, term_ns: int) -> "CounterRule":
        """Return what the shared end of leases must enforce: each permit counts a term longer."""
        return CounterRule(self.limit, self.window_ns + term_ns, self.parts)

    @property
    def window_s(self) -> float:
        """The window, for `Decision.headers`."""
        return self.window_ns / _NS_PER_S


class GcraRule(msgspec.Struct, frozen=True):
    """`rate` a period, and `burst` at once after a silence.

    Raises:
        ValueError: as `GCRA` raises it.

    Example:
        >>> GcraRule(rate=100, period_ns=60_000, burst=20).prepaid(term_ns=1000)
        GcraRule(rate=100, period_ns=60000, burst=18)
    """

    rate: int
    period_ns: int
    burst: int

    def __post_init__(self) -> None:
        self.limiter()

    def limiter(self, lock: "Lock | None" = None) -> GCRA:
        """Return a limiter of this process; what `KeyedLimits` wants to be given."""
        return GCRA(self.rate, self.period_ns, self.burst, lock)

    def prepaid(self, term_ns: int) -> "GcraRule":
        """Return what the shared end of leases must enforce: less burst, by what a term refills.

        Raises:
            ValueError: nothing of the burst is left; the term is too long.
        """
        refilled = -(-self.rate * term_ns // self.period_ns)
        if refilled >= self.burst:
            raise ValueError(
                f"term {term_ns} ns refills {refilled} of burst {self.burst}; it must refill less than all"
            )
        return GcraRule(self.rate, self.period_ns, self.burst - refilled)

    @property
    def limit(self) -> int:
        """Most that passes at once."""
        return self.burst

    @property
    def window_s(self) -> float:
        """How long an empty bucket takes to fill, for `Decision.headers`."""
        return self.burst * self.period_ns / self.rate / _NS_PER_S


Rule = LogRule | CounterRule | GcraRule
