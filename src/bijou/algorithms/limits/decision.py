"""What a limiter answers, and how the answer travels over HTTP."""

from collections.abc import Iterable
from math import ceil

import msgspec

_NS_PER_S = 1_000_000_000


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Whether a request passes, what is left, and when to come back.

    Args:
        allowed: Whether it passes; if so its cost was charged.
        limit: Most that the limiter lets through at once.
        remaining: Cost that would still pass at this moment.
        reset_after_ns: Until the state equals never-seen, if nobody calls.
        retry_after_ns: Until the same request would pass, if nobody else
            calls; 0 where it passed.

    Example:
        >>> denial = Decision(False, 5, 0, 9_000_000_000, 1_500_000_000)
        >>> denial.headers("api", window_s=60)["Retry-After"]
        '2'
    """

    allowed: bool
    limit: int
    remaining: int
    reset_after_ns: int
    retry_after_ns: int

    def headers(self, policy: str, *, window_s: float) -> dict[str, str]:
        """Return the response fields that tell a client its limit.

        Seconds are rounded up: whoever waits as told is not refused again. In
        a denial `t` and `Retry-After` are the same, for the latter should not
        come before the former ends.

        Args:
            policy: Name of the limit: printable ASCII without quotes and backslashes.
            window_s: Length of the limit's window, > 0; a rule's `window_s`.

        Raises:
            ValueError: `policy` is not such a name, or `window_s` <= 0.

        Source: draft-ietf-httpapi-ratelimit-headers-11 sections 3, 4 and 6 (`RateLimit-Policy`,
            `RateLimit`); RFC 9651 (their syntax); RFC 9110 section 10.2.3 (`Retry-After`).
        """
        if not (policy.isascii() and policy.isprintable()) or '"' in policy or "\\" in policy:
            raise ValueError(f"policy {policy!r} must be printable ASCII without quotes and backslashes")
        if window_s <= 0:
            raise ValueError(f"window_s {window_s} must be above 0")
        wait_s = _ceil_s(self.reset_after_ns if self.allowed else self.retry_after_ns)
        told = {
            "RateLimit-Policy": f'"{policy}";q={self.limit};w={ceil(window_s)}',
            "RateLimit": f'"{policy}";r={self.remaining};t={wait_s}',
        }
        if not self.allowed:
            told["Retry-After"] = str(wait_s)
        return told


def strictest(decisions: Iterable[Decision]) -> Decision:
    """Return, of at least one, the longest denial, or else the pass with least left."""
    return min(decisions, key=_strictness)


def _strictness(decision: Decision) -> tuple[bool, int, int]:
    return decision.allowed, -decision.retry_after_ns, decision.remaining


def _ceil_s(duration_ns: int) -> int:
    return -(-duration_ns // _NS_PER_S)
