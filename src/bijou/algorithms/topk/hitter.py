"""What a heavy-hitter summary says of one key."""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Hitter(NamedTuple, Generic[K]):
    """A key and the interval its true count surely lies in.

    Args:
        at_least: No more than the true count.
        at_most: No less than the true count.
    """

    key: K
    at_least: int
    at_most: int


def positive(name: str, value: int) -> int:
    """Return a size that must be 1 or more.

    Raises:
        ValueError: it is less.
    """
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be 1 or more")
    return value
