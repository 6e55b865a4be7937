"""Names and numbers as small integers, and targeting written with them.

A program is one line item's targeting in 16-bit words: how many conjunctions;
for each its length in words and its clauses. A clause is one head,
`dimension << 7 | count << 3 | kind << 1 | wide`, then the full dimension if
that field is 511, the full count if that is 15, then its values, ascending:
one word each, two (low, high) where wide. A number's values are pairs of
bounds. Programs are data: they are compared with, never run as code.
"""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bijou.ads.matching.asking import WEEKDAYS, Fact, Opportunity, hour_and_weekday, minute_of_week
from bijou.ads.matching.normal_form import AUDIENCE, LARGEST, MAX_REMEMBERED, WEEK, Conjunction, Term, flag
from bijou.audience import Kind, Registry
from bijou.ports import Instant, InvalidRequest

SOME, NONE, WITHIN = 0, 1, 2
MANY_DIMENSIONS: Final = 511
MANY_VALUES: Final = 15
MAX_WORDS: Final = 65_535
MAX_DIMENSIONS: Final = 8_000
NEVER_HAPPENED: Final = 2.0**60

Words: TypeAlias = NDArray[np.uint16]
Ids: TypeAlias = tuple[int, ...]


class Clause(NamedTuple):
    """One clause of a program, read back."""

    dimension: int
    kind: int
    values: Ids


class Known(NamedTuple):
    """What is known at an opportunity, in numbers.

    Args:
        listed: Of each known category or set, the ids of its values that any
            line item names, ascending.
        numbers: Of each known number, its value.
    """

    listed: Mapping[int, Ids]
    numbers: Mapping[int, float]


