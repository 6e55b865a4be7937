"""Rules over columns: one array of answers for many users at once."""

import functools
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from bijou.audience.base_layer import KNOWN
from bijou.audience.cells import FALSE, NO_INTEGER, TRUE, Array, looked_up
from bijou.audience.dimensions import Kind, Registry
from bijou.audience.ordinals import Ordinals
from bijou.audience.rules.nodes import (
    And,
    Const,
    In,
    InAudience,
    Leaf,
    Not,
    Or,
    Range,
    Recency,
    Rule,
    Sequence,
)
from bijou.audience.view import View
from bijou.ports import InvalidRequest

Answers = NDArray[np.bool_]
_LOW: Final = np.uint64(0xFFFFFFFF)
_HIGH: Final = np.uint64(32)
_END_S: Final = (1 << 32) - 1
_FEW: Final = 12  # so many comparisons cost less than to look up


class Frame(Protocol):
    """Some users of a view, in rows of their own."""

    size: int
    view: View

    def column(self, name: str) -> Array:
        """Return the cells of a dimension."""
        ...

    def moments(self, event: str, value: str) -> list[Array]:
        """Return runs of keys; `rows_of` turns their ordinals into rows."""
        ...

    def rows_of(self, ordinals: Ordinals) -> tuple[Array, Answers]:
        """Return the row of each ordinal, and whether it is in the frame at all."""
        ...

    def members(self, audience: str) -> Answers:
        """Tell who is in a built audience."""
        ...


class StridedFrame:
    """The users [start:stop:step] by ordinal: a block of all, or a sample."""

    def __init__(
        self, view: View, start: int, stop: int, step: int = 1, built: Mapping[str, BitMap] | None = None
    ) -> None:
        self.view = view
        self._start, self._stop, self._step = start, min(stop, view.rows), step
        self._built = built or {}
        self._columns: dict[str, Array] = {}
        self.size = len(range(self._start, self._stop, step))

    def column(self, name: str) -> Array:
        """Return the cells of a dimension, read once."""
        if name not in self._columns:
            self._columns[name] = self.view.column(name, self._start, self._stop, self._step)
        return self._columns[name]

    def moments(self, event: str, value: str) -> list[Array]:
        """Return the runs of keys of users from start to stop."""
        return self.view.moments(event, value, self._start, self._stop)

    def rows_of(self, ordinals: Ordinals) -> tuple[Array, Answers]:
        """Return the row of each ordinal; between the steps there is none."""
        places = ordinals.astype(np.int64) - self._start
        if self._step == 1:
            return places, np.ones(len(places), bool)
        return places // self._step, places % self._step == 0

    def members(self, audience: str) -> Answers:
        """Tell who is in a built audience."""
        answers = np.zeros(self._stop - self._start, bool)
        inside = _built(self._built, audience) & BitMap(range(self._start, self._stop))
        answers[_array(inside).astype(np.int64) - self._start] = True
        return answers[:: self._step]


class GatheredFrame:
    """Some users, by their ordinals, which rise."""

    def __init__(self, view: View, ordinals: Ordinals, built: Mapping[str, BitMap] | None = None) -> None:
        self.view = view
        self._ordinals = ordinals
        self._built = built or {}
        self._columns: dict[str, Array] = {}
        self._moments: dict[tuple[str, str], list[Array]] = {}
        self.size = len(ordinals)

    def column(self, name: str) -> Array:
        """Return the cells of a dimension, gathered once."""
        if name not in self._columns:
            self._columns[name] = self.view.gather(name, self._ordinals)
        return self._columns[name]

    def moments(self, event: str, value: str) -> list[Array]:
        """Return the keys of our users, picked once."""
        if (event, value) not in self._moments:
            self._moments[event, value] = self.view.moments_of(event, value, self._ordinals)
        return self._moments[event, value]

    def rows_of(self, ordinals: Ordinals) -> tuple[Array, Answers]:
        """Return the row of each ordinal, and whether it is one of ours."""
        rows = np.searchsorted(self._ordinals, ordinals)
        rows[rows == self.size] = 0
        return rows, self._ordinals[rows] == ordinals

    def members(self, audience: str) -> Answers:
        """Tell who is in a built audience."""
        answers = np.zeros(self.size, bool)
        inside = _array(_built(self._built, audience) & BitMap(self._ordinals))
        answers[np.searchsorted(self._ordinals, inside)] = True
        return answers


