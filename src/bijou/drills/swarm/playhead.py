"""One viewer's buffer and screen over time; pure."""


class Playhead:
    """Counts what a viewer sees; told the time, in seconds, at each event.

    Example:
        >>> playhead = Playhead(asked_s=10.0)
        >>> playhead.arrived(10.5, 4.0)
        >>> playhead.arrived(16.0, 4.0)
        >>> playhead.startup_s, playhead.stalls, playhead.stalled_s, playhead.buffer_s(16.0)
        (0.5, 1, 1.5, 4.0)
    """

    __slots__ = (
        "_asked_s",
        "_empties_s",
        "_waiting",
        "played_s",
        "stalled_s",
        "stalls",
        "stalls_at",
        "startup_s",
    )

    def __init__(self, *, asked_s: float) -> None:
        self._asked_s = asked_s
        self._empties_s = 0.0
        self._waiting = True  # for the first picture, or after a jump
        self.startup_s: float | None = None
        self.played_s = 0.0
        self.stalls = 0
        self.stalled_s = 0.0
        self.stalls_at: list[tuple[float, float]] = []  # when each began, and how long it was

    def stands_still(self, now_s: float) -> bool:
        """Tell whether the picture waits now for what has not come."""
        return not self._waiting and now_s > self._empties_s

    def buffer_s(self, now_s: float) -> float:
        """Return how long the picture moves with what is there."""
        return 0.0 if self._waiting else max(0.0, self._empties_s - now_s)

    def arrived(self, now_s: float, segment_s: float) -> None:
        """Put a segment into the buffer; if that was empty, it was a stall."""
        if self.startup_s is None:
            self.startup_s = now_s - self._asked_s
        if self._waiting:
            self._empties_s = now_s
        elif now_s > self._empties_s:
            self._stall(now_s)
        self._waiting = False
        self._empties_s += segment_s
        self.played_s += segment_s

    def jump(self, now_s: float) -> None:
        """Throw the buffer away; waiting for the new place is no stall."""
        self.leave(now_s)
        self._waiting = True

    def leave(self, now_s: float) -> None:
        """Close the account: what is still in the buffer was not played."""
        if self._waiting:
            return
        if now_s > self._empties_s:
            self._stall(now_s)
        else:
            self.played_s -= self._empties_s - now_s

    def _stall(self, now_s: float) -> None:
        self.stalls += 1
        self.stalls_at.append((self._empties_s, now_s - self._empties_s))
        self.stalled_s += now_s - self._empties_s
        self._empties_s = now_s
