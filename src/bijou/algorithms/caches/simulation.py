"""How policies do on a trace of requests: decide by this, not by a paper's figure."""

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from typing import Any

from bijou.algorithms.caches.policy import Policy

_NEVER = 1 << 62


def simulate(policy: Policy[Any, Any], trace: Sequence[Hashable], capacity: int) -> float:
    """Return the hit ratio of a policy on a trace, each miss storing one entry of weight one.

    Cost: that of the policy a request.

    Args:
        policy: A new one.
        trace: Keys in the order in which they are asked for, at least one.
        capacity: Most entries at once, >= 1.

    Example:
        >>> from bijou.algorithms.caches import Lru
        >>> simulate(Lru(), "abcabc", 2), simulate(Lru(), "abcabc", 3)
        (0.0, 0.5)
    """
    policy.fit(capacity)
    hits = 0
    for key in trace:
        entry = policy.find(key)
        if entry is not None:
            policy.touch(entry)
            hits += 1
        else:
            policy.insert(policy.entry_type(key, None))
            if len(policy) > capacity:
                policy.evict()
    return hits / len(trace)


def best_possible(trace: Sequence[Hashable], capacity: int) -> float:
    """Return the hit ratio of a cache that knows the future; no policy does better.

    It keeps what is asked for soonest, and lets a newcomer pass by that is
    asked for later than all.

    Cost: O(n log n) for n requests.

    Source: L. Belady, "A study of replacement algorithms for a virtual-storage
        computer", IBM Systems Journal, 1966.

    Example:
        >>> best_possible("abcabc", 2)
        0.3333333333333333
    """
    later = _next_requests(trace)
    kept: set[Hashable] = set()
    furthest: list[tuple[int, int, Hashable]] = []
    hits = 0
    for now, key in enumerate(trace):
        hits += key in kept
        kept.add(key)
        heappush(furthest, (-later[now], now, key))
        # What an earlier request noted is nearer than all that is to come, so the top is true.
        while len(kept) > capacity:
            kept.remove(heappop(furthest)[2])
    return hits / len(trace)


def _next_requests(trace: Sequence[Hashable]) -> list[int]:
    later = [_NEVER] * len(trace)
    upcoming: dict[Hashable, int] = {}
    for now in range(len(trace) - 1, -1, -1):
        later[now] = upcoming.get(trace[now], _NEVER)
        upcoming[trace[now]] = now
    return later
