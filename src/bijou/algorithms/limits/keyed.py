"""A limiter a key: many subjects under one rule, few locks, bounded memory."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from bijou.algorithms.limits.claims import Claim
from bijou.algorithms.limits.decision import Decision
from bijou.algorithms.limits.limiter import LONG_AGO_NS, Limiter, integer

K = TypeVar("K", bound=Hashable)


class KeyedLimits(Generic[K]):
    """The same limit for every key, made when a key is first admitted.

    A key is dropped only when its limiter equals a new one, so no flood of
    other keys resets a limit. Past `most_keys`, keys not in the table share
    one spare limiter a shard: they may be denied early, never let through
    twice. For that, a call that names an earlier time than that at which a
    shard last dropped a key, and whose key is not in the table, is decided as
    if made then.

    Cost: that of the limiter and a dictionary's look-up; each new key pays for
    examining two old ones, so the table holds about twice the keys that are
    live. `sweep` gives memory back at once.
    Threads: safe; a key's shard has one lock, and a full limiter denies
    without it.

    Args:
        make: Makes a limiter around the lock that it is given.
        most_keys: Keys held at once, spread over the shards, or None for all.
        shards: Locks, rounded up to a power of two.

    Raises:
        ValueError: `most_keys` or `shards` is below 1.

    Example:
        >>> from functools import partial
        >>> from bijou.algorithms.limits import SlidingWindowLog
        >>> per_address = KeyedLimits(partial(SlidingWindowLog, 1, 10))
        >>> [per_address.admit(key, now_ns=0).allowed for key in ("a", "a", "b")]
        [True, False, True]
        >>> per_address.sweep(now_ns=10), len(per_address)
        (2, 0)
    """

    def __init__(
        self, make: Callable[[Lock], Limiter], *, most_keys: int | None = None, shards: int = 16
    ) -> None:
        if shards < 1 or (most_keys is not None and most_keys < 1):
            raise ValueError(f"shards {shards} and most_keys {most_keys} must be at least 1")
        size = 1 << (shards - 1).bit_length()
        most = None if most_keys is None else -(-most_keys // size)
        # One dictionary, so that a known key is one look-up away; only those who hold a key's lock change it.
        self._limiters: dict[K, Limiter] = {}
        self._shards: list[_Shard[K]] = [_Shard(make, self._limiters, most) for _ in range(size)]
        self._mask = size - 1

    def admit(self, key: K, now_ns: int, cost: int = 1) -> Decision:
        """Let the key's request pass and charge it, or say when it would.

        Raises:
            ValueError: `cost` can never pass.
            TypeError: `now_ns` or `cost` is no integer; a denial that still stands is repeated unchecked.
        """
        limiter = self._limiters.get(key)
        if limiter is not None:
            closed = limiter.closed
            if now_ns < closed[0] and cost == 1:
                return limiter.deny_again(closed, now_ns)
            with limiter.lock:
                if not limiter.dropped:
                    return limiter.charge(now_ns, cost)
        return self._admit_newcomer(key, now_ns, cost)

    def peek(self, key: K, now_ns: int, cost: int = 1) -> Decision:
        """Return what `admit` would answer, and charge nothing."""
        shard = self._shards[hash(key) & self._mask]
        with shard.lock:
            return shard.find(key, now_ns).inspect(now_ns, cost)

    def claim(self, key: K, cost: int = 1) -> Claim:
        """Return the key's part in an `admit_all`."""
        shard = self._shards[hash(key) & self._mask]
        return Claim(shard.lock, shard, key, cost)

    def sweep(self, now_ns: int) -> int:
        """Drop every key whose limiter equals a new one; return how many.

        Cost: O(keys), one shard locked at a time.
        """
        return sum(shard.sweep(now_ns) for shard in self._shards)

    def __len__(self) -> int:
        return len(self._limiters)

    def __contains__(self, key: K) -> bool:
        return key in self._limiters

    def _admit_newcomer(self, key: K, now_ns: int, cost: int) -> Decision:
        shard = self._shards[hash(key) & self._mask]
        with shard.lock:
            limiter = shard.find(key, now_ns)
            decision = limiter.charge(now_ns, cost)
            shard.keep(key, limiter)
            return decision


class _Shard(Generic[K]):
    """The keys of one lock; but for `sweep`, the caller holds it."""

    __slots__ = ("_dropped_ns", "_keys", "_limiters", "_make", "_most", "_spare", "lock")

    def __init__(self, make: Callable[[Lock], Limiter], limiters: dict[K, Limiter], most: int | None) -> None:
        self.lock = Lock()
        self._limiters = limiters
        self._make = make
        self._most = most
        self._spare = make(self.lock)
        self._dropped_ns = LONG_AGO_NS  # the newest time at which a key was dropped
        self._keys: deque[K] = deque()  # those of this shard, the longest unexamined first

    def find(self, key: K, now_ns: int, beside: Iterable[Limiter] = ()) -> Limiter:
        """Return the key's limiter, or a new one, or the spare one where there is no room `beside` others."""
        limiter = self._limiters.get(key)
        if limiter is not None:
            return limiter
        now_ns = integer("now_ns", now_ns)
        self._examine(now_ns)
        self._examine(now_ns)
        if self._is_full(now_ns, beside):
            limiter = self._spare
        else:
            limiter = self._make(self.lock)
            limiter.dropped = True  # until it is kept
        # What the key did before it was dropped was forgotten at that time, not earlier.
        limiter.not_before(self._dropped_ns)
        return limiter

    def keep(self, key: K, limiter: Limiter) -> None:
        if limiter is not self._spare and self._limiters.get(key) is not limiter:
            limiter.dropped = False
            self._limiters[key] = limiter
            self._keys.append(key)

    def sweep(self, now_ns: int) -> int:
        now_ns = integer("now_ns", now_ns)
        with self.lock:
            before = len(self._keys)
            for _ in range(before):
                self._examine(now_ns)
            return before - len(self._keys)

    def _examine(self, now_ns: int) -> None:
        """Drop the next key in turn if its limiter equals a new one."""
        if not self._keys:
            return
        key = self._keys.popleft()
        limiter = self._limiters[key]
        if limiter.is_idle(now_ns):
            limiter.dropped = True
            del self._limiters[key]
            self._dropped_ns = max(self._dropped_ns, now_ns)
        else:
            self._keys.append(key)

    def _is_full(self, now_ns: int, beside: Iterable[Limiter]) -> bool:
        # A key that was charged to the spare limiter stays there until that one equals a new one.
        if not self._spare.is_idle(now_ns):
            return True
        if self._most is None:
            return False
        return len(self._keys) + sum(limiter.dropped for limiter in beside) >= self._most
