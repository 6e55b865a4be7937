"""What players met on one pathway in the last seconds, each player counted little."""

import math
from collections import Counter, OrderedDict, deque
from typing import Final

import msgspec

WINDOW_S: Final = 10
LONG_S: Final = 30
"""For what is rare: errors that few viewers meet now and then."""
FRESH_S: Final = 3

_MOST_SESSIONS: Final = 20_000
_BASELINES: Final = 65_536
_FEW: Final = 16
_LEARNT: Final = 3
_LEARNING: Final = 1 / 16
_FARTHEST: Final = 2.5


class Moments(msgspec.Struct):
    """Count, sum and sum of squares: enough for a mean and its error, and they add up."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Mean; 0 of nothing."""
        return self.total / self.n if self.n else 0.0

    @property
    def error(self) -> float:
        """Variance of the mean; as if they lay far apart where there are less than two."""
        if self.n < 2:
            return 1.0
        variance = max(0.0, self.squares - self.total * self.mean) / (self.n - 1)
        return max(variance, 1e-4) / self.n

    def add(self, value: float) -> None:
        """Count one value."""
        self.n += 1
        self.total += value
        self.squares += value * value

    def take(self, other: "Moments") -> None:
        """Count what another counted."""
        self.n += other.n
        self.total += other.total
        self.squares += other.squares


class Failures(msgspec.Struct):
    """How often something failed.

    Args:
        good: Session-seconds in which something came.
        bad: Session-seconds in which something failed.
        failed: Sessions that something failed.
        worst: Most of the bad ones that one session met.
    """

    good: int = 0
    bad: int = 0
    failed: int = 0
    worst: int = 0

    def take(self, other: "Failures") -> None:
        """Count what another counted."""
        self.good += other.good
        self.bad += other.bad
        self.failed += other.failed
        self.worst = max(self.worst, other.worst)


class Sums(msgspec.Struct):
    """What was met on a pathway, added up; of several processes they add up again.

    Args:
        failures: Of the last ten seconds.
        long: Failures of the last thirty.
        sessions: That met anything, at least; exact where they are few.
        fresh: Sessions to which something came in the last three seconds, likewise.
        first_byte: How far the logarithm of times to the first byte was from the session's usual.
        rate: The same of throughput.
    """

    failures: Failures = msgspec.field(default_factory=Failures)
    long: Failures = msgspec.field(default_factory=Failures)
    sessions: int = 0
    fresh: int = 0
    first_byte: Moments = msgspec.field(default_factory=Moments)
    rate: Moments = msgspec.field(default_factory=Moments)

    def take(self, other: "Sums") -> None:
        """Count what another counted."""
        self.failures.take(other.failures)
        self.long.take(other.long)
        self.sessions += other.sessions
        self.fresh += other.fresh
        self.first_byte.take(other.first_byte)
        self.rate.take(other.rate)


class _Second:
    """One second; a session counts once for each thing that it can tell."""

    __slots__ = ("failed", "first_byte", "good", "rate", "rated", "second", "timed")

    def __init__(self, second: int) -> None:
        self.second = second
        self.good: set[str] = set()
        self.failed: set[str] = set()
        self.timed: set[str] = set()
        self.rated: set[str] = set()
        self.first_byte = Moments()
        self.rate = Moments()


class Baselines:
    """What is usual for a session on a pathway: the running mean of a logarithm.

    Each session is compared with itself: one viewer's slow link is no news,
    everybody's suddenly slow link is.

    Memory: the last 65,536 that were used, about 21 MB.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], tuple[int, float]] = OrderedDict()

    def distance(self, key: tuple[str, str, str], value: float, *, learn: bool) -> float | None:
        """Return how far a value is from the usual; None while that is not known.

        Args:
            learn: Whether the value may change what is usual.
        """
        count, mean = self._known.get(key, (0, 0.0))
        if learn:
            step = max(1 / (count + 1), _LEARNING)
            self._known[key] = (count + 1, mean + (value - mean) * step)
            self._known.move_to_end(key)
            if len(self._known) > _BASELINES:
                self._known.popitem(last=False)
        return max(-_FARTHEST, min(_FARTHEST, value - mean)) if count >= _LEARNT else None


class Evidence:
    """What this process was told of one pathway in the last half minute.

    Cost: O(1) an event; a question costs O(failures of the window).

    Args:
        region: Of the pathway.
        baselines: Shared by all pathways.
    """

    def __init__(self, region: str, baselines: Baselines) -> None:
        self._region = region
        self._baselines = baselines
        self._seconds: deque[_Second] = deque(maxlen=LONG_S)

    def met(self, session: str, now_ns: int, *, failed: bool) -> None:
        """Note that something came to a session, or did not."""
        second = self._second(now_ns)
        told = second.failed if failed else second.good
        if len(told) < _MOST_SESSIONS:
            told.add(session)

    def first_byte(self, session: str, now_ns: int, took_s: float, *, learn: bool) -> None:
        """Note how long a session waited for a first byte."""
        second = self._second(now_ns)
        if session in second.timed or len(second.timed) >= _MOST_SESSIONS:
            return
        second.timed.add(session)
        key = (session, self._region, "first byte")
        distance = self._baselines.distance(key, math.log(max(took_s, 1e-3)), learn=learn)
        if distance is not None:
            second.first_byte.add(distance)

    def rate(self, session: str, now_ns: int, rate_bps: float, *, learn: bool) -> None:
        """Note how fast something came to a session."""
        second = self._second(now_ns)
        if session in second.rated or len(second.rated) >= _MOST_SESSIONS:
            return
        second.rated.add(session)
        distance = self._baselines.distance(
            (session, self._region, "rate"), math.log(max(rate_bps, 1e3)), learn=learn
        )
        if distance is not None:
            second.rate.add(distance)

    def forget(self) -> None:
        """Begin anew: what is tried again is not judged by what it was."""
        self._seconds.clear()

    def sums(self, now_ns: int) -> Sums:
        """Return what the last seconds come to."""
        now_s = now_ns // 1_000_000_000
        long = [second for second in self._seconds if second.second > now_s - LONG_S]
        window = [second for second in long if second.second > now_s - WINDOW_S]
        sums = Sums(
            failures=_failures(window),
            long=_failures(long),
            sessions=_distinct([each for second in window for each in (second.good, second.failed)]),
            fresh=_distinct([second.good for second in window if second.second > now_s - FRESH_S]),
        )
        for second in window:
            sums.first_byte.take(second.first_byte)
            sums.rate.take(second.rate)
        return sums

    def _second(self, now_ns: int) -> _Second:
        now_s = now_ns // 1_000_000_000
        if not self._seconds or self._seconds[-1].second != now_s:
            self._seconds.append(_Second(now_s))
        return self._seconds[-1]


def _distinct(sets: list[set[str]]) -> int:
    """Return how many there are in all, exactly if they are few; else how many there are at least."""
    most = max(map(len, sets), default=0)
    return most if most >= _FEW else len(set().union(*sets))


def _failures(window: list[_Second]) -> Failures:
    bad = Counter(session for second in window for session in second.failed)
    return Failures(
        sum(len(second.good) for second in window), bad.total(), len(bad), max(bad.values(), default=0)
    )
