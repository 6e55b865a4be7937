"""How long values live, in whose time."""

from collections.abc import Callable

import msgspec

from bijou.algorithms.caches.policy import NEVER_NS


class Expiry(msgspec.Struct, frozen=True):
    """When values become stale and when they must go.

    A value is fresh for its time to live, then stale for `grace_ns`: loaded
    again in the background while callers still get it. After that it is gone.

    Args:
        clock_ns: Tells monotonic time, such as `SystemClock().monotonic_ns`.
        ttl_ns: Time to live of values that bring none of their own; None for ever.
        grace_ns: How long a stale value may still be returned by `get_or_load`.
        jitter: Share of the time to live, 0 to 1, that chance may take away, so
            that what was loaded at once does not expire at once.
        draw: Draws evenly from [0, 1), such as `Random(7).random`; needed with `jitter`.

    Raises:
        ValueError: an argument is out of its bounds.
    """

    clock_ns: Callable[[], int]
    ttl_ns: int | None = None
    grace_ns: int = 0
    jitter: float = 0.0
    draw: Callable[[], float] | None = None

    def __post_init__(self) -> None:
        if (self.ttl_ns is not None and self.ttl_ns <= 0) or self.grace_ns < 0:
            raise ValueError(
                f"ttl_ns {self.ttl_ns} must be above 0 or None, and grace_ns {self.grace_ns} not below 0"
            )
        if not 0 <= self.jitter <= 1 or (self.jitter and self.draw is None):
            raise ValueError(f"jitter {self.jitter} must lie between 0 and 1 and, above 0, come with `draw`")

    def deadlines(self, now_ns: int, ttl_ns: int | None) -> tuple[int, int]:
        """Return when a value that is stored now becomes stale, and when it is gone."""
        ttl_ns = self.ttl_ns if ttl_ns is None else ttl_ns
        if ttl_ns is None:
            return NEVER_NS, NEVER_NS
        if self.draw is not None:
            ttl_ns -= int(ttl_ns * self.jitter * self.draw())
        stale_ns = now_ns + ttl_ns
        # One integer for both where there is no grace: 32 bytes an entry.
        return stale_ns, stale_ns + self.grace_ns if self.grace_ns else stale_ns
