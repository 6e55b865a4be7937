"""One of the runs being merged: what was read of it and not yet handed out."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from bijou.algorithms.merging.order import Order

_FIRST_READ = 32
_GROWTH = 4

Piece = tuple[list[Any], list[Any]]
"""Keys and their values; one and the same list where no key was asked for."""

Read = tuple[list[Any], list[Any], bool, Exception | None]
"""Keys, values, whether more follow (a failure counts), and the failure."""


class Reading(NamedTuple):
    """How all runs of a merge are read."""

    order: Order
    key: Callable[[Any], Any] | None
    read_ahead: int


class Run:
    """Items read ahead and not yet handed out, and where more come from.

    Reads grow from one to the next. An error of the source or of the key waits
    until what came before it has been handed out.
    """

    __slots__ = ("_low", "_reading", "_size", "failure", "keys", "more", "source", "values")

    def __init__(self, first: Read, source: Iterator[Any], reading: Reading) -> None:
        self.source = source
        self.keys: list[Any] = []
        self.values: list[Any] = []
        self._reading = reading
        self._size = _FIRST_READ
        self._add(first)

    def take(self, cut: int) -> Piece:
        """Hand out keys and values up to a cut of the keys."""
        order = self._reading.order
        if cut == (0 if order.reverse else len(self.keys)):
            return self.take_all()
        keys = order.take(self.keys, cut)
        return keys, keys if self.values is self.keys else order.take(self.values, cut)

    def take_one(self) -> Piece:
        """Hand out the first key and value."""
        return self.take(len(self.keys) - 1 if self._reading.order.reverse else 1)

    def take_all(self) -> Piece:
        """Hand out all keys and values that were read."""
        keys, values = self.keys, self.values
        self.keys = self.values = []
        if self._reading.order.reverse:
            keys.reverse()
            if values is not keys:
                values.reverse()
        return keys, values

    def is_low(self) -> bool:
        """Tell whether so little is left that the next read is due."""
        return self.more and self.failure is None and len(self.keys) < self._low

    def refill(self) -> None:
        """Read on; keep an error for its turn."""
        self._add(_read([], [], self.source, self._size, self._reading.key))

    def _add(self, new: Read) -> None:
        keys, values, self.more, self.failure = new
        # Below half a read the next is due, so that no round hands out a mere few.
        self._low = self._size + 1 >> 1
        self._size = min(self._size * _GROWTH, self._reading.read_ahead)
        self.keys = self._joined(self.keys, keys)
        self.values = self.keys if values is keys else self._joined(self.values, values)

    def _joined(self, held: list[Any], new: list[Any]) -> list[Any]:
        if self._reading.order.reverse:
            new.reverse()
            new += held
            return new
        if not held:
            return new
        held += new
        return held


def opened(heads: list[list[Any]], reading: Reading) -> dict[int, Run]:
    """Read on from the heads; neighbours that have ended become one run.

    Merged among themselves, and they alone, such neighbours keep the order of
    equal items; and many short runs no longer cost a place in every round.

    Args:
        heads: [rank, key, value, source] of each run, by rank.
    """
    runs: dict[int, Run] = {}
    neighbours: dict[int, list[Piece]] = {}
    ended: list[Piece] | None = None
    for rank, key, value, source in heads:
        new = _read([key], [value], source, _FIRST_READ, reading.key)
        keys, values, more, _ = new
        if more:
            runs[rank] = Run(new, source, reading)
            ended = None
        elif ended is None:
            ended = neighbours[rank] = [(keys, values)]
        else:
            ended.append((keys, values))
    for rank, pieces in neighbours.items():
        values, keys = in_order(pieces, reverse=reading.order.reverse), pieces[0][0]
        if keys is not values:
            keys.sort(reverse=reading.order.reverse)
        runs[rank] = Run((keys, values, False, None), iter(()), reading)
    return runs


def in_order(pieces: list[Piece], *, reverse: bool) -> list[Any]:
    """Sort stably the values of sorted pieces, whose order breaks ties; the first piece takes in all."""
    keys, values = pieces[0]
    if len(pieces) == 1:
        return values
    for more_keys, _ in pieces[1:]:
        keys += more_keys
    if values is keys:
        keys.sort(reverse=reverse)
        return keys
    for _, more_values in pieces[1:]:
        values += more_values
    # Each call takes the next key, whatever value it is called with.
    values.sort(key=partial(next, iter(keys)), reverse=reverse)
    return values


def _read(
    keys: list[Any],
    values: list[Any],
    source: Iterator[Any],
    size: int,
    key: Callable[[Any], Any] | None,
) -> Read:
    """Read at most `size` items more; an error does not lose what came before it."""
    failure = None
    held = len(values)
    try:
        values.extend(islice(source, size))
    except Exception as error:  # noqa: BLE001 - raised in its turn, after the run's last item
        failure = error
    more = len(values) - held == size or failure is not None
    if key is None:
        return values, values, more, failure
    try:
        keys.extend(map(key, values[held:]))
    except Exception as error:  # noqa: BLE001 - as above
        failure, more = error, True
        del values[len(keys) :]
    return keys, values, more, failure
