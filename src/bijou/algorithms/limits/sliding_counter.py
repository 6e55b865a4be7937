"""The frugal limiter: counts of sub-windows, never more than the limit."""

from array import array
from threading import Lock

from bijou.algorithms.limits.decision import Decision
from bijou.algorithms.limits.limiter import OPEN, Limiter, at_least_1, integer, positive_ns


class SlidingWindowCounter(Limiter):
    """Never more than `limit` in any window, in memory that does not grow.

    The window is cut into `parts`; the part that the window's far end has half
    left is counted whole, so the count is never too low. It may be too high:
    what it denies, an exact log of a window longer by 1/parts would deny too.

    Cost: amortised O(1) time a call, O(parts) after a pause or on the first
    of several denials; 8 (parts + 1) bytes.
    Threads: safe; one lock. A full counter denies without taking it.

    Args:
        limit: Requests admitted per window, >= 1.
        window_ns: Window length in nanoseconds of a monotonic clock, > 0.
        parts: Sub-windows, >= 1; more deny less and take more memory.
        lock: Guards the state; several limiters may share one.

    Raises:
        ValueError: `limit` < 1, `window_ns` <= 0 or `parts` < 1.
        TypeError: one of them is no integer.

    Example:
        >>> counter = SlidingWindowCounter(limit=2, window_ns=100, parts=10)
        >>> [counter.admit(t).allowed for t in (5, 5, 104, 109, 110)]
        [True, True, False, False, True]
    """

    __slots__ = ("_counts", "_live", "_part", "parts", "window_ns")
    _counts: "array[int]"
    _live: int
    _part: int

    def __init__(self, limit: int, window_ns: int, parts: int = 60, lock: "Lock | None" = None) -> None:
        super().__init__(limit, lock)
        self.window_ns = positive_ns("window_ns", window_ns)
        self.parts = at_least_1("parts", parts)
        self._forget()

    def charge(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `admit` does; the caller holds `lock`."""
        if type(now_ns) is not int or type(cost) is not int:
            now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        if now_ns < self._newest_ns:  # noqa: PLR1730 - max() is a call, and this path is hot
            now_ns = self._newest_ns
        part = now_ns * self.parts // self.window_ns
        live = self._live if part == self._part else self._live - self._leaving(part)
        room = self.limit - live - cost
        if room < 0 or cost < 1:
            return self._too_many(now_ns, part, live, cost)
        if part != self._part:
            self._roll(part)
            self._live = live
        self._counts[part % (self.parts + 1)] += cost
        self._live += cost
        self._newest_ns = now_ns
        if self.closed is not OPEN:
            self.closed = OPEN
        return Decision(True, self.limit, room, self._leaves_ns(part) - now_ns, 0)

    def inspect(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `peek` does; the caller holds `lock`."""
        if type(now_ns) is not int or type(cost) is not int:
            now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        now_ns = max(now_ns, self._newest_ns)
        part = now_ns * self.parts // self.window_ns
        live = self._live - self._leaving(part)
        room = self.limit - live - cost
        if room < 0 or cost < 1:
            return self._too_many(now_ns, part, live, cost)
        return Decision(True, self.limit, room, self._leaves_ns(part) - now_ns, 0)

    def is_idle(self, now_ns: int) -> bool:
        """Tell whether later answers equal a new limiter's; the caller holds `lock`."""
        return not self._live or self._leaves_ns(self._part) <= now_ns

    def _forget(self) -> None:
        self._counts = array("q", bytes(8 * (self.parts + 1)))
        self._part = self._live = 0

    def _leaves_ns(self, part: int) -> int:
        """Return the first moment at which no window counts `part` any more."""
        return -(-(part + self.parts + 1) * self.window_ns // self.parts)

    def _leaving(self, part: int) -> int:
        """Return what is counted now and not at `part`."""
        size = len(self._counts)
        steps = part - self._part
        if steps >= size:
            return self._live
        return sum(self._counts[slot % size] for slot in range(self._part + 1, self._part + 1 + steps))

    def _roll(self, part: int) -> None:
        size = len(self._counts)
        for slot in range(self._part + 1, self._part + 1 + min(part - self._part, size)):
            self._counts[slot % size] = 0
        self._part = part

    def _too_many(self, now_ns: int, part: int, live: int, cost: int) -> Decision:
        if not 1 <= cost <= self.limit:
            self._refuse(cost)
        left = live
        leaver = part - self.parts
        while True:
            left -= self._counts[leaver % len(self._counts)]
            if left + cost <= self.limit:
                break
            leaver += 1
        return self._deny(
            now_ns,
            cost,
            self.limit - live,
            resets_ns=self._leaves_ns(self._part),
            opens_ns=self._leaves_ns(leaver),
        )
