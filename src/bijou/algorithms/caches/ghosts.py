"""Who left lately: hashes of keys without their values."""

from collections import deque
from collections.abc import Hashable


class Ghosts:
    """The keys that were remembered last, as hashes.

    Two keys with one hash are taken for each other: a policy may then be kinder
    to a newcomer than it meant to, and nothing else happens.

    Cost: O(1) amortised; about 150 bytes a key, whatever its size.
    """

    __slots__ = ("_first", "_stamps", "_waiting")

    def __init__(self) -> None:
        self._stamps: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._first = 0

    def remember(self, key: Hashable, most: int) -> None:
        """Add a key, and forget all but the last `most`."""
        mark = hash(key)
        self._stamps[mark] = self._first + len(self._waiting)
        self._waiting.append(mark)
        while len(self._waiting) > most:
            oldest = self._waiting.popleft()
            if self._stamps.get(oldest) == self._first:
                del self._stamps[oldest]
            self._first += 1

    def recall(self, key: Hashable) -> bool:
        """Tell whether a key is remembered, and forget it."""
        return self._stamps.pop(hash(key), None) is not None

    def __contains__(self, key: Hashable) -> bool:
        return hash(key) in self._stamps

    def __len__(self) -> int:
        return len(self._stamps)