class Evaluator:
    """Answers rules for the users of one frame; a test that many rules share is made once.

    Cost: about 0.1 ns a user for a test of bytes, 2 ns for one of moments.
    Threads: one at a time.

    Args:
        now_s: The moment that recency is counted back from.
    """

    def __init__(self, frame: Frame, registry: Registry, now_s: int) -> None:
        self._frame = frame
        self._registry = registry
        self._now_s = now_s
        self._answers: dict[Leaf, Answers] = {}
        self._moments: dict[tuple[str, str], list[tuple[Array, Array]]] = {}

    def evaluate(self, rule: Rule) -> Answers:
        """Return who matches; users of whom nothing is stored never do."""
        answers: Answers = self._evaluate(rule) & (self._frame.column(KNOWN) != 0)
        return answers

    def _evaluate(self, rule: Rule) -> Answers:
        match rule:
            case And(of) | Or(of):
                join = np.logical_and if isinstance(rule, And) else np.logical_or
                if not of:
                    return np.full(self._frame.size, isinstance(rule, And))
                return functools.reduce(join, map(self._evaluate, of))
            case Not(of):
                return ~self._evaluate(of)
            case _:
                if rule not in self._answers:
                    self._answers[rule] = self._test(rule)
                return self._answers[rule]

    def _test(self, leaf: Leaf) -> Answers:
        match leaf:
            case Const(value):
                return np.full(self._frame.size, value)
            case InAudience(name):
                return self._frame.members(name)
            case In():
                return self._in(leaf)
            case Range():
                return self._range(leaf)
            case Recency():
                return self._recency(leaf)
            case Sequence():
                return self._sequence(leaf)

    def _in(self, leaf: In) -> Answers:
        kind = self._registry[leaf.dimension].kind
        cells = self._frame.column(leaf.dimension)
        if kind is Kind.INTEGER:
            return np.isin(cells, leaf.values)
        if kind is Kind.FLAG:
            return _any(cells == (TRUE if value else FALSE) for value in leaf.values)
        codes = [self._frame.view.code(leaf.dimension, str(value)) for value in leaf.values]
        wanted = [code for code in codes if code is not None]
        if not wanted:
            return np.zeros(self._frame.size, bool)
        if kind is Kind.SET:
            mask = cells.dtype.type(sum({2 << code for code in wanted}))
            answers: Answers = (cells & mask) != 0
            return answers
        if len(wanted) <= _FEW:
            return _any(cells == cells.dtype.type(code + 1) for code in wanted)
        table = np.zeros(1 << 8 * cells.dtype.itemsize, bool)
        table[[code + 1 for code in wanted]] = True
        return looked_up(table, cells)

    def _range(self, leaf: Range) -> Answers:
        cells = self._frame.column(leaf.dimension)
        tests = []
        if leaf.low is not None:
            low = _bound(leaf.low, cells)
            tests.append(cells > low if leaf.low_open else cells >= low)
        if leaf.high is not None:
            high = _bound(leaf.high, cells)
            tests.append(cells < high if leaf.high_open else cells <= high)
        if cells.dtype.kind == "i" and (leaf.low is None or leaf.low <= NO_INTEGER):
            tests.append(cells != NO_INTEGER)  # which is the least of all; a NaN is on no side of anything
        return _all(tests)

    def _recency(self, leaf: Recency) -> Answers:
        answers = np.zeros(self._frame.size, bool)
        since_s, now_s = (min(max(at, 0), _END_S) for at in (self._now_s - leaf.within_s, self._now_s))
        for rows, at_s in self._dated(leaf.event, leaf.value):
            answers[rows[(at_s >= np.uint32(since_s)) & (at_s <= np.uint32(now_s))]] = True
        return answers

    def _dated(self, event: str, value: str) -> list[tuple[Array, Array]]:
        """Return the rows and the moments of an event, taken apart once."""
        if (event, value) not in self._moments:
            dated = []
            for keys in self._frame.moments(event, value):
                rows, inside = self._frame.rows_of((keys >> _HIGH).astype(np.uint32))
                at_s = keys.astype(np.uint32)  # the lower half
                dated.append((rows, at_s) if inside.all() else (rows[inside], at_s[inside]))
            self._moments[event, value] = dated
        return self._moments[event, value]

    def _sequence(self, leaf: Sequence) -> Answers:
        answers = np.zeros(self._frame.size, bool)
        first = self._keys(leaf.first.event, leaf.first.value)
        then = self._keys(leaf.then.event, leaf.then.value)
        if leaf.absent:
            first = first[(first & _LOW) + np.uint64(leaf.within_s) <= np.uint64(self._now_s)]
        follows = np.zeros(len(first), bool)
        if len(then):
            places = np.searchsorted(then, first, side="right")
            there = places < len(then)
            nearest = then[places[there]]
            same = nearest >> _HIGH == first[there] >> _HIGH
            follows[there] = same & (nearest - first[there] <= np.uint64(leaf.within_s))
        self._mark(answers, first[~follows if leaf.absent else follows])
        return answers

    def _keys(self, event: str, value: str) -> Array:
        """Return the moments up to now of the frame's users, rising."""
        runs = self._frame.moments(event, value)
        if not runs:
            return np.empty(0, np.uint64)
        keys = runs[0] if len(runs) == 1 else np.sort(np.concatenate(runs))
        return keys[(keys & _LOW) <= np.uint64(self._now_s)]

    def _mark(self, answers: Answers, keys: Array) -> None:
        rows, inside = self._frame.rows_of((keys >> _HIGH).astype(np.uint32))
        answers[rows[inside]] = True


def _all(answers: list[Answers]) -> Answers:
    return functools.reduce(np.logical_and, answers)


def _any(answers: Any) -> Answers:
    first, *others = answers
    for other in others:
        np.logical_or(first, other, out=first)
    found: Answers = first
    return found


def _bound(bound: float, cells: Array) -> Any:
    """Return a bound that compares as the column's own numbers do, without widening the column."""
    if cells.dtype.kind == "f":
        return cells.dtype.type(bound)
    info = np.iinfo(cells.dtype)
    if isinstance(bound, int):
        return cells.dtype.type(min(max(bound, info.min + 1), info.max))
    return bound


def _built(built: Mapping[str, BitMap], audience: str) -> BitMap:
    if audience not in built:
        raise InvalidRequest("audience.not_built", f"audience {audience!r} is not built; build it first")
    return built[audience]


def _array(bitmap: BitMap) -> Ordinals:
    """Return the members of a bitmap, rising."""
    return np.frombuffer(bitmap.to_array(), np.uint32) if len(bitmap) else np.empty(0, np.uint32)
