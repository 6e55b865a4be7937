"""Eviction that knows the playheads: what nobody is about to watch leaves first."""

from collections.abc import Callable
from typing import Any, Final

from bijou.algorithms.caches import S3Fifo
from bijou.algorithms.caches.s3fifo import QueuedEntry
from bijou.delivery.duel import Duel
from bijou.delivery.watching import Place, Watching

SCANNED: Final = 10
POOLED: Final = 10
_MOST_ASKED: Final = 3
_TURNOVERS: Final = 1.0
_LONGEST_HORIZON_S: Final = 6 * 3600.0
_SHORTEST_HORIZON_S: Final = 8.0
_RATE_HALF_LIFE_S: Final = 900.0
_ALONE: Final = 0.02
"""Requests to expect of what is no segment: little, so that S3-FIFO's order decides among the rest."""


class ScoredEntry(QueuedEntry[str, Any]):
    """An entry that knows its segment and its place in the scan."""

    __slots__ = ("at", "place", "sampled")
    at: int
    place: Place | None
    sampled: bool


class Scan:
    """Entries in a row, of which a few are looked at in turn, and the least worthy leaves.

    The runners-up of earlier looks are looked at again, which finds victims as
    good as those of a look ten times as wide.
    """

    def __init__(self, worth: Callable[[ScoredEntry], float]) -> None:
        self._worth = worth
        self._row: list[ScoredEntry] = []
        self._pool: list[ScoredEntry] = []
        self._hand = 0

    def __len__(self) -> int:
        return len(self._row)

    def add(self, entry: ScoredEntry) -> None:
        """Take in an entry."""
        entry.at = len(self._row)
        self._row.append(entry)

    def remove(self, entry: ScoredEntry) -> None:
        """Let go of an entry that is here."""
        last = self._row.pop()
        if last is not entry:
            self._row[entry.at] = last
            last.at = entry.at
        entry.at = -1

    def least(self) -> ScoredEntry:
        """Return the least worthy of those looked at, the newest among them; it stays here."""
        row = self._row
        seen = {entry.at: entry for entry in self._pool if entry.at >= 0}
        seen[len(row) - 1] = row[-1]
        for _ in range(min(SCANNED, len(row))):
            self._hand = self._hand + 1 if self._hand + 1 < len(row) else 0
            seen[self._hand] = row[self._hand]
        worth = self._worth
        ranked = sorted(seen.values(), key=worth)
        self._pool = ranked[1 : 1 + POOLED]
        return ranked[0]


class PlayheadPolicy(S3Fifo[str, Any]):
    """S3-FIFO, unless knowing the viewers does better, which it finds out by trying.

    Two small caches of nothing but names run beside the real one, on a sample
    of its objects: one under S3-FIFO, one that lets go of what the fewest
    requests are expected for. The real one does as the better of them. So where
    nothing is known of viewers, or they do as no viewer does, it is S3-FIFO.

    Cost: 60 us an eviction; a hit costs what it does in S3-FIFO, and what
    `asked` costs where a session is told.
    Threads: one event loop.

    Args:
        clock_ns: Monotonic.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        super().__init__()
        self.entry_type = ScoredEntry
        self.watching = Watching()
        self._clock_ns = clock_ns
        self._scan = Scan(self._worth)
        self._duel: Duel | None = None
        self._filled_bytes = 0.0
        self._first_at_s: float | None = None
        self._filled_at_s = 0.0
        self._now_s = 0.0

    @property
    def leads(self) -> bool:
        """Whether the viewers decide now."""
        return self._duel is not None and self._duel.leads

    def fit(self, capacity: int) -> None:
        """Learn the capacity."""
        super().fit(capacity)
        self._duel = Duel(capacity, self.watching, lambda: self._now_s)

    def asked(self, path: str, session: str, then: str) -> None:
        """Note that a session asked for an object, and what it says it asks for next, or empty."""
        self._now_s = self._clock_ns() / 1e9
        self.watching.asked(path, session, then, self._now_s)

    def insert(self, entry: Any) -> None:
        """Take in a newcomer."""
        self._now_s = self._clock_ns() / 1e9
        entry.place = self.watching.place(entry.key, self._now_s)
        super().insert(entry)
        self._scan.add(entry)
        self._note_fill(entry.weight)
        assert self._duel is not None
        entry.sampled = self._duel.samples(entry.key)
        if entry.sampled:
            self._duel.asked(entry.key, entry.weight, entry.place)

    def touch(self, entry: Any) -> None:
        """Count that an entry was asked for."""
        if entry.asked < _MOST_ASKED:  # as S3-FIFO does, without the call
            entry.asked += 1
        if entry.sampled and self._duel is not None:
            self._now_s = self._clock_ns() / 1e9
            self._duel.asked(entry.key, entry.weight, entry.place)

    def remove(self, entry: Any) -> None:
        """Let go of it."""
        self._scan.remove(entry)
        super().remove(entry)

    def evict(self) -> Any:
        """Let go of what is least likely to be asked for, or of S3-FIFO's choice where that does better."""
        if not self.leads:
            return super().evict()
        self._now_s = self._clock_ns() / 1e9
        entry = self._scan.least()
        self.remove(entry)
        return entry

    def _worth(self, entry: ScoredEntry) -> float:
        place = entry.place
        if place is None:
            return _ALONE * (1 + entry.asked)
        return self.watching.expected(place, self._now_s)

    def _note_fill(self, weight: int) -> None:
        """Learn how long it takes to fill the cache anew: what lies beyond that is nobody's business."""
        if self._first_at_s is None:
            self._first_at_s = self._filled_at_s = self._now_s
        passed_s = self._now_s - self._filled_at_s
        if passed_s > 0:
            self._filled_bytes *= 0.5 ** (passed_s / _RATE_HALF_LIFE_S)
            self._filled_at_s = self._now_s
        self._filled_bytes += weight
        known_s = max(30.0, self._now_s - self._first_at_s)
        memory_s = _RATE_HALF_LIFE_S / 0.693 * (1 - 0.5 ** (known_s / _RATE_HALF_LIFE_S))
        turnover_s = self.capacity * memory_s / self._filled_bytes
        horizon_s = min(max(_TURNOVERS * turnover_s, _SHORTEST_HORIZON_S), _LONGEST_HORIZON_S)
        self.watching.look_ahead(horizon_s, self._now_s)
