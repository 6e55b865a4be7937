"""Objects in memory, bounded by bytes; which leaves first is a policy's business."""

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from bijou.algorithms.caches import Cache, Policy, Reason

OVERHEAD_BYTES: Final = 1024
"""What an object costs besides its body: key, head, entries of policy and index."""


class Sized(Protocol):
    """Something with a length in bytes."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the body."""
        ...


V = TypeVar("V", bound=Sized)


class Store(Generic[V]):
    """Values by key, of which no more is kept than fits.

    Room can be held for a value that is still coming, so that many of them
    at once stay within the bound too.

    Invariant: `used_bytes` + `held_bytes` <= `capacity_bytes`.
    Cost: that of the policy.
    Threads: one event loop.

    Args:
        capacity_bytes: >= 0; each value costs its size and 1 KiB.
        policy: Which leaves first; S3-FIFO where None is given.
        on_evicted: Told key and value of what made room for others.
    """

    def __init__(
        self,
        capacity_bytes: int,
        policy: Policy[str, Any] | None = None,
        *,
        on_evicted: Callable[[str, V], object] | None = None,
    ) -> None:
        self.capacity_bytes = capacity_bytes
        self.held_bytes = 0
        self._on_evicted = on_evicted
        self._cache: Cache[str, V] = Cache(
            max(1, capacity_bytes), policy, weigher=_cost, on_leave=self._left if on_evicted else None
        )
        self.get: Callable[[str], V | None] = self._cache.get

    def __len__(self) -> int:
        return len(self._cache)

    @property
    def used_bytes(self) -> int:
        """What values take now."""
        return self._cache.weight

    @property
    def evictions(self) -> int:
        """How many values made room for others."""
        return self._cache.statistics().evicted

    def put(self, key: str, value: V) -> bool:
        """Keep a value, evicting others; False where it is not kept."""
        return self._cache.put(key, value)

    def hold(self, size_bytes: int) -> bool:
        """Set room aside for a value of that size; False where there is none to be had."""
        cost = size_bytes + OVERHEAD_BYTES
        if not self._cache.reserve(cost):
            return False
        self.held_bytes += cost
        return True

    def release(self, size_bytes: int) -> None:
        """Give back the room that `hold` set aside."""
        self.held_bytes -= size_bytes + OVERHEAD_BYTES
        self._cache.unreserve(size_bytes + OVERHEAD_BYTES)

    def remove(self, key: str) -> None:
        """Forget a value; nothing happens where there is none."""
        self._cache.remove(key)

    def _left(self, key: str, value: V, reason: Reason) -> None:
        if reason is Reason.EVICTED and self._on_evicted is not None:
            self._on_evicted(key, value)


def _cost(_key: str, value: Sized) -> int:
    return value.size_bytes + OVERHEAD_BYTES
