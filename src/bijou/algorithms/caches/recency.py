"""The least recently used leaves: three ways to keep the order."""

from collections import OrderedDict
from collections.abc import Iterator

from bijou.algorithms.caches.policy import Entry, K, Policy, V
from bijou.algorithms.caches.rings import LinkedEntry, Ring


class Lru(Policy[K, LinkedEntry[K, V]]):
    """The least recently used leaves; a doubly linked ring keeps the order.

    Wins where popularity drifts. Loses everything to one long scan, and never
    hits in a loop that is longer than the cache.

    Cost: O(1); two references an entry.
    """

    def __init__(self) -> None:
        super().__init__(LinkedEntry)
        self._order: Ring[LinkedEntry[K, V]] = Ring()

    def insert(self, entry: LinkedEntry[K, V]) -> None:
        """Take in as the most recent."""
        self._index[entry.key] = entry
        self._order.append(entry)

    def touch(self, entry: LinkedEntry[K, V]) -> None:
        """Make it the most recent."""
        self._order.renew(entry)

    def remove(self, entry: LinkedEntry[K, V]) -> None:
        """Let go of it."""
        del self._index[entry.key]
        self._order.unlink(entry)

    def evict(self) -> LinkedEntry[K, V]:
        """Let go of the least recent."""
        entry: LinkedEntry[K, V] = self._order.head.after
        self.remove(entry)
        return entry

    def __iter__(self) -> Iterator[LinkedEntry[K, V]]:
        return iter(self._order)


class ForwardEntry(Entry[K, V]):
    """An entry that knows only who came after it."""

    __slots__ = ("after",)
    after: "ForwardEntry[K, V] | None"


class SinglyLinkedLru(Policy[K, ForwardEntry[K, V]]):
    """The least recently used leaves; a singly linked list keeps the order.

    To take an entry out one must reach its predecessor, so the index maps each
    key to that, and moving one entry changes the index in two places. It saves
    one reference an entry and pays for it on every hit; here as the proof that
    it can be done, and as a row of the benchmark.

    Cost: O(1); one reference an entry.
    """

    def __init__(self) -> None:
        super().__init__(ForwardEntry)
        self._head: ForwardEntry[K, V] = ForwardEntry.__new__(ForwardEntry)
        self._head.after = None
        self._newest = self._head
        self.find = self._find

    def insert(self, entry: ForwardEntry[K, V]) -> None:
        """Take in as the most recent."""
        entry.after = None
        self._index[entry.key] = self._newest
        self._newest.after = entry
        self._newest = entry

    def touch(self, entry: ForwardEntry[K, V]) -> None:
        """Make it the most recent."""
        if entry is not self._newest:
            self.remove(entry)
            self.insert(entry)

    def remove(self, entry: ForwardEntry[K, V]) -> None:
        """Let go of it: its predecessor becomes that of its successor."""
        before, after = self._index.pop(entry.key), entry.after
        before.after = after
        if after is None:
            self._newest = before
        else:
            self._index[after.key] = before

    def evict(self) -> ForwardEntry[K, V]:
        """Let go of the least recent."""
        entry = next(iter(self))
        self.remove(entry)
        return entry

    def __iter__(self) -> Iterator[ForwardEntry[K, V]]:
        entry = self._head.after
        while entry is not None:
            yield entry
            entry = entry.after

    def _find(self, key: K) -> ForwardEntry[K, V] | None:
        before = self._index.get(key)
        return None if before is None else before.after


class OrderedLru(Policy[K, Entry[K, V]]):
    """The least recently used leaves; C's OrderedDict keeps the order.

    The fastest of the three in CPython, because its list is C's, and the
    heaviest: the dictionary keeps nodes and a second table beside its entries.

    Cost: O(1); what OrderedDict takes.
    """

    def __init__(self) -> None:
        super().__init__(Entry)
        self._order: OrderedDict[K, Entry[K, V]] = OrderedDict()
        self._index = self._order
        self.find = self._order.get

    def insert(self, entry: Entry[K, V]) -> None:
        """Take in as the most recent."""
        self._order[entry.key] = entry

    def touch(self, entry: Entry[K, V]) -> None:
        """Make it the most recent."""
        self._order.move_to_end(entry.key)

    def remove(self, entry: Entry[K, V]) -> None:
        """Let go of it."""
        del self._order[entry.key]

    def evict(self) -> Entry[K, V]:
        """Let go of the least recent."""
        return self._order.popitem(last=False)[1]
