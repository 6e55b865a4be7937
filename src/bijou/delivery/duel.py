"""Two small caches of names beside a real one: which way of letting go would do better here, now."""

import zlib
from collections.abc import Callable
from typing import Any, Final

from bijou.algorithms.caches import S3Fifo
from bijou.algorithms.caches.s3fifo import QueuedEntry
from bijou.delivery.watching import Place, Watching

LEAD: Final = 0.01
"""Share of the bytes by which the forecast must beat S3-FIFO to be followed."""
LAG: Final = 0.0
"""Lead at which it is no longer followed."""

_WELL_SAMPLED_BYTES: Final = 128 << 20
_SPARSEST: Final = 64
_FEWEST: Final = 500
_MEMORY: Final = 20_000


class _Names:
    """A cache of names under one way of letting go."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.weight = 0
        self.hit_bytes = 0.0


class _ByForecast(_Names):
    def __init__(self, capacity: int, watching: Watching, moment: Callable[[], float]) -> None:
        super().__init__(capacity)
        self._watching = watching
        self._moment = moment
        self._row: list[tuple[str, int, Place | None]] = []
        self._at: dict[str, int] = {}
        self._hand = 0

    def ask(self, name: str, weight: int, place: Place | None) -> None:
        if name in self._at:
            self.hit_bytes += weight
            return
        if weight > self.capacity:
            return
        self._at[name] = len(self._row)
        self._row.append((name, weight, place))
        self.weight += weight
        while self.weight > self.capacity:
            self._let_go()

    def _let_go(self) -> None:
        row = self._row
        now_s = self._moment()
        looked_at = [len(row) - 1]
        for _ in range(min(12, len(row))):
            self._hand = self._hand + 1 if self._hand + 1 < len(row) else 0
            looked_at.append(self._hand)
        least = min(looked_at, key=lambda at: self._worth(row[at][2], now_s))
        name, weight, _ = row[least]
        last = row.pop()
        if least < len(row):
            row[least] = last
            self._at[last[0]] = least
        del self._at[name]
        self.weight -= weight

    def _worth(self, place: Place | None, now_s: float) -> float:
        return 0.0 if place is None else self._watching.expected(place, now_s)


class _ByQueues(_Names):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._policy: S3Fifo[str, None] = S3Fifo()
        self._policy.fit(capacity)

    def ask(self, name: str, weight: int) -> None:
        entry = self._policy.find(name)
        if entry is not None:
            self._policy.touch(entry)
            self.hit_bytes += weight
            return
        if weight > self.capacity:
            return
        fresh: QueuedEntry[str, Any] = QueuedEntry(name, None, weight)
        self._policy.insert(fresh)
        self.weight += weight
        while self.weight > self.capacity:
            self.weight -= self._policy.evict().weight


class Duel:
    """Runs both on the same sample, and tells whether the forecast leads.

    The sample is of objects, by a hash of their names, so that both small
    caches see all requests for what they see at all.

    Args:
        capacity: Of the real cache, in bytes.
        moment: Returns now, in seconds.
    """

    def __init__(self, capacity: int, watching: Watching, moment: Callable[[], float]) -> None:
        self.one_in = max(1, min(_SPARSEST, capacity // _WELL_SAMPLED_BYTES))
        self.leads = False
        self._watching = watching
        self._queues = _ByQueues(max(1, capacity // self.one_in))
        self._forecast = _ByForecast(max(1, capacity // self.one_in), watching, moment)
        self._asked = 0
        self._asked_bytes = 0.0

    def samples(self, name: str) -> bool:
        """Tell whether an object is in the sample."""
        return self.one_in == 1 or zlib.crc32(name.encode()) % self.one_in == 0

    def asked(self, name: str, weight: int, place: Place | None) -> None:
        """Put one request for an object of the sample to both."""
        self._queues.ask(name, weight)
        self._forecast.ask(name, weight, place)
        self._asked += 1
        self._asked_bytes += weight
        if self._asked % _FEWEST == 0:
            self._judge()

    @property
    def lead(self) -> float:
        """Share of the bytes that the forecast finds more of than S3-FIFO does."""
        return (self._forecast.hit_bytes - self._queues.hit_bytes) / max(1.0, self._asked_bytes)

    def _judge(self) -> None:
        if not self._watching.sessions_seen:
            return
        self.leads = self.lead > (LAG if self.leads else LEAD)
        if self._asked >= _MEMORY:
            self._asked //= 2
            self._asked_bytes /= 2
            self._queues.hit_bytes /= 2
            self._forecast.hit_bytes /= 2
