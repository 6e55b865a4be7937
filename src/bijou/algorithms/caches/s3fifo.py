"""S3-FIFO: three queues, no order to keep on a hit."""

from bijou.algorithms.caches.ghosts import Ghosts
from bijou.algorithms.caches.policy import K, Policy, V
from bijou.algorithms.caches.rings import Part, PlacedEntry

_MOST_ASKED = 3


class QueuedEntry(PlacedEntry[K, V]):
    """An entry that remembers how often it was asked for, up to three."""

    __slots__ = ("asked",)
    asked: int


class S3Fifo(Policy[K, QueuedEntry[K, V]]):
    """Newcomers prove themselves in a small queue before they enter the main one.

    What nobody asked for twice leaves the small queue, and is remembered by
    key for about as long as the cache would have kept it: if it comes back in
    that time it goes straight to the main queue, where entries leave in order
    of arrival but get another round for each time they were asked for.

    A hit sets one small count and moves nothing, so hits need no lock. Wins on
    media (one watch through is a scan); loops longer than the cache defeat it.

    Cost: O(1) amortised; three references and a count an entry, and as many
    remembered keys as there are entries.

    Args:
        small: Share of the capacity that the small queue aims at, 0 < small < 1.

    Raises:
        ValueError: `small` is out of its bounds.

    Source: J. Yang et al., "FIFO queues are all you need for cache eviction",
        SOSP 2023, algorithm 1.
    """

    locks_hits = False

    def __init__(self, *, small: float = 0.1) -> None:
        if not 0 < small < 1:
            raise ValueError(f"small {small} must lie between 0 and 1")
        super().__init__(QueuedEntry)
        self._share = small
        self._small: Part[QueuedEntry[K, V]] = Part()
        self._main: Part[QueuedEntry[K, V]] = Part()
        self._in_main = 0
        self._aim = 0.0
        self._ghosts = Ghosts()

    def fit(self, capacity: int) -> None:
        """Learn the capacity, and what the small queue may weigh of it."""
        super().fit(capacity)
        self._aim = capacity * self._share

    def insert(self, entry: QueuedEntry[K, V]) -> None:
        """Take in at the end of the small queue, or of the main one where the key is remembered."""
        entry.asked = 0
        self._index[entry.key] = entry
        if self._ghosts.recall(entry.key):
            self._main.take_in(entry)
            self._in_main += 1
        else:
            self._small.take_in(entry)

    def touch(self, entry: QueuedEntry[K, V]) -> None:
        """Count up to three."""
        if entry.asked < _MOST_ASKED:
            entry.asked += 1

    def reweigh(self, entry: QueuedEntry[K, V], weight: int) -> None:
        """Change the weight of an entry and of its queue."""
        entry.part.reweigh(entry, weight)

    def remove(self, entry: QueuedEntry[K, V]) -> None:
        """Let go of it, wherever it stands."""
        del self._index[entry.key]
        self._in_main -= entry.part is self._main
        entry.part.let_go(entry)

    def evict(self) -> QueuedEntry[K, V]:
        """Let go of the first unproven entry."""
        while True:
            newcomer = self._small.oldest()
            if newcomer is not None and (self._small.weight > self._aim or not self._in_main):
                if newcomer.asked <= 1:
                    # As many as are here, not as are in the main queue: that begins empty, and would stay so.
                    self._ghosts.remember(newcomer.key, most=len(self._index))
                    self.remove(newcomer)
                    return newcomer
                self._promote(newcomer)
            else:
                oldest = self._main.oldest()
                assert oldest is not None
                if not oldest.asked:
                    self.remove(oldest)
                    return oldest
                oldest.asked -= 1
                self._main.renew(oldest)

    def _promote(self, entry: QueuedEntry[K, V]) -> None:
        entry.asked = 0
        self._small.move_to(self._main, entry)
        self._in_main += 1
