"""What a cache has done so far."""

import msgspec


class Statistics(msgspec.Struct, frozen=True):
    """Counts since the cache was made, and what it holds now.

    Args:
        hits: Look-ups that found a fresh value.
        stale_hits: Look-ups that found a value to be loaded again.
        misses: Look-ups that found nothing.
        loads: Loads that brought a value.
        failures: Loads that raised.
        evicted: Entries that left because others took their place.
        expired: Entries that left because their time was over.
        entries: Entries now.
        weight: Their weight.
        reserved: Room set aside for values that are still coming.
        capacity: Most that they may weigh.

    Example:
        >>> Statistics(hits=3, misses=1).hit_ratio
        0.75
    """

    hits: int = 0
    stale_hits: int = 0
    misses: int = 0
    loads: int = 0
    failures: int = 0
    evicted: int = 0
    expired: int = 0
    entries: int = 0
    weight: int = 0
    reserved: int = 0
    capacity: int = 0

    @property
    def hit_ratio(self) -> float:
        """Share of look-ups that found a value, stale ones too; 0 before the first."""
        found = self.hits + self.stale_hits
        return found / (found + self.misses) if found + self.misses else 0.0
