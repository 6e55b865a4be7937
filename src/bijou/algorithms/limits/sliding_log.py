"""The exact limiter: a ring of the times of admissions."""

from array import array
from bisect import bisect_right
from threading import Lock

from bijou.algorithms.limits.decision import Decision
from bijou.algorithms.limits.limiter import NEVER_NS, OPEN, Limiter, integer, positive_ns

_FIRST_CAPACITY = 8


class SlidingWindowLog(Limiter):
    """At most `limit` requests in any half-open window of `window_ns`.

    Exact: unlike a fixed-window counter it never lets 2 x limit through at a
    window's edge. The price is eight bytes per admitted request (a request of
    cost c counts as c of them).

    Cost: amortised O(1) time a call, O(log limit + cost) at worst but where
    the ring doubles; O(most live at once) memory.
    Threads: safe; one lock. A log known to be full denies without taking it.

    Args:
        limit: Requests admitted per window, >= 1.
        window_ns: Window length in nanoseconds of a monotonic clock, > 0.
        lock: Guards the state; several limiters may share one.

    Raises:
        ValueError: `limit` < 1 or `window_ns` <= 0.
        TypeError: one of them is no integer.

    Example:
        >>> log = SlidingWindowLog(limit=2, window_ns=10)
        >>> [log.admit(t).allowed for t in (0, 1, 9, 10)]
        [True, True, False, True]
        >>> log.admit(10).retry_after_ns
        1
    """

    __slots__ = ("_capacity", "_count", "_head", "_oldest_leaves_ns", "_ring", "window_ns")
    _capacity: int
    _count: int
    _head: int
    _oldest_leaves_ns: int
    _ring: "array[int]"

    def __init__(self, limit: int, window_ns: int, lock: "Lock | None" = None) -> None:
        super().__init__(limit, lock)
        self.window_ns = positive_ns("window_ns", window_ns)
        self._forget()

    def charge(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `admit` does; the caller holds `lock`."""
        if cost != 1:
            return self._charge_many(now_ns, cost)
        if type(now_ns) is not int:
            now_ns = integer("now_ns", now_ns)
        if now_ns < self._newest_ns:  # noqa: PLR1730 - max() is a call, and this path is hot
            now_ns = self._newest_ns
        if now_ns >= self._oldest_leaves_ns:
            self._expire(now_ns - self.window_ns)
        count, limit = self._count, self.limit
        if count == limit:
            return self._too_many(now_ns, count, 1)
        if not count:
            self._oldest_leaves_ns = now_ns + self.window_ns
        if count == self._capacity:
            self._grow(count + 1)
        # A negative index counts from the ring's end, so the wrap costs no branch.
        self._ring[self._head + count - self._capacity] = self._newest_ns = now_ns
        self._count = count = count + 1
        if self.closed is not OPEN:
            self.closed = OPEN
        return Decision(True, limit, limit - count, self.window_ns, 0)

    def inspect(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `peek` does; the caller holds `lock`."""
        if type(now_ns) is not int or type(cost) is not int:
            now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        if not 1 <= cost <= self.limit:
            self._refuse(cost)
        now_ns = max(now_ns, self._newest_ns)
        live = self._count - self._expired(now_ns - self.window_ns)
        if live + cost > self.limit:
            return self._too_many(now_ns, live, cost)
        return Decision(True, self.limit, self.limit - live - cost, self.window_ns, 0)

    def is_idle(self, now_ns: int) -> bool:
        """Tell whether later answers equal a new limiter's; the caller holds `lock`."""
        return not self._count or self._last_ns() <= now_ns - self.window_ns

    def _forget(self) -> None:
        self._capacity = min(_FIRST_CAPACITY, self.limit)
        self._ring = array("q", bytes(8 * self._capacity))
        self._head = self._count = 0
        self._oldest_leaves_ns = NEVER_NS

    def _last_ns(self) -> int:
        """Return the last admission's time; `_newest_ns` may be later."""
        return self._ring[self._head + self._count - 1 - self._capacity]

    def _charge_many(self, now_ns: int, cost: int) -> Decision:
        now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        decision = self.inspect(now_ns, cost)
        if decision.allowed:
            self._newest_ns = now_ns = max(now_ns, self._newest_ns)
            if now_ns >= self._oldest_leaves_ns:
                self._expire(now_ns - self.window_ns)
            self._append(now_ns, cost)
            self.closed = OPEN
        return decision

    def _too_many(self, now_ns: int, live: int, cost: int) -> Decision:
        resets_ns = self._last_ns() + self.window_ns
        # It passes once as many of the oldest have left as it is too heavy by; `live` leaves out the gone.
        last_to_leave = self._head + self._count + cost - self.limit - 1
        opens_ns = self._ring[last_to_leave % self._capacity] + self.window_ns
        return self._deny(now_ns, cost, self.limit - live, resets_ns=resets_ns, opens_ns=opens_ns)

    def _expire(self, cutoff_ns: int) -> None:
        """Drop what is not younger than `cutoff_ns`, knowing that the oldest is not."""
        head, capacity = self._head, self._capacity
        # By far the most frequent: one leaves as one comes.
        gone = 1 if self._ring[head + 1 - capacity] > cutoff_ns else self._expired(cutoff_ns)
        head += gone
        self._head = head = head if head < capacity else head - capacity
        self._count -= gone
        self._oldest_leaves_ns = self._ring[head] + self.window_ns if self._count else NEVER_NS

    def _expired(self, cutoff_ns: int) -> int:
        """Return how many admissions are not younger than `cutoff_ns`."""
        if cutoff_ns + self.window_ns < self._oldest_leaves_ns:
            return 0
        ring, head, count, capacity = self._ring, self._head, self._count, self._capacity
        if self._newest_ns <= cutoff_ns:
            return count
        if head + count <= capacity:
            return bisect_right(ring, cutoff_ns, head, head + count) - head
        if ring[-1] > cutoff_ns:
            return bisect_right(ring, cutoff_ns, head, capacity) - head
        return bisect_right(ring, cutoff_ns, 0, head + count - capacity) + capacity - head

    def _append(self, now_ns: int, cost: int) -> None:
        if not self._count:
            self._oldest_leaves_ns = now_ns + self.window_ns
        if self._count + cost > self._capacity:
            self._grow(self._count + cost)
        start = self._head + self._count
        for slot in range(start, start + cost):
            self._ring[slot % self._capacity] = now_ns
        self._count += cost

    def _grow(self, needed: int) -> None:
        capacity = min(self.limit, max(needed, 2 * self._capacity))
        ring = self._ring[self._head :] + self._ring[: self._head]
        ring.extend(array("q", bytes(8 * (capacity - self._capacity))))
        self._ring, self._head, self._capacity = ring, 0, capacity
