"""Windows over events that carry their own time, exact to the nanosecond."""

import operator
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from bijou.algorithms.windows.two_stacks import TwoStacks

V = TypeVar("V")


class SlidingWindow(Generic[V]):
    """The fold of all values of the last `window_ns`: those in (now - window, now].

    Time never runs backwards here: an event that says an earlier time than the
    newest one is taken as coming with it.

    Cost: amortised O(1) operations an event; three words of memory an event in
    the window.
    Threads: not safe; one owner, or a lock around it.

    Args:
        window_ns: Length, > 0.
        combine: Associative; the older value comes first.

    Raises:
        ValueError: `window_ns` <= 0.

    Example:
        >>> longest = SlidingWindow(10, max)
        >>> for at, word in [(0, "heron"), (4, "wren"), (9, "owl")]:
        ...     longest.add(at, word)
        >>> longest.value(9), longest.value(10), longest.value(99)
        ('wren', 'wren', None)
    """

    __slots__ = ("_times", "_values", "window_ns")

    def __init__(self, window_ns: int, combine: Callable[[V, V], V]) -> None:
        if window_ns <= 0:
            raise ValueError(f"window_ns is {window_ns}; it must be more than 0")
        self.window_ns = window_ns
        self._times: deque[int] = deque()
        self._values = TwoStacks(combine)

    def __len__(self) -> int:
        return len(self._times)

    def add(self, at_ns: int, value: V) -> None:
        """Take an event in, and let go what has become too old by it."""
        if self._times:
            at_ns = max(at_ns, self._times[-1])
            self._expire(at_ns)
        self._values.push(value)
        self._times.append(at_ns)

    def value(self, now_ns: int) -> V | None:
        """Return the fold at `now_ns`, or None where the window is empty."""
        self._expire(now_ns)
        return self._values.fold() if self._times else None

    def _expire(self, now_ns: int) -> None:
        cutoff_ns = now_ns - self.window_ns
        times = self._times
        while times and times[0] <= cutoff_ns:
            self._values.pop()
            times.popleft()


class SlidingMax(SlidingWindow[float]):
    """The highest value of the last `window_ns`.

    Example:
        >>> peak = SlidingMax(10)
        >>> peak.add(0, 7.0); peak.add(5, 2.0)
        >>> peak.value(9), peak.value(10)
        (7.0, 2.0)
    """

    __slots__ = ()

    def __init__(self, window_ns: int) -> None:
        super().__init__(window_ns, max)


class SlidingSum(SlidingWindow[float]):
    """The sum of the last `window_ns`.

    Adds up what is there instead of taking off what has left, so floats never
    drift: after a large value has gone, nothing of its rounding stays.

    Example:
        >>> total = SlidingSum(10)
        >>> total.add(0, 1e16); total.add(5, 1.0)
        >>> total.value(10)
        1.0
    """

    __slots__ = ()

    def __init__(self, window_ns: int) -> None:
        super().__init__(window_ns, operator.add)
