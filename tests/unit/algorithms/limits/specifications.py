"""What each limiter promises, in the fewest words; slow on purpose."""

from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The fields of a decision that a specification foretells."""

    allowed: bool
    remaining: int
    reset_after_ns: int
    retry_after_ns: int


class LogSpec:
    """Keeps every admission for ever and counts those in (now - window, now]."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self.admitted: list[int] = []

    def leaves_ns(self, at_ns: int) -> int:
        return at_ns + self.window_ns

    def admit(self, now_ns: int, cost: int = 1, *, charge: bool = True) -> Answer:
        now_ns = max([now_ns, *self.admitted])
        live = [at for at in self.admitted if self.leaves_ns(at) > now_ns]
        room = self.limit - len(live) - cost
        if room >= 0:
            self.admitted += [now_ns] * cost * charge
            return Answer(True, room, self.leaves_ns(now_ns) - now_ns, 0)
        leaving = sorted(map(self.leaves_ns, live))
        return Answer(False, self.limit - len(live), leaving[-1] - now_ns, leaving[-room - 1] - now_ns)


class CounterSpec(LogSpec):
    """The same, but an admission counts until no part of its part is in the window."""

    def __init__(self, limit: int, window_ns: int, parts: int) -> None:
        super().__init__(limit, window_ns)
        self.part_ns = Fraction(window_ns, parts)

    def leaves_ns(self, at_ns: int) -> int:
        return ceil((at_ns // self.part_ns + 1) * self.part_ns + self.window_ns)


class BucketSpec:
    """A bucket of tokens in fractions, filled continuously."""

    def __init__(self, rate: int, period_ns: int, burst: int) -> None:
        self.pace, self.burst = Fraction(rate, period_ns), burst
        self.tokens, self.at_ns = Fraction(burst), -(10**9)

    def admit(self, now_ns: int, cost: int = 1, *, charge: bool = True) -> Answer:
        now_ns = max(now_ns, self.at_ns)
        tokens = min(Fraction(self.burst), self.tokens + (now_ns - self.at_ns) * self.pace)
        allowed = tokens >= cost
        after = tokens - cost if allowed else tokens
        if allowed and charge:
            self.tokens, self.at_ns = after, now_ns
        reset_ns = ceil((self.burst - after) / self.pace)
        return Answer(allowed, int(after), reset_ns, 0 if allowed else ceil((cost - tokens) / self.pace))


def answer(decision: Any) -> Answer:
    """Take from a decision what specifications foretell."""
    return Answer(decision.allowed, decision.remaining, decision.reset_after_ns, decision.retry_after_ns)


def most_in_any_window(times: list[int], window_ns: int) -> int:
    """Return the most admissions in any half-open window (t - window, t]."""
    return max((sum(end - window_ns < at <= end for at in times) for end in times), default=0)
