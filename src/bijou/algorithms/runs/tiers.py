"""Which runs to merge: those of one size."""

from collections.abc import Sequence
from math import sqrt


def runs_due(sizes_bytes: Sequence[int], *, least_bytes: int, fan_in: int) -> int:
    """Return how many of the newest runs to merge into one now; 0 says none.

    A run's tier says how many times it has been merged: each is `fan_in` times
    the size of the one before, and the border lies half-way, for runs shrink
    where keys repeat. Once a tier holds `fan_in` runs they become one, with all
    newer ones, for only neighbours in age may be merged.

    Cost: O(runs). So every entry is written O(log n) times to the base of
    `fan_in`, and a tier keeps fewer than `fan_in` runs for reads to ask.
    Threads: safe.

    Args:
        sizes_bytes: The newest first.
        least_bytes: What a run has that comes from memory, > 0.
        fan_in: > 1.

    Source: O'Neil and others, "The log-structured merge-tree", 1996; size
        tiers as in Cassandra.

    Example:
        >>> runs_due([10, 11, 9, 45], least_bytes=10, fan_in=4)
        0
        >>> runs_due([10, 11, 9, 10, 45], least_bytes=10, fan_in=4)
        4
    """
    held, limit_bytes = 0, least_bytes * sqrt(fan_in)
    for number, size_bytes in enumerate(sizes_bytes):
        while size_bytes >= limit_bytes:
            if held >= fan_in:
                return number
            held, limit_bytes = 0, limit_bytes * fan_in
        held += 1
    return len(sizes_bytes) if held >= fan_in else 0
