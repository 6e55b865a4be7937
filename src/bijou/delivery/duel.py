"""Which of two ways of letting go to follow here, now: what is won in small, and what is lost at large."""

import zlib
from collections.abc import Callable
from typing import Any, Final

from bijou.algorithms.caches import S3Fifo
from bijou.algorithms.caches.s3fifo import QueuedEntry
from bijou.delivery.scanning import Scan, ScoredEntry
from bijou.delivery.watching import Place, Watching

LEAD: Final = 0.005
"""Share of the bytes by which the forecast must beat S3-FIFO for its lead to grow."""
VIEWERS: Final = 0.95
"""Share of moves that go on to what follows from which sessions are taken for viewers."""

_ENOUGH: Final = 0.25
_ENOUGH_OF_VIEWERS: Final = 0.01
_MOST_LOST: Final = 0.05
_MOST_LOST_WITH_VIEWERS: Final = 0.1
_LITTLE_WON: Final = 0.2
_DEARER: Final = 4.0
_DEBT: Final = 0.004
_COST: Final = 0.25
_MEMORY: Final = 400.0
_WELL_SAMPLED_BYTES: Final = 128 << 20
_SPARSEST: Final = 16


class _ByForecast:
    """A cache of names that lets go of what is expected least."""

    def __init__(self, capacity: int, worth: Callable[[ScoredEntry], float]) -> None:
        self._room = capacity
        self._scan = Scan(worth)
        self._index: dict[str, ScoredEntry] = {}

    def ask(self, name: str, weight: int, place: Place | None) -> int:
        if name in self._index:
            return weight
        entry = ScoredEntry(name, None, weight)
        entry.place, entry.queued = place, None
        self._index[name] = entry
        self._scan.add(entry)
        self._room -= weight
        while self._room < 0:
            least = self._scan.least()
            self._scan.remove(least)
            del self._index[least.key]
            self._room += least.weight
        return 0


class _ByQueues:
    """A cache of names under S3-FIFO."""

    def __init__(self, capacity: int) -> None:
        self._room = capacity
        self._policy: S3Fifo[str, Any] = S3Fifo()
        self._policy.fit(capacity)

    def ask(self, name: str, weight: int) -> int:
        entry = self._policy.find(name)
        if entry is not None:
            self._policy.touch(entry)
            return weight
        self._policy.insert(QueuedEntry(name, None, weight))
        self._room -= weight
        while self._room < 0:
            self._room += self._policy.evict().weight
        return 0


class Duel:
    """Follows the forecast while it wins, and S3-FIFO from the moment it has lost enough.

    Whether to begin is told by two small caches of names on a sample of the
    objects, picked by a hash of their names so that both see all requests for
    what they see at all: the bytes that the forecast finds more of must come to
    a hundredth of a cache, or to a quarter where sessions do not go on as viewers
    do. Whether to go on is told by all requests: what the real cache found,
    beside what S3-FIFO would have found. The forecast is let go of once it has
    lost a twentieth of the cache's bytes since its best moment, a tenth with
    viewers. Each time that it had won little until then it must show four times
    as much to be followed again. It is not followed while S3-FIFO would have found
    0.4 % more in all, nor, where sessions are no viewers, while a trial that
    fails could bring it there: one costs about a quarter of the cache's bytes.

    All that is forgotten by half in 400 times the cache's bytes.

    Args:
        capacity: Of the real cache, in bytes.
        worth: What an entry is worth to the forecast.
    """

    def __init__(self, capacity: int, watching: Watching, worth: Callable[[ScoredEntry], float]) -> None:
        self.one_in = max(1, min(_SPARSEST, capacity // _WELL_SAMPLED_BYTES))
        self.leads = False
        self.asked_bytes = 0.0
        self.won_bytes = 0.0
        self._capacity = capacity
        self._sample_bytes = max(1, capacity // self.one_in)
        self._watching = watching
        self._queues = _ByQueues(self._sample_bytes)
        self._forecast = _ByForecast(self._sample_bytes, worth)
        self._lead = 0.0
        self._won_now = self._most_won_now = 0.0
        self._dear = 1.0

    def samples(self, name: str) -> bool:
        """Tell whether an object is in the sample."""
        return self.one_in == 1 or zlib.crc32(name.encode()) % self.one_in == 0

    def asked(self, name: str, weight: int, place: Place | None) -> None:
        """Put one request for an object of the sample to both small caches."""
        if weight > self._sample_bytes:
            return
        more = self._forecast.ask(name, weight, place) - self._queues.ask(name, weight)
        self._lead = max(0.0, self._lead + more - LEAD * weight)
        if more > 0 and not self.leads and self._watching.sessions_seen:
            self._begin()

    def differed(self, more: int) -> None:
        """Note a request on which the real cache and S3-FIFO differ: bytes that only the real one held.

        Args:
            more: Below 0 where only S3-FIFO would have held them.
        """
        self.won_bytes += more
        if not self.leads:
            return
        self._won_now += more
        self._most_won_now = max(self._most_won_now, self._won_now)
        most_lost = _MOST_LOST_WITH_VIEWERS if self._of_viewers else _MOST_LOST
        if self._most_won_now - self._won_now > most_lost * self._capacity:
            self._end()

    @property
    def _of_viewers(self) -> bool:
        return self._watching.goes_on >= VIEWERS

    def _begin(self) -> None:
        self._forget()
        enough, cost = (_ENOUGH_OF_VIEWERS, 0.0) if self._of_viewers else (_ENOUGH, _COST)
        affordable = self.won_bytes + _DEBT * self.asked_bytes > cost * self._capacity
        self.leads = affordable and self._lead > enough * self._dear * self._sample_bytes
        self._won_now = self._most_won_now = 0.0

    def _end(self) -> None:
        self.leads = False
        self._lead = 0.0
        if self._won_now < _LITTLE_WON * self._capacity:
            self._dear *= _DEARER

    def _forget(self) -> None:
        while self.asked_bytes > _MEMORY * self._capacity:
            self.asked_bytes /= 2
            self.won_bytes /= 2
            self._dear = max(1.0, self._dear / 2)
