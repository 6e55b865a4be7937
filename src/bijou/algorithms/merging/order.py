"""Which end of a sorted list comes first, ascending or descending."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple


class Order(NamedTuple):
    """How lists in ascending order are cut, so that what comes first is taken first.

    Lists are kept ascending for both directions, for then one bisection of C
    serves both; descending, they are used from their end. Items are asked for
    `<` only, as `sort` asks.
    """

    through: Callable[[list[Any], Any], int]
    """Where to cut so that all that does not come after a key is taken."""
    before: Callable[[list[Any], Any], int]
    """Where to cut so that only what comes before a key is taken."""
    take: Callable[[list[Any], int], list[Any]]
    """Remove what comes before a cut, and return it in the order asked for."""
    first: int
    last: int
    reverse: bool

    def ascending(self, items: list[Any]) -> list[Any]:
        """Turn items in the order asked for, in place, into what `take` takes from."""
        if self.reverse:
            items.reverse()
        return items


def _take_front(items: list[Any], cut: int) -> list[Any]:
    taken = items[:cut]
    del items[:cut]
    return taken


def _take_end(items: list[Any], cut: int) -> list[Any]:
    taken = items[cut:]
    del items[cut:]
    taken.reverse()
    return taken


ASCENDING = Order(bisect_right, bisect_left, _take_front, first=0, last=-1, reverse=False)
DESCENDING = Order(bisect_left, bisect_right, _take_end, first=-1, last=0, reverse=True)
