"""The cache: one interface over any policy, with weights, expiry, loads and statistics."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, NamedTuple, overload

from bijou.algorithms.caches.expiry import Expiry
from bijou.algorithms.caches.miss_ratio import MissRatioCurve
from bijou.algorithms.caches.policy import NEVER_NS, K, Policy, V
from bijou.algorithms.caches.s3fifo import S3Fifo
from bijou.algorithms.caches.shelf import Reason, Shelf
from bijou.algorithms.caches.single_flight import SingleFlight
from bijou.algorithms.caches.statistics import Statistics
from bijou.algorithms.caches.tickets import Ticket, Tickets

_ABSENT: Any = object()
_FOR_EVER = 0, NEVER_NS, NEVER_NS


class Found(NamedTuple, Generic[V]):
    """A cached value, and whether it should be loaded again."""

    value: V
    is_stale: bool


class Cache(Generic[K, V]):
    """Values by key, weighing at most `capacity` together.

    Which entry leaves is the policy's business; everything else is here: what
    a value weighs, how long it lives, that it is loaded once for many callers,
    who is told when it leaves, and how often it was found.

    Cost: that of the policy, plus O(log n) a stored value where there is
    expiry.
    Threads: safe. With policies such as `S3Fifo` and `Sieve` a hit takes no
    lock. `on_leave`, the weigher and loads are called without any lock; what
    they raise reaches whoever made the call. Where several entries leave at
    once, `on_leave` is told of all before its first error is raised.

    Args:
        capacity: Most that all values weigh together, >= 1.
        policy: Which entry leaves, one that serves no other cache; a new `S3Fifo` where None is given.
        weigher: Returns a value's weight, >= 0, from its key and it; 1 for every value if None.
        expiry: Time; without it, values live until they are evicted.
        on_leave: Told key, value and reason after an entry left.
        curve: Where requests are noted, to tell what another capacity would do.

    Raises:
        ValueError: `capacity` < 1, or the policy serves another cache.

    Example:
        >>> cache = Cache[str, bytes](10, weigher=lambda key, value: len(value))
        >>> cache.put("a", b"six by")
        True
        >>> cache.get("a"), cache.get("b")
        (b'six by', None)
        >>> cache.get_or_load("b", lambda key: b"seven b")
        b'seven b'
        >>> cache.get("a"), cache.weight
        (None, 7)
    """

    def __init__(
        self,
        capacity: int,
        policy: Policy[K, Any] | None = None,
        *,
        weigher: Callable[[K, V], int] | None = None,
        expiry: Expiry | None = None,
        on_leave: Callable[[K, V, Reason], object] | None = None,
        curve: MissRatioCurve | None = None,
    ) -> None:
        if not capacity >= 1:  # so that NaN is refused too
            raise ValueError(f"capacity {capacity} must be at least 1")
        self.capacity = capacity
        self.curve = curve
        self._policy: Policy[K, Any] = S3Fifo() if policy is None else policy
        self._shelf: Shelf[K, V] = Shelf(capacity, self._policy, is_watched=on_leave is not None)
        self._find = self._policy.find
        self._locks_hits = self._policy.locks_hits
        self._weigher = weigher
        self._expiry = expiry
        self._on_leave = on_leave
        self._lock = Lock()
        self._tickets: Tickets[K] = Tickets(self._lock)
        self._flights: SingleFlight[Ticket[K], V] = SingleFlight()
        self._hits = self._stale_hits = self._misses = 0
        self._loads = self._failures = 0

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...

    def get(self, key: K, default: V | None = None) -> V | None:
        """Return the fresh value of `key`, or `default`."""
        if self.curve is not None:
            self.curve.note(key)
        if self._locks_hits:
            with self._lock:
                return self._fresh(key, default)
        return self._fresh(key, default)

    def lookup(self, key: K) -> Found[V] | None:
        """Return the value of `key`, fresh or stale, or None where it is absent or gone."""
        if self.curve is not None:
            self.curve.note(key)
        if self._locks_hits:
            with self._lock:
                return self._found(key)
        return self._found(key)

    def put(self, key: K, value: V, *, ttl_ns: int | None = None) -> bool:
        """Store a value; what was stored under the key is no more, whatever comes of it.

        Args:
            key: What to find it by.
            value: What to find.
            ttl_ns: Its own time to live, > 0, in place of the cache's.

        Returns:
            Whether it is cached now: not where it weighs more than the whole
            capacity, or the policy lets it go at once.

        Raises:
            ValueError: a weight below 0, or a time to live below 1 or without `expiry`.
        """
        return self._store(key, value, ttl_ns, None)

    def remove(self, key: K) -> bool:
        """Drop `key` if it is here, and let no load under way bring it back."""
        with self._lock:
            self._tickets.void(key)
            entry = self._find(key)
            if entry is not None:
                self._shelf.drop(entry, Reason.REMOVED)
            left = self._shelf.take_left()
        self._tell(left)
        return entry is not None

    def clear(self) -> None:
        """Drop everything, and let no load under way bring anything back."""
        with self._lock:
            self._tickets.void_all()
            self._shelf.drop_all()
            left = self._shelf.take_left()
        self._tell(left)

    def reserve(self, weight: int) -> bool:
        """Set room aside for values that are still coming; others leave for it.

        Give it back with `unreserve` before the value is put.

        Returns:
            Whether there is so much to be had beside what is set aside already.

        Raises:
            ValueError: `weight` < 0.
        """
        if not weight >= 0:
            raise ValueError(f"weight {weight} to reserve must not be below 0")
        with self._lock:
            is_reserved = self._shelf.reserve(weight, self._now_ns())
            left = self._shelf.take_left()
        self._tell(left)
        return is_reserved

    def unreserve(self, weight: int) -> None:
        """Give back what `reserve` set aside.

        Raises:
            ValueError: `weight` < 0, or more than is set aside.
        """
        with self._lock:
            if not 0 <= weight <= self._shelf.reserved:
                raise ValueError(
                    f"weight {weight} to give back must lie between 0 and {self._shelf.reserved} set aside"
                )
            self._shelf.reserved -= weight

    def expire(self) -> int:
        """Drop what is gone by now, and return how many entries that was.

        Without this call an entry that is gone is not found any more, but
        leaves only when room is needed: before any other.
        """
        with self._lock:
            before = self._shelf.expired
            self._shelf.expire(self._now_ns())
            dropped = self._shelf.expired - before
            left = self._shelf.take_left()
        self._tell(left)
        return dropped

    def get_or_load(
        self,
        key: K,
        load: Callable[[K], V],
        *,
        ttl_ns: int | None = None,
        spawn: Callable[[Callable[[], None]], object] | None = None,
    ) -> V:
        """Return the value of `key`, loading it where it is absent: once for all who ask meanwhile.

        A stale value is returned at once and loaded again by one caller: in
        the background where `spawn` is given, else by the caller who came
        first, who waits. If that load fails, the stale value stays until it is
        gone, and the failure is counted.

        Args:
            key: What to find it by.
            load: Returns the value of a key. It may use the cache for other keys.
            ttl_ns: The loaded value's own time to live.
            spawn: Runs a function elsewhere, such as an executor's `submit`.

        Raises:
            Exception: what `load` raised; all who waited get it, nobody later.
            RuntimeError: `load` asked for its own key, or for one whose load
                waits, itself or through others, for the key of this one.
        """
        found = self.lookup(key)
        if found is not None and not found.is_stale:
            return found.value
        ticket = self.hold(key, only_first=found is not None)
        if ticket is None:
            assert found is not None
            return found.value

        if found is None:
            return self._fly(ticket, load, ttl_ns)

        def refresh() -> None:
            with suppress(Exception):  # counted where it was raised
                self._fly(ticket, load, ttl_ns)

        if spawn is None:
            refresh()
            return self._peek(key, found.value)
        try:
            spawn(refresh)
        except Exception:
            self.release(ticket)
            raise
        return found.value

    def hold(self, key: K, *, only_first: bool = False) -> Ticket[K] | None:
        """Return the right to store what a load of `key` will bring; for whoever loads by other means.

        Each ticket held must be given back with `release`.

        Args:
            key: What will be loaded.
            only_first: Return None where somebody holds the key's ticket already.
        """
        return self._tickets.hold(key, only_first=only_first)

    def release(self, ticket: Ticket[K]) -> None:
        """Give a ticket back."""
        self._tickets.release(ticket)

    def fill(self, ticket: Ticket[K], value: V, *, ttl_ns: int | None = None) -> bool:
        """Store what a load brought, unless its key was written or removed meanwhile.

        Nothing is stored either once all who held the ticket have released it.

        Returns:
            Whether it is cached now.
        """
        with self._lock:
            self._loads += 1
        return self._store(ticket.key, value, ttl_ns, ticket)

    def note_failure(self) -> None:
        """Count a load that raised."""
        with self._lock:
            self._failures += 1

    def statistics(self) -> Statistics:
        """Return counts since the cache was made, and what it holds now.

        Hits that took no lock are counted without one, too: an interpreter
        without a global lock may lose some.
        """
        with self._lock:
            return Statistics(
                hits=self._hits,
                stale_hits=self._stale_hits,
                misses=self._misses,
                loads=self._loads,
                failures=self._failures,
                evicted=self._shelf.evicted,
                expired=self._shelf.expired,
                entries=len(self._policy),
                weight=self._shelf.weight,
                reserved=self._shelf.reserved,
                capacity=self.capacity,
            )

    @property
    def weight(self) -> int:
        """What all values weigh together now."""
        # Under the lock: within it a newcomer is here before whom it ousts has left.
        with self._lock:
            return self._shelf.weight

    def __len__(self) -> int:
        with self._lock:
            return len(self._policy)

    def __contains__(self, key: K) -> bool:
        return self._peek(key, _ABSENT) is not _ABSENT

    def _fresh(self, key: K, default: V | None) -> V | None:
        entry = self._find(key)
        if entry is None or (self._expiry is not None and entry.stale_ns <= self._expiry.clock_ns()):
            self._misses += 1
            return default
        # Read after the deadline, which writers set last: no old value looks fresh.
        value: V = entry.value
        self._policy.touch(entry)
        self._hits += 1
        return value

    def _found(self, key: K) -> Found[V] | None:
        now_ns = self._now_ns()
        entry = self._find(key)
        if entry is None or entry.gone_ns <= now_ns:
            self._misses += 1
            return None
        is_stale = entry.stale_ns <= now_ns
        value: V = entry.value
        self._policy.touch(entry)
        if is_stale:
            self._stale_hits += 1
        else:
            self._hits += 1
        return Found(value, is_stale)

    def _peek(self, key: K, default: V) -> V:
        """Return the fresh value without a trace in order and statistics."""
        with self._lock:
            entry = self._find(key)
            if entry is None or entry.stale_ns <= self._now_ns():
                return default
            value: V = entry.value
            return value

    def _fly(self, ticket: Ticket[K], load: Callable[[K], V], ttl_ns: int | None) -> V:
        try:
            return self._flights.run(ticket, lambda ticket: self._load(ticket, load, ttl_ns))
        finally:
            self.release(ticket)

    def _load(self, ticket: Ticket[K], load: Callable[[K], V], ttl_ns: int | None) -> V:
        # Somebody may have stored it between our look-up and this call being ours to make.
        stored = self._peek(ticket.key, _ABSENT)
        if stored is not _ABSENT:
            return stored
        try:
            value = load(ticket.key)
        except Exception:
            self.note_failure()
            raise
        self.fill(ticket, value, ttl_ns=ttl_ns)
        return value

    def _store(self, key: K, value: V, ttl_ns: int | None, ticket: Ticket[K] | None) -> bool:
        weight = 1 if self._weigher is None else self._weigh(key, value)
        now_ns, stale_ns, gone_ns = _FOR_EVER
        if self._expiry is not None or ttl_ns is not None:
            now_ns, stale_ns, gone_ns = self._lifetime(key, ttl_ns)
        with self._lock:
            if ticket is None:
                self._tickets.void(key)
            elif ticket.is_void:
                return False
            stored = self._shelf.write(key, value, weight, stale_ns=stale_ns, gone_ns=gone_ns, now_ns=now_ns)
            left = self._shelf.take_left()
        self._tell(left)
        return stored

    def _weigh(self, key: K, value: V) -> int:
        assert self._weigher is not None
        weight = self._weigher(key, value)
        if not weight >= 0:
            raise ValueError(f"weight {weight} of {key!r} must not be below 0")
        return weight

    def _lifetime(self, key: K, ttl_ns: int | None) -> tuple[int, int, int]:
        """Return now, and when what is stored now will be stale and gone."""
        if self._expiry is None or (ttl_ns is not None and ttl_ns < 1):
            raise ValueError(
                f"ttl_ns {ttl_ns} of {key!r} must be at least 1, in a cache that has an `expiry`"
            )
        now_ns = self._expiry.clock_ns()
        return now_ns, *self._expiry.deadlines(now_ns, ttl_ns)

    def _now_ns(self) -> int:
        return 0 if self._expiry is None else self._expiry.clock_ns()

    def _tell(self, left: Iterable[tuple[K, V, Reason]]) -> None:
        if self._on_leave is None:
            return
        leaving = iter(left)
        try:
            for each in leaving:
                self._on_leave(*each)
        except Exception:
            for each in leaving:
                with suppress(Exception):  # the first error speaks for all
                    self._on_leave(*each)
            raise