class Vocabulary:
    """Dimensions, their values and all bounds, numbered as they come.

    Numbers are never taken back or given anew, so that whatever was written
    with them stays right. Id 0 of a dimension stands for "unknown".

    Threads: reading any; `program` one at a time.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.names: list[str] = []
        self.several: list[bool] = []  # of each dimension: may a viewer have more than one value
        self.values: list[dict[str, int]] = []
        self.bounds: list[float] = []
        self.numeric: list[bool] = []
        self._dimensions: dict[str, int] = {}
        self._bound_ids: dict[float, int] = {}
        self._bounds_array = np.zeros(0)
        self._remembered: dict[tuple[int, Term], list[int]] = {}
        self._occasions: dict[str, dict[str, int]] = {}
        self._zones: dict[str, int] = {}
        for dimension in registry:  # in the registry's order, in which reasons are looked for
            if dimension.kind is not Kind.EVENT:
                self._dimension(dimension.name, numeric=dimension.kind in _NUMBERS)
        self._dimension(AUDIENCE, numeric=False)

    def program(self, conjunctions: Sequence[Conjunction]) -> "array[int]":
        """Write targeting down.

        Raises:
            InvalidRequest: `ads.targeting_too_large`, it takes more than
                65,535 words, or one dimension too many.
        """
        words = [len(conjunctions)]
        for conjunction in conjunctions:
            at = len(words)
            words.append(0)
            terms = sorted(
                (self._dimension(name, numeric=term.spans is not None), term)
                for name, term in conjunction.items()
            )
            for dimension, term in terms:
                words += self._written(dimension, term)
            words[at] = len(words) - at - 1
            if len(words) > MAX_WORDS:
                raise InvalidRequest(
                    "ads.targeting_too_large",
                    f"$: the targeting takes more than {MAX_WORDS:,} words; name fewer values,"
                    " or make an audience or a key of them",
                )
        return array("H", words)

    def known(self, opportunity: Opportunity) -> Known:
        """Return what is known there, as far as any line item asks."""
        listed: dict[int, Ids] = {}
        numbers: dict[int, float] = {}
        hour, weekday = hour_and_weekday(opportunity)
        self._learn("hour", hour, listed, numbers)
        self._learn("weekday", weekday, listed, numbers)
        for name, fact in opportunity.facts.items():
            if name not in _OF_TIME:
                self._learn(name, fact, listed, numbers)
        if opportunity.audiences is not None:
            dimension = self._dimensions[AUDIENCE]
            ids = self.values[dimension]
            listed[dimension] = tuple(sorted({ids[name] for name in opportunity.audiences if name in ids}))
        for zone, dimension in self._zones.items():
            numbers[dimension] = minute_of_week(opportunity.at, zone)
        if opportunity.occasions is not None:
            self._learn_occasions(opportunity.at, opportunity.occasions, numbers)
        return Known(listed, numbers)

    def bounds_array(self) -> NDArray[np.float64]:
        """Return all bounds by number; made anew only where some were added."""
        if len(self._bounds_array) != len(self.bounds):
            self._bounds_array = np.array(self.bounds)
        return self._bounds_array

    def spelled(self, clause: Clause) -> str:
        """Return a clause as people read it."""
        name = self.names[clause.dimension]
        if clause.kind == WITHIN:
            edges = [self.bounds[each] for each in clause.values]
            if name.startswith(WEEK):
                return ", ".join(map(_part_of_week, edges[::2], edges[1::2]))
            spans = " or ".join(map(_span, edges[::2], edges[1::2]))
            return f"{name} {spans}"
        ids = self.values[clause.dimension].copy()  # others add to it meanwhile
        names = {number: value for value, number in ids.items()}
        listed = ", ".join(names[each] for each in clause.values[:8]) + (", …" if clause.values[8:] else "")
        return f"{name} {'not ' if clause.kind == NONE else ''}in ({listed})"

    def _learn(self, name: str, fact: Fact, listed: dict[int, Ids], numbers: dict[int, float]) -> None:
        dimension = self._dimensions.get(name)
        if dimension is None:
            return
        if self.numeric[dimension]:
            if isinstance(fact, int | float) and not isinstance(fact, bool) and abs(fact) <= LARGEST:
                numbers[dimension] = float(fact)
        elif (found := self._ids(dimension, fact)) is not None:
            listed[dimension] = found

    def _ids(self, dimension: int, fact: Fact) -> Ids | None:
        """Return the ids of a fact's values; None where its type is wrong."""
        ids = self.values[dimension]
        if self.several[dimension]:
            if not isinstance(fact, list | tuple | frozenset) or not all(isinstance(v, str) for v in fact):
                return None
            return tuple(sorted({ids[value] for value in fact if value in ids}))
        is_flag = self.registry[self.names[dimension]].kind is Kind.FLAG
        if isinstance(fact, bool) and is_flag:
            fact = flag(fact)
        elif is_flag or not isinstance(fact, str):
            return None
        return (ids[fact],) if fact in ids else ()

    def _learn_occasions(
        self, at: int, occasions: Mapping[str, Mapping[str, Instant]], numbers: dict[int, float]
    ) -> None:
        for event, asked in self._occasions.items():
            last = occasions.get(event, {})
            for value, dimension in asked.items():
                ago_s = (at - last[value]) / 1e6 if value in last else NEVER_HAPPENED
                if ago_s >= 0:  # else it lies in the future, and so is not known
                    numbers[dimension] = ago_s

    def _dimension(self, name: str, *, numeric: bool) -> int:
        number = self._dimensions.get(name)
        if number is not None:
            return number
        number = len(self.names)
        if number == MAX_DIMENSIONS:
            raise InvalidRequest(
                "ads.targeting_too_large",
                f"$: {name} would be dimension {number + 1:,} of all targeting; at most {MAX_DIMENSIONS:,}",
            )
        self.names.append(name)
        self.numeric.append(numeric)
        self.several.append(
            name == AUDIENCE or (name in self.registry and self.registry[name].kind is Kind.SET)
        )
        self.values.append({})
        self._dimensions[name] = number
        if name.startswith(WEEK):
            self._zones = {**self._zones, name.removeprefix(WEEK): number}
        elif ":" in name:
            event, _, value = name.partition(":")
            self._occasions = {**self._occasions, event: {**self._occasions.get(event, {}), value: number}}
        return number

    def _written(self, dimension: int, term: Term) -> list[int]:
        """Return the words of a term, remembered: numbers never change."""
        words = self._remembered.get((dimension, term))
        if words is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            words = self._remembered[dimension, term] = []
            for clause in self._clauses(dimension, term):
                _put(words, clause)
        return words

    def _clauses(self, dimension: int, term: Term) -> list[Clause]:
        if term.spans is not None:
            edges = [self._bound(edge) for span in term.spans for edge in span]
            return [Clause(dimension, WITHIN, tuple(edges))]
        ids = self.values[dimension]
        made = [Clause(dimension, SOME, _numbered(values, ids)) for values in term.some]
        if term.none or not term.some:
            made.append(Clause(dimension, NONE, _numbered(term.none, ids)))
        return made

    def _bound(self, edge: float) -> int:
        number = self._bound_ids.get(edge)
        if number is None:
            number = self._bound_ids[edge] = len(self.bounds)
            self.bounds.append(edge)
        return number


