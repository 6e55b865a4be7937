"""W-TinyLFU: a small window for the new, and a contest for every place in the main part."""

from bijou.algorithms.caches.policy import K, Policy, V
from bijou.algorithms.caches.rings import Part, PlacedEntry
from bijou.algorithms.caches.sketch import FrequencySketch

_LARGEST_FIRST_SKETCH = 1 << 16
_PROTECTED = 0.8


class WTinyLfu(Policy[K, PlacedEntry[K, V]]):
    """A newcomer enters the main part only where it was asked for more often than whom it ousts.

    Newcomers wait in a small window; the main part is a probation and a
    protected part, each in order of use. How often a key was asked for, here
    or not, is told by a sketch that fades. Wins on steady popularity, scans
    and loops; slow to follow popularity that drifts.

    Unlike the paper's, a newcomer must lead by two where whom it ousts was
    asked for more than once: in a loop longer than the cache that keeps what
    is here, and it costs a few points where popularity drifts.

    Cost: O(1) amortised; three references and 16 to 32 bytes of sketch an entry.

    Args:
        window: Share of the capacity for newcomers, 0 < window < 1.
        fade: How many requests an entry the sketch remembers, about; more for
            steady popularity, less for a changing one.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient
        cache admission policy", ACM Transactions on Storage, 2017.
    """

    def __init__(self, *, window: float = 0.01, fade: int = 20) -> None:
        if not 0 < window < 1:
            raise ValueError(f"window {window} must lie between 0 and 1")
        super().__init__(PlacedEntry)
        self._share = window
        self._fade = fade
        self._window: Part[PlacedEntry[K, V]] = Part()
        self._probation: Part[PlacedEntry[K, V]] = Part()
        self._protected: Part[PlacedEntry[K, V]] = Part()
        self._window_most = self._protected_most = 0
        self._sketch = FrequencySketch(1, fade=fade)

    def fit(self, capacity: int) -> None:
        """Learn the capacity; a sketch for so many entries, or for more once they are here."""
        super().fit(capacity)
        # One more than fits: the newcomer is here before another leaves.
        self._sketch = FrequencySketch(min(capacity + 1, _LARGEST_FIRST_SKETCH), fade=self._fade)
        self._window_most = max(1, int(capacity * self._share))
        self._protected_most = int((capacity - self._window_most) * _PROTECTED)

    def insert(self, entry: PlacedEntry[K, V]) -> None:
        """Take in as the newest of the window; while there is room in the main part, its oldest go there."""
        self._index[entry.key] = entry
        if len(self._index) > self._sketch.keys:
            self._sketch = FrequencySketch(2 * len(self._index), fade=self._fade)
        self._sketch.add(entry.key)
        self._window.take_in(entry)
        while self._window.weight > self._window_most:
            oldest = self._window.oldest()
            assert oldest is not None
            if self._main_weight() + oldest.weight > self.capacity - self._window_most:
                break
            self._window.move_to(self._probation, oldest)

    def touch(self, entry: PlacedEntry[K, V]) -> None:
        """Count it, and make it the most recent of its part; from probation it moves to the protected."""
        self._sketch.add(entry.key)
        if entry.part is self._probation:
            self._probation.move_to(self._protected, entry)
        else:
            entry.part.renew(entry)
        while self._protected.weight > self._protected_most:
            oldest = self._protected.oldest()
            assert oldest is not None
            self._protected.move_to(self._probation, oldest)

    def remove(self, entry: PlacedEntry[K, V]) -> None:
        """Let go of it, wherever it stands."""
        del self._index[entry.key]
        entry.part.let_go(entry)

    def reweigh(self, entry: PlacedEntry[K, V], weight: int) -> None:
        """Change the weight of an entry and of its part."""
        entry.part.reweigh(entry, weight)

    def evict(self) -> PlacedEntry[K, V]:
        """Let go of the loser between the window's oldest and the main part's least worthy."""
        candidate = self._window.oldest()
        victim = self._probation.oldest() or self._protected.oldest()
        if victim is None or (candidate is not None and self._loses(candidate, victim)):
            loser = candidate
        else:
            loser = victim
            if candidate is not None and self._window.weight > self._window_most:
                self._window.move_to(self._probation, candidate)
        assert loser is not None
        self.remove(loser)
        return loser

    def _loses(self, candidate: PlacedEntry[K, V], victim: PlacedEntry[K, V]) -> bool:
        """The window's oldest competes only where the window is over its share."""
        if self._window.weight <= self._window_most:
            return False
        mark = self._sketch.count(victim.key)
        # The newcomer was counted for the request that brought it, and halving leaves equals one apart.
        return self._sketch.count(candidate.key) <= (mark + 1 if mark > 1 else mark)

    def _main_weight(self) -> int:
        return self._probation.weight + self._protected.weight
