"""Prepaid permits: many requests for one call to a limit that is far away."""

from collections import deque
from threading import Lock

import msgspec

from bijou.algorithms.limits.decision import Decision
from bijou.algorithms.limits.limiter import Limiter, integer

_DRIFT = 1000  # one thousandth: far more than two clocks that run at all differ by


class Grant(msgspec.Struct, frozen=True):
    """What a shared limit gave to a process that asked for permits.

    Args:
        permits: How many were charged there for us, 0 or more.
        retry_after_ns: Until one more would pass; 0 where all were given.
    """

    permits: int
    retry_after_ns: int = 0


def grant(limiter: Limiter, now_ns: int, permits: int) -> Grant:
    """Charge up to `permits` at once, as many as pass.

    This is what a server of leases does; one that keeps its limits elsewhere
    (a script inside a database) must do the same in one step.

    Cost: that of two admissions.
    Threads: safe.

    Args:
        limiter: One that counts each permit a term longer: a rule's
            `prepaid(term_ns).limiter()`.
        now_ns: The server's monotonic time.
        permits: How many are wanted, >= 1.

    Example:
        >>> from bijou.algorithms.limits import LogRule
        >>> shared = LogRule(limit=5, window_ns=100).prepaid(term_ns=10).limiter()
        >>> grant(shared, 0, 3), grant(shared, 10, 3)
        (Grant(permits=3, retry_after_ns=0), Grant(permits=2, retry_after_ns=100))
    """
    if permits < 1:
        raise ValueError(f"permits {permits} must be at least 1")
    with limiter.lock:
        probe = limiter.inspect(now_ns, 1)
        given = min(permits, probe.remaining + probe.allowed)
        if given:
            limiter.charge(now_ns, given)
        retry_after_ns = limiter.inspect(now_ns, 1).retry_after_ns if given < permits else 0
    return Grant(given, retry_after_ns)


class Lease:
    """One process's permits under a shared limit, spent without asking again.

    Never lets more through than the shared limit allows in any window,
    whatever other processes do, though permits are spent up to a term after
    they were charged: the shared limiter counts each for a term longer (see
    `grant`). Permits not spent in time are lost until the window passes, so at
    saturation a share of about term / (window + term) goes unused.

    The number asked for follows demand: doubled when a batch does not last
    half a term, halved when half of it is left at the end.

    Cost: O(1) time a request; a call to the shared limit about twice a term,
    none while it is known to be closed.
    Threads: safe. Several that find the lease empty may each ask.

    Args:
        limit: What the shared limiter lets through at once, for the answers.
        term_ns: How long the shared limiter counts a permit as unspent, >= 2;
            they are spent within `keeps_ns` of the asking, a thousandth less,
            for clocks that run at different speeds.
        most: Permits asked for at once, >= 1.

    Raises:
        ValueError: `limit` or `most` is below 1, or `term_ns` below 2.

    Example:
        >>> lease = Lease(limit=5, term_ns=10_000, most=100)
        >>> lease.spend(now_ns=0) is None, lease.wanted
        (True, 1)
        >>> lease.refill(Grant(permits=1), asked_ns=0)
        >>> lease.spend(now_ns=9_000).allowed
        True
    """

    def __init__(self, *, limit: int, term_ns: int, most: int = 1000) -> None:
        if limit < 1 or most < 1 or term_ns < 2:
            raise ValueError(f"limit {limit}, most {most} and term_ns {term_ns} must be at least 1, 1 and 2")
        self.limit = limit
        self.keeps_ns = term_ns - -(-term_ns // _DRIFT)
        self.most = min(most, limit)
        self._lock = Lock()
        self._batches: deque[_Batch] = deque()
        self._wanted = 1
        self._opens_ns = 0
        self._closed = False

    @property
    def wanted(self) -> int:
        """How many permits to ask the shared limit for."""
        return self._wanted

    def spend(self, now_ns: int, cost: int = 1) -> Decision | None:
        """Pass a request on prepaid permits, or deny it while the shared limit is closed.

        Returns:
            None where the shared limit must be asked: note the time, ask it
            for `max(wanted, cost)` permits, `refill`, then spend again. The
            waits of a denial, unlike a limiter's, are those until one more
            permit passes: a request of a higher cost may be denied once more.

        Raises:
            ValueError: `cost` does not lie in 1..limit.
            TypeError: `now_ns` or `cost` is no integer.
        """
        now_ns, cost = integer("now_ns", now_ns), integer("cost", cost)
        if not 1 <= cost <= self.limit:
            raise ValueError(f"cost {cost} can never pass; it must lie in 1..{self.limit}, the limit")
        with self._lock:
            self._drop_spoilt(now_ns)
            held = sum(batch.left for batch in self._batches)
            if held >= cost:
                lasts_ns = self._batches[-1].spoils_ns - now_ns
                self._take(now_ns, cost)
                return Decision(True, self.limit, held - cost, lasts_ns, 0)
            if self._closed and now_ns < self._opens_ns:
                wait_ns = self._opens_ns - now_ns
                return Decision(False, self.limit, held, wait_ns, wait_ns)
            return None

    def refill(self, given: Grant, *, asked_ns: int) -> None:
        """Add what the shared limit gave.

        Args:
            given: Its answer.
            asked_ns: This process's monotonic time before the call was made;
                later would let permits live longer than the shared limit counts them.
        """
        with self._lock:
            self._closed = given.retry_after_ns > 0
            self._opens_ns = asked_ns + given.retry_after_ns
            if given.permits:
                self._batches.append(_Batch(given.permits, asked_ns, asked_ns + self.keeps_ns))

    def is_spoilt(self, now_ns: int) -> bool:
        """Tell whether there is nothing left to spend and no denial to remember."""
        with self._lock:
            held = bool(self._batches) and self._batches[-1].spoils_ns > now_ns
            return not held and not (self._closed and now_ns < self._opens_ns)

    def _take(self, now_ns: int, cost: int) -> None:
        while cost:
            batch = self._batches[0]
            spent = min(cost, batch.left)
            batch.left -= spent
            cost -= spent
            if not batch.left:
                self._batches.popleft()
                if now_ns - batch.asked_ns < self.keeps_ns // 2:
                    self._wanted = min(self.most, self._wanted * 2)

    def _drop_spoilt(self, now_ns: int) -> None:
        while self._batches and self._batches[0].spoils_ns <= now_ns:
            spoilt = self._batches.popleft()
            if 2 * spoilt.left >= spoilt.given:
                self._wanted = max(1, self._wanted // 2)


class _Batch:
    """Permits of one grant."""

    __slots__ = ("asked_ns", "given", "left", "spoils_ns")

    def __init__(self, given: int, asked_ns: int, spoils_ns: int) -> None:
        self.given = self.left = given
        self.asked_ns = asked_ns
        self.spoils_ns = spoils_ns
