"""What would expire first leaves first."""

from bijou.algorithms.caches.deadlines import Deadlines
from bijou.algorithms.caches.policy import Entry, K, Policy, V


class DatedEntry(Entry[K, V]):
    """An entry that remembers under which deadline it was noted."""

    __slots__ = ("noted_ns",)
    noted_ns: int


class SoonestExpiry(Policy[K, DatedEntry[K, V]]):
    """The entry that would expire first leaves first; hits change nothing.

    For values that are worth what is left of their time, such as tokens. Of
    those that expire at once, or never, any may leave.

    Cost: O(log n).
    """

    def __init__(self) -> None:
        super().__init__(DatedEntry)
        self._deadlines: Deadlines[K] = Deadlines(self)

    def insert(self, entry: DatedEntry[K, V]) -> None:
        """Take in by its deadline."""
        self._index[entry.key] = entry
        self._note(entry)

    def touch(self, entry: DatedEntry[K, V]) -> None:
        """Note a new deadline, where the value was replaced."""
        if entry.noted_ns != entry.gone_ns:
            self._note(entry)

    def remove(self, entry: DatedEntry[K, V]) -> None:
        """Let go of it."""
        del self._index[entry.key]

    def evict(self) -> DatedEntry[K, V]:
        """Let go of the one that is due first."""
        entry: DatedEntry[K, V] = self._deadlines.soonest()
        self.remove(entry)
        return entry

    def _note(self, entry: DatedEntry[K, V]) -> None:
        entry.noted_ns = entry.gone_ns
        self._deadlines.note(entry)
