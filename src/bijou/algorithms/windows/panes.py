"""Counting in panes: fixed memory however many events, and room for the late."""

from array import array


class SlidingRate:
    """Events a second over the last `window_ns`, counted in panes.

    The window moves by whole panes: it covers the pane that is running and the
    `panes` - 1 before it, so what it counts is exact for that span, which is
    shorter than `window_ns` by less than one pane. An event that is late but
    still of a pane in the window is counted there; one that is older is counted
    in `dropped`, so nothing is lost in silence.

    Cost: O(1) an event, O(panes) memory; a question costs O(1), and the panes
    that have passed since the last call.
    Threads: not safe; one owner, or a lock around it.

    Args:
        window_ns: Length, a whole number of panes.
        panes: Of how many parts, >= 2.

    Raises:
        ValueError: `panes` < 2, or `window_ns` is no multiple of it.

    Example:
        >>> rate = SlidingRate(window_ns=1_000_000_000, panes=10)
        >>> for at in (0, 50_000_000, 990_000_000, 10_000_000):
        ...     rate.add(at)
        >>> rate.count(990_000_000), rate.count(1_000_000_000), rate.dropped
        (4, 1, 0)
        >>> rate.add(5); rate.dropped
        1
    """

    __slots__ = ("_counts", "_pane", "_total", "dropped", "pane_ns", "window_ns")

    def __init__(self, window_ns: int, panes: int = 60) -> None:
        if panes < 2 or window_ns <= 0 or window_ns % panes:
            raise ValueError(f"a window of {window_ns} ns cannot be cut into {panes} equal panes, 2 or more")
        self.window_ns = window_ns
        self.pane_ns = window_ns // panes
        self.dropped = 0
        self._counts = array("q", bytes(8 * panes))
        self._pane = 0
        self._total = 0

    def add(self, at_ns: int, count: int = 1) -> None:
        """Count events of a moment, 0 or later.

        Raises:
            ValueError: `count` < 0.
        """
        if count < 0:
            raise ValueError(f"count is {count}; it must be 0 or more")
        pane = at_ns // self.pane_ns
        if pane > self._pane:
            self._advance(pane)
        elif pane <= self._pane - len(self._counts) or pane < 0:
            self.dropped += count
            return
        self._counts[pane % len(self._counts)] += count
        self._total += count

    def count(self, now_ns: int) -> int:
        """Return how many events the window holds at `now_ns`, which never goes back."""
        pane = now_ns // self.pane_ns
        if pane > self._pane:
            self._advance(pane)
        return self._total

    def per_s(self, now_ns: int) -> float:
        """Return events a second over the part of the window that has passed at `now_ns`."""
        count = self.count(now_ns)
        begun_ns = max(0, (self._pane + 1 - len(self._counts)) * self.pane_ns)
        span_ns = max(now_ns, self._pane * self.pane_ns) - begun_ns
        return count * 1e9 / span_ns if span_ns else 0.0

    def _advance(self, pane: int) -> None:
        """Empty the panes that come into the window; all of them after a long silence."""
        counts = self._counts
        for fresh in range(max(self._pane + 1, pane + 1 - len(counts)), pane + 1):
            slot = fresh % len(counts)
            self._total -= counts[slot]
            counts[slot] = 0
        self._pane = pane
