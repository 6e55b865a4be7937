"""Runs waiting in the order of one key each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from bijou.algorithms.merging.order import Order

_BULK = 8


class Queue:
    """Ranks in the order of their keys; of equal keys the lower rank first.

    Two flat lists, not a heap: finding and cutting are bisections of bare keys
    in C, and all up to a key leave with one slice.

    Cost: O(log K) comparisons and a move of O(K) pointers to put one in;
    O(K log K) comparisons at most to put many in.
    """

    __slots__ = ("_keys", "_order", "_ranks")

    def __init__(self, order: Order, entries: Iterable[tuple[Any, int]]) -> None:
        self._order = order
        self._keys: list[Any] = []
        self._ranks: list[int] = []
        self.put(list(entries))

    def __len__(self) -> int:
        return len(self._keys)

    def first(self) -> tuple[Any, int]:
        """Return the key and the rank that come first."""
        return self._keys[self._order.first], self._signed(self._ranks[self._order.first])

    def put(self, entries: list[tuple[Any, int]]) -> None:
        """Let ranks wait by their keys."""
        if len(entries) * _BULK > len(self._keys):
            self._rebuild(entries)
            return
        for key, rank in entries:
            at = self._place(key, rank)
            self._keys.insert(at, key)
            self._ranks.insert(at, self._signed(rank))

    def drop(self, key: Any, rank: int) -> None:
        """Let a rank no longer wait."""
        at = self._place(key, rank)
        if self._ranks[at : at + 1] != [self._signed(rank)]:
            at = self._ranks.index(self._signed(rank))  # keys without an order, such as NaN
        del self._keys[at], self._ranks[at]

    def take_through(self, key: Any, rank: int) -> list[int]:
        """Remove and return the ranks that do not come after `key` and `rank`."""
        at = self._place(key, rank)
        if at < len(self._ranks) and self._ranks[at] == self._signed(rank):
            at += not self._order.reverse
        self._order.take(self._keys, at)
        return [self._signed(taken) for taken in self._order.take(self._ranks, at)]

    def take_one(self) -> list[int]:
        """Remove and return the rank that comes first."""
        rank = self.first()[1]
        del self._keys[self._order.first], self._ranks[self._order.first]
        return [rank]

    def _place(self, key: Any, rank: int) -> int:
        start = bisect_left(self._keys, key)
        stop = bisect_right(self._keys, key, start)
        return bisect_left(self._ranks, self._signed(rank), start, stop)

    def _rebuild(self, entries: list[tuple[Any, int]]) -> None:
        """Sort by rank and then, stably, by key: keys are asked for `<` only."""
        everyone = [*zip(self._keys, self._ranks, strict=True)]
        everyone += [(key, self._signed(rank)) for key, rank in entries]
        everyone.sort(key=itemgetter(1))
        everyone.sort(key=itemgetter(0))
        self._keys = [key for key, _ in everyone]
        self._ranks = [rank for _, rank in everyone]

    def _signed(self, rank: int) -> int:
        """Negate ranks where lists are used from their end, so that lower ones still come first."""
        return -rank if self._order.reverse else rank
