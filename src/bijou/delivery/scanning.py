"""A row of entries of which a few are looked at, and the least worthy leaves."""

from collections.abc import Callable
from typing import Any, Final

from bijou.algorithms.caches.policy import Entry
from bijou.algorithms.caches.s3fifo import QueuedEntry
from bijou.delivery.watching import Place

SCANNED: Final = 10
POOLED: Final = 10


class ScoredEntry(Entry[str, Any]):
    """An entry that knows its segment, its place in the scan, and its name in S3-FIFO's queues."""

    __slots__ = ("at", "place", "queued", "sampled")
    at: int
    place: Place | None
    queued: QueuedEntry[str, Any] | None
    sampled: bool


class Scan:
    """Entries in a row, of which a few are looked at in turn, and the least worthy is found.

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
