"""What a cache holds: entries in a policy's order, within a weight and a time."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Generic

from bijou.algorithms.caches.deadlines import Deadlines
from bijou.algorithms.caches.policy import NEVER_NS, K, Policy, V


class Reason(StrEnum):
    """Why a value left."""

    EVICTED = "evicted"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REMOVED = "removed"


class Shelf(Generic[K, V]):
    """The entries of one cache; its callers hold the cache's lock.

    Args:
        capacity: Most that all entries weigh together.
        policy: Which entry leaves.
        is_watched: Keep who left, until `take_left` asks for them.
    """

    def __init__(self, capacity: int, policy: Policy[K, Any], *, is_watched: bool) -> None:
        policy.fit(capacity)
        self._is_watched = is_watched
        self._has_deadlines = False
        self.policy = policy
        self.capacity = capacity
        self.weight = self.reserved = 0
        self.evicted = self.expired = 0
        self._left: list[tuple[K, V, Reason]] = []
        self._deadlines: Deadlines[K] = Deadlines(policy)

    def write(self, key: K, value: V, weight: int, *, stale_ns: int, gone_ns: int, now_ns: int) -> bool:
        """Store a value in place of the key's last one; tell whether it is here afterwards."""
        entry = self.policy.find(key)
        if weight > self.capacity - self.reserved:
            if entry is not None:
                self.drop(entry, Reason.REPLACED)
            return False
        if entry is None:
            entry = self.policy.entry_type(key, value, weight, stale_ns, gone_ns)
            self.policy.insert(entry)
            self.weight += weight
        else:
            if self._is_watched:
                self._left.append((key, entry.value, Reason.REPLACED))
            self.weight += weight - entry.weight
            self.policy.reweigh(entry, weight)
            # In this order: a reader without the lock looks at the deadline first, then at the value.
            entry.value, entry.stale_ns, entry.gone_ns = value, stale_ns, gone_ns
            self.policy.touch(entry)
        if gone_ns != NEVER_NS:
            self._has_deadlines = True
            self._deadlines.note(entry)
        if self.weight + self.reserved > self.capacity:
            self._make_room(now_ns)
            return self.policy.find(key) is entry
        return True

    def reserve(self, weight: int, now_ns: int) -> bool:
        """Set room aside; tell whether there is so much to be had."""
        if weight > self.capacity - self.reserved:
            return False
        self.reserved += weight
        self._make_room(now_ns)
        return True

    def drop(self, entry: Any, reason: Reason) -> None:
        """Let go of an entry that is here."""
        self.policy.remove(entry)
        self._leave(entry, reason)

    def drop_all(self) -> None:
        """Let go of every entry."""
        for entry in list(self.policy):
            self.drop(entry, Reason.REMOVED)

    def expire(self, now_ns: int) -> None:
        """Let go of what is gone by now."""
        while (entry := self._due(now_ns)) is not None:
            self.drop(entry, Reason.EXPIRED)

    def take_left(self) -> Sequence[tuple[K, V, Reason]]:
        """Return who left since the last call, in order."""
        if not self._left:
            return ()
        left, self._left = self._left, []
        return left

    def _make_room(self, now_ns: int) -> None:
        while self.weight + self.reserved > self.capacity:
            due = self._due(now_ns) if self._has_deadlines else None
            if due is not None:
                self.drop(due, Reason.EXPIRED)
            else:
                self._leave(self.policy.evict(), Reason.EVICTED)

    def _due(self, now_ns: int) -> Any:
        entry = self._deadlines.soonest()
        return entry if entry is not None and entry.gone_ns <= now_ns else None

    def _leave(self, entry: Any, reason: Reason) -> None:
        self.weight -= entry.weight
        self.evicted += reason is Reason.EVICTED
        self.expired += reason is Reason.EXPIRED
        if self._is_watched:
            self._left.append((entry.key, entry.value, reason))
