"""A token bucket kept as one number: the generic cell rate algorithm."""

from threading import Lock

from bijou.algorithms.limits.decision import Decision
from bijou.algorithms.limits.limiter import OPEN, Limiter, at_least_1, integer, positive_ns


class GCRA(Limiter):
    """At most `burst + rate * w / period_ns` requests in any window of `w`.

    Smooths: after a burst, requests pass one by one at the rate instead of all
    at once when a window ends. Equal to a token bucket in exact fractions; no
    rounding adds up.

    Cost: O(1) time a call, two integers of memory.
    Threads: safe; one lock. An empty bucket denies without taking it.

    Args:
        rate: Requests that a period refills, >= 1.
        period_ns: Length of the period, > 0.
        burst: Requests that pass at once after a silence, >= 1.
        lock: Guards the state; several limiters may share one.

    Raises:
        ValueError: `rate` < 1, `period_ns` <= 0 or `burst` < 1.
        TypeError: one of them is no integer.

    Source: ITU-T I.371 annex A, virtual scheduling algorithm.

    Example:
        >>> gcra = GCRA(rate=2, period_ns=100, burst=3)
        >>> [gcra.admit(t).allowed for t in (0, 0, 0, 0, 49, 50)]
        [True, True, True, False, False, True]
    """

    __slots__ = ("_full", "period_ns", "rate")
    _full: int

    def __init__(self, rate: int, period_ns: int, burst: int, lock: "Lock | None" = None) -> None:
        super().__init__(burst, lock)
        self.rate = at_least_1("rate", rate)
        self.period_ns = positive_ns("period_ns", period_ns)
        self._forget()

    def charge(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `admit` does; the caller holds `lock`."""
        if type(now_ns) is not int or type(cost) is not int:
            now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        if now_ns < self._newest_ns:  # noqa: PLR1730 - max() is a call, and this path is hot
            now_ns = self._newest_ns
        rate, period_ns = self.rate, self.period_ns
        # Time is scaled by `rate`, so that one request weighs the integer `period_ns`.
        debt = self._full - now_ns * rate
        if debt < 0:  # noqa: PLR1730 - as above
            debt = 0
        room = (self.limit - cost) * period_ns - debt
        if room < 0 or cost < 1:
            return self._too_soon(now_ns, debt, cost)
        debt += cost * period_ns
        self._full = now_ns * rate + debt
        self._newest_ns = now_ns
        if self.closed is not OPEN:
            self.closed = OPEN
        return Decision(True, self.limit, room // period_ns, -(-debt // rate), 0)

    def inspect(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `peek` does; the caller holds `lock`."""
        if type(now_ns) is not int or type(cost) is not int:
            now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        now_ns = max(now_ns, self._newest_ns)
        debt = max(self._full - now_ns * self.rate, 0)
        room = (self.limit - cost) * self.period_ns - debt
        if room < 0 or cost < 1:
            return self._too_soon(now_ns, debt, cost)
        debt += cost * self.period_ns
        return Decision(True, self.limit, room // self.period_ns, -(-debt // self.rate), 0)

    def is_idle(self, now_ns: int) -> bool:
        """Tell whether later answers equal a new limiter's; the caller holds `lock`."""
        return self._full <= now_ns * self.rate

    def _forget(self) -> None:
        self._full = self._newest_ns * self.rate

    def _too_soon(self, now_ns: int, debt: int, cost: int) -> Decision:
        if not 1 <= cost <= self.limit:
            self._refuse(cost)
        excess = debt - (self.limit - cost) * self.period_ns
        return self._deny(
            now_ns,
            cost,
            self.limit + -debt // self.period_ns,
            resets_ns=now_ns - -debt // self.rate,
            opens_ns=now_ns - -excess // self.rate,
        )
