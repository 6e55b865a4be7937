"""Eviction that knows the playheads: what nobody is about to watch leaves first."""

from collections.abc import Callable
from typing import ClassVar, Final

from bijou.algorithms.caches import Policy
from bijou.delivery.duel import Duel
from bijou.delivery.queued_names import QueuedNames
from bijou.delivery.scanning import Scan, ScoredEntry
from bijou.delivery.watching import Watching

_TURNOVERS: Final = 1.0
_LONGEST_HORIZON_S: Final = 6 * 3600.0
_SHORTEST_HORIZON_S: Final = 8.0
_RATE_HALF_LIFE_S: Final = 900.0
_ALONE: Final = 0.02
"""Requests to expect of what is no segment: little, so that S3-FIFO's order decides among the rest."""


class PlayheadPolicy(Policy[str, ScoredEntry]):
    """S3-FIFO, unless knowing the viewers does better, which it finds out by trying.

    S3-FIFO's queues run beside the real cache, of names only, and so does a
    small cache that lets go of what the fewest requests are expected for. The
    real one follows that forecast while it finds more bytes than S3-FIFO would
    have; else it lets go of what S3-FIFO does not hold. So where nothing is
    known of viewers it is S3-FIFO, and where they do as no viewer does it is
    soon again.

    Cost: 60 us an eviction by forecast, 2 us by S3-FIFO; as much again as by
    forecast for an object of the sample, which one in 16 is where memory is 2
    GiB or more. A hit costs 0.1 us more than in S3-FIFO, and what `asked`
    costs where a session is told.
    Threads: one event loop.

    Args:
        clock_ns: Monotonic.
    """

    locks_hits: ClassVar[bool] = False  # nobody else is there

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        super().__init__(ScoredEntry)
        self.watching = Watching()
        self._clock_ns = clock_ns
        self._scan = Scan(self._worth)
        self._names: QueuedNames
        self._duel: Duel
        self._filled_bytes = 0.0
        self._first_at_s: float | None = None
        self._filled_at_s = 0.0
        self._now_s = 0.0

    @property
    def leads(self) -> bool:
        """Whether the viewers decide now."""
        return self._duel.leads

    def fit(self, capacity: int) -> None:
        """Learn the capacity."""
        super().fit(capacity)
        self._names = QueuedNames(capacity)
        self._duel = Duel(capacity, self.watching, self._worth)

    def asked(self, path: str, session: str, then: str) -> None:
        """Note that a session asked for an object, and what it says it asks for next, or empty."""
        self._now_s = self._clock_ns() / 1e9
        self.watching.asked(path, session, then, self._now_s)

    def insert(self, entry: ScoredEntry) -> None:
        """Take in a newcomer."""
        self._now_s = self._clock_ns() / 1e9
        entry.place, entry.queued = self.watching.place(entry.key, self._now_s), None
        self._index[entry.key] = entry
        self._scan.add(entry)
        self._note_fill(entry.weight)
        entry.sampled = self._duel.samples(entry.key)
        self._duel.asked_bytes += entry.weight
        if self._names.asked(entry):
            self._duel.differed(-entry.weight)
        if entry.sampled:
            self._duel.asked(entry.key, entry.weight, entry.place)

    def touch(self, entry: ScoredEntry) -> None:
        """Count that an entry was asked for."""
        duel = self._duel
        duel.asked_bytes += entry.weight
        if not self._names.asked(entry):
            duel.differed(entry.weight)
        if entry.sampled:
            self._now_s = self._clock_ns() / 1e9
            duel.asked(entry.key, entry.weight, entry.place)

    def reweigh(self, entry: ScoredEntry, weight: int) -> None:
        """Change the weight of an entry that is here."""
        super().reweigh(entry, weight)
        self._names.reweigh(entry, weight)

    def remove(self, entry: ScoredEntry) -> None:
        """Let go of it."""
        self._leave(entry)
        self._names.remove(entry)

    def evict(self) -> ScoredEntry:
        """Let go of what is least likely to be asked for, or of what S3-FIFO does not hold."""
        if self.leads:
            self._now_s = self._clock_ns() / 1e9
            entry = self._scan.least()
        else:
            entry = self._names.surplus()
        self._leave(entry)
        self._names.left(entry)
        return entry

    def _leave(self, entry: ScoredEntry) -> None:
        self._scan.remove(entry)
        del self._index[entry.key]

    def _worth(self, entry: ScoredEntry) -> float:
        place = entry.place
        if place is None:
            return _ALONE * (1 + (entry.queued.asked if entry.queued is not None else 0))
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