_OF_TIME: Final = frozenset({"hour", "weekday"})
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})


def clauses(words: Sequence[int]) -> list[list[Clause]]:
    """Read a program back, one list of clauses a conjunction."""
    made: list[list[Clause]] = []
    at = 1
    for _ in range(words[0]):
        end = at + 1 + words[at]
        at += 1
        made.append([])
        while at < end:
            clause, at = _take(words, at)
            made[-1].append(clause)
    return made


def _take(words: Sequence[int], at: int) -> tuple[Clause, int]:
    head = words[at]
    dimension, count, kind, wide = head >> 7, head >> 3 & 15, head >> 1 & 3, head & 1
    at += 1
    if dimension == MANY_DIMENSIONS:
        dimension, at = words[at], at + 1
    if count == MANY_VALUES:
        count, at = words[at], at + 1
    taken = words[at : at + (count << wide)]
    values = [low | high << 16 for low, high in zip(taken[::2], taken[1::2], strict=True)] if wide else taken
    return Clause(dimension, kind, tuple(values)), at + (count << wide)


def _put(words: list[int], clause: Clause) -> None:
    dimension, kind, values = clause
    count = len(values)
    wide = bool(values) and max(values) > 0xFFFF
    words.append(min(dimension, MANY_DIMENSIONS) << 7 | min(count, MANY_VALUES) << 3 | kind << 1 | wide)
    if dimension >= MANY_DIMENSIONS:
        words.append(dimension)
    if count >= MANY_VALUES:
        words.append(count)
    if wide:
        for value in values:
            words += (value & 0xFFFF, value >> 16)
    else:
        words += values


def _numbered(values: Iterable[str], ids: dict[str, int]) -> Ids:
    # A fixed order gives new values their numbers: equal histories, equal programs.
    for value in sorted(value for value in values if value not in ids):
        ids[value] = len(ids) + 1
    return tuple(sorted(ids[value] for value in values))


def moment_of_week(minute: float) -> str:
    """Spell a minute of the week: `wed 12:30`."""
    day, rest = divmod(int(minute), 1440)
    return f"{WEEKDAYS[day % 7]} {rest // 60}:{rest % 60:02}"


def _part_of_week(begin: float, end: float) -> str:
    return f"{moment_of_week(begin)} to {moment_of_week(end)}"


def _span(low: float, high: float) -> str:
    """Spell `low <= x < high`; a bound one float above a short number was a closed one."""
    below, above = math.nextafter(high, -math.inf), math.nextafter(low, -math.inf)
    if math.isinf(low):
        return f"<= {below:g}" if _is_short(below) else f"< {high:g}"
    lower = f"> {above:g}" if _is_short(above) and not _is_short(low) else f">= {low:g}"
    if math.isinf(high):
        return lower
    if below == low:
        return f"= {low:g}"
    return f"{lower} and {f'<= {below:g}' if _is_short(below) else f'< {high:g}'}"


def _is_short(number: float) -> bool:
    return len(repr(number)) <= 12
