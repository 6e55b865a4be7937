"""How often something may be tried."""

from collections import OrderedDict, deque


class Attempts:
    """At most `limit` tries a key in any half-open window of `window_ns`.

    Exact, at eight bytes a try. Keys that have been quiet the longest are
    forgotten past `keys`, so that a flood of made-up names costs bounded
    memory; flooding does let old counts go.

    Cost: amortised O(1) time a try.
    Threads: one; not safe across threads.

    Args:
        limit: Tries a window, >= 1.
        window_ns: Window length in nanoseconds of a monotonic clock, > 0.
        keys: Keys remembered, >= 1.

    Example:
        >>> tries = Attempts(limit=2, window_ns=10)
        >>> [tries.wait_ns("ada", t) for t in (0, 1, 9, 10)]
        [0, 0, 1, 0]
    """

    def __init__(self, limit: int, window_ns: int, keys: int = 10_000) -> None:
        if limit < 1 or window_ns <= 0:
            raise ValueError(f"limit {limit} and window_ns {window_ns} must be positive")
        self._limit = limit
        self._window_ns = window_ns
        self._keys = keys
        self._tries: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_ns(self, key: str, now_ns: int, *, count: bool = True) -> int:
        """Count a try and return 0, or return how long until one may be made.

        Args:
            count: Whether the try is made now; otherwise this only looks.
        """
        tries = self._tries.setdefault(key, deque())
        self._tries.move_to_end(key)
        while len(self._tries) > self._keys:
            self._tries.popitem(last=False)
        while tries and tries[0] <= now_ns - self._window_ns:
            tries.popleft()
        if len(tries) >= self._limit:
            return tries[0] + self._window_ns - now_ns
        if count:
            tries.append(now_ns)
        return 0

    def forgive(self, key: str) -> None:
        """Take back the newest try, which turned out to be nobody's fault."""
        tries = self._tries.get(key)
        if tries:
            tries.pop()
