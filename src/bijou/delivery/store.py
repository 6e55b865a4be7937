"""Objects in memory, bounded by bytes; the least recently used goes first."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

V = TypeVar("V")

OVERHEAD_BYTES: Final = 1024
"""What an object costs besides its body: key, head, dictionary entry."""


class Store(Generic[V]):
    """Values by key, of which no more is kept than fits.

    Room can be held for a value that is still coming, so that many of them
    at once stay within the bound too.

    Invariant: `used_bytes` + `held_bytes` <= `capacity_bytes`.
    Cost: amortised O(1) a call.
    Threads: one event loop.

    Args:
        capacity_bytes: >= 0; each value costs its size and 1 KiB.

    Example:
        >>> store = Store[str](capacity_bytes=5000)
        >>> [store.put(key, key, 1000) for key in "ab"], store.get("a")
        ([True, True], 'a')
        >>> store.put("c", "c", 1000), store.get("b"), store.get("a")
        (True, None, 'a')
    """

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self.held_bytes = 0
        self.evictions = 0
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> V | None:
        """Return a value and count it as used."""
        entry = self._values.get(key)
        if entry is None:
            return None
        self._values.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: V, size_bytes: int) -> bool:
        """Keep a value, evicting others; False where it would not fit even alone."""
        self.remove(key)
        cost = size_bytes + OVERHEAD_BYTES
        if not self._make_room(cost):
            return False
        self._values[key] = (value, cost)
        self.used_bytes += cost
        return True

    def hold(self, size_bytes: int) -> bool:
        """Set room aside for a value of that size; False where there is none to be had."""
        cost = size_bytes + OVERHEAD_BYTES
        if not self._make_room(cost):
            return False
        self.held_bytes += cost
        return True

    def release(self, size_bytes: int) -> None:
        """Give back the room that `hold` set aside."""
        self.held_bytes -= size_bytes + OVERHEAD_BYTES

    def remove(self, key: str) -> None:
        """Forget a value; nothing happens where there is none."""
        entry = self._values.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry[1]

    def _make_room(self, cost: int) -> bool:
        if cost > self.capacity_bytes - self.held_bytes:
            return False
        while self.used_bytes + self.held_bytes + cost > self.capacity_bytes:
            _, (_, freed) = self._values.popitem(last=False)
            self.used_bytes -= freed
            self.evictions += 1
        return True
