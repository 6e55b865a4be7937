"""What all limiters have in common: one state, one lock, time as told."""

from abc import ABC, abstractmethod
from operator import index
from threading import Lock
from typing import NoReturn

from bijou.algorithms.limits.decision import Decision

LONG_AGO_NS = -(1 << 62)
NEVER_NS = 1 << 62
OPEN = (LONG_AGO_NS, LONG_AGO_NS, LONG_AGO_NS)


class Limiter(ABC):
    """One subject's limit: admits, or says when to come back.

    Time is what callers say it is. It never runs backwards: a call that comes
    late (its thread read the clock, then waited) is decided as if made at the
    newest admission. A denied call and a peek change no later answer.

    Cost: a caller that is denied again and again costs one comparison.
    Threads: `admit`, `peek` and `clear` are safe; `charge`, `inspect` and
    `is_idle` are for callers that hold `lock`, such as a table of limiters.

    Args:
        limit: Most that passes at once, >= 1.
        lock: Guards the state; several limiters may share one.
    """

    __slots__ = ("_newest_ns", "closed", "dropped", "limit", "lock")

    def __init__(self, limit: int, lock: "Lock | None" = None) -> None:
        self.limit = at_least_1("limit", limit)
        self.lock = Lock() if lock is None else lock
        self._newest_ns = LONG_AGO_NS
        # Whether it waits for a place in a table, or lost it; whoever found it there before looks again.
        self.dropped = False
        # (opens, resets, newest admission): no request passes, so nothing changes, before it opens.
        self.closed = OPEN

    def admit(self, now_ns: int, cost: int = 1) -> Decision:
        """Let a request pass and charge it, or say when it would.

        Args:
            now_ns: A monotonic clock's time.
            cost: What the request weighs, 1 <= cost <= limit.

        Raises:
            ValueError: `cost` can never pass.
            TypeError: `now_ns` or `cost` is no integer; a denial that still stands is repeated unchecked.
        """
        closed = self.closed  # read once: another thread may swap the tuple, never its contents
        if now_ns < closed[0] and cost == 1:
            return self.deny_again(closed, now_ns)
        with self.lock:
            return self.charge(now_ns, cost)

    def peek(self, now_ns: int, cost: int = 1) -> Decision:
        """Return what `admit` would answer, and charge nothing."""
        with self.lock:
            return self.inspect(now_ns, cost)

    def clear(self) -> None:
        """Forget every admission."""
        with self.lock:
            self._newest_ns = LONG_AGO_NS
            self.closed = OPEN
            self._forget()

    def deny_again(self, closed: tuple[int, int, int], now_ns: int) -> Decision:
        """Repeat a denial that still stands, without the lock.

        Args:
            closed: What `self.closed` was, with `now_ns` before its opening.
        """
        opens_ns, resets_ns, newest_ns = closed
        if now_ns < newest_ns:  # noqa: PLR1730 - max() is a call, and this path is hot
            now_ns = newest_ns
        return Decision(False, self.limit, 0, resets_ns - now_ns, opens_ns - now_ns)

    def not_before(self, moment_ns: int) -> None:
        """Decide later calls as if none were made before `moment_ns`; the caller holds `lock`."""
        self._newest_ns = max(self._newest_ns, moment_ns)

    @abstractmethod
    def charge(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `admit` does; the caller holds `lock`."""

    @abstractmethod
    def inspect(self, now_ns: int, cost: int = 1) -> Decision:
        """Do what `peek` does; the caller holds `lock`."""

    @abstractmethod
    def is_idle(self, now_ns: int) -> bool:
        """Tell whether later answers equal a new limiter's; the caller holds `lock`."""

    @abstractmethod
    def _forget(self) -> None:
        """Go back to the first state, under the lock."""

    def _deny(self, now_ns: int, cost: int, remaining: int, *, resets_ns: int, opens_ns: int) -> Decision:
        """Answer a denial, and remember it where even the smallest request would get it."""
        if cost == 1:
            self.closed = (opens_ns, resets_ns, self._newest_ns)
        return Decision(False, self.limit, remaining, resets_ns - now_ns, opens_ns - now_ns)

    def _refuse(self, cost: int) -> NoReturn:
        raise ValueError(f"cost {cost} can never pass; it must lie in 1..{self.limit}, the limit")


def integer(name: str, number: int) -> int:
    """Return the number as an int, or raise TypeError where it is none: a NaN would open a limit for good."""
    try:
        return index(number)
    except TypeError:
        raise TypeError(f"{name} {number!r} must be an integer") from None


def at_least_1(name: str, number: int) -> int:
    """Return the number, or raise ValueError where it is below 1, TypeError where it is no integer."""
    if (number := integer(name, number)) < 1:
        raise ValueError(f"{name} {number} must be at least 1")
    return number


def positive_ns(name: str, duration_ns: int) -> int:
    """Return the duration, or raise ValueError where it is not above zero, TypeError where no integer."""
    if (duration_ns := integer(name, duration_ns)) <= 0:
        raise ValueError(f"{name} {duration_ns} must be above 0")
    return duration_ns
