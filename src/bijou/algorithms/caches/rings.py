"""Rings of entries that are linked through themselves: O(1) in the middle, no nodes beside."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from bijou.algorithms.caches.policy import Entry, K, V


class LinkedEntry(Entry[K, V]):
    """An entry that knows its neighbours in a ring."""

    __slots__ = ("after", "before")
    after: Any
    before: Any


L = TypeVar("L", bound=LinkedEntry[Any, Any])


class Ring(Generic[L]):
    """Entries in order, oldest first; an entry is in one ring at most.

    A sentinel closes the ring, so that no end is special.

    Cost: O(1) a call; the two fields of `LinkedEntry`.
    """

    __slots__ = ("head",)

    def __init__(self) -> None:
        head: LinkedEntry[Any, Any] = LinkedEntry.__new__(LinkedEntry)
        head.after = head.before = head
        self.head = head

    def append(self, entry: L) -> None:
        """Add as the newest."""
        head = self.head
        last = head.before
        entry.before, entry.after = last, head
        last.after = head.before = entry

    @staticmethod
    def unlink(entry: L) -> None:
        """Take out of whichever ring the entry is in."""
        before, after = entry.before, entry.after
        before.after, after.before = after, before

    def renew(self, entry: L) -> None:
        """Make an entry that is here the newest."""
        before, after = entry.before, entry.after
        before.after, after.before = after, before
        head = self.head
        last = head.before
        entry.before, entry.after = last, head
        last.after = head.before = entry

    def oldest(self) -> L | None:
        """Return the entry that was added first, or None where there is none."""
        head = self.head
        return None if head.after is head else head.after

    def __iter__(self) -> Iterator[L]:
        entry = self.head.after
        while entry is not self.head:
            yield entry
            entry = entry.after


class PlacedEntry(LinkedEntry[K, V]):
    """An entry that knows its part of the cache."""

    __slots__ = ("part",)
    part: "Part[Any]"


P = TypeVar("P", bound=PlacedEntry[Any, Any])


class Part(Ring[P]):
    """A ring that knows what its entries weigh, and that they know."""

    __slots__ = ("weight",)

    def __init__(self) -> None:
        super().__init__()
        self.weight = 0

    def take_in(self, entry: P) -> None:
        """Add as the newest an entry that is in no part."""
        entry.part = self
        self.append(entry)
        self.weight += entry.weight

    def let_go(self, entry: P) -> None:
        """Take out an entry that is here."""
        self.unlink(entry)
        self.weight -= entry.weight

    def move_to(self, part: "Part[P]", entry: P) -> None:
        """Take out an entry that is here, and make it the newest of another part."""
        self.let_go(entry)
        part.take_in(entry)

    def reweigh(self, entry: P, weight: int) -> None:
        """Change the weight of an entry that is here."""
        self.weight += weight - entry.weight
        entry.weight = weight
