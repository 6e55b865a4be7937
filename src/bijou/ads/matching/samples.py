"""Line items and opportunities by the million, from a seed: for tests and benchmarks."""

from collections.abc import Callable, Iterator
from itertools import accumulate
from random import Random
from typing import Final

import msgspec

from bijou.ads.matching.asking import WEEKDAYS, Fact, Line, Opportunity
from bijou.audience import (
    And,
    Cardinality,
    Dimension,
    In,
    InAudience,
    Kind,
    Not,
    Or,
    Range,
    Registry,
    Rule,
)
from bijou.ports import Instant

NOON: Final = Instant.parse("2026-03-04T12:00:00Z")
_DAY_US: Final = 86_400_000_000


class Shape(msgspec.Struct, frozen=True):
    """How choosy line items are.

    Args:
        tests: How many dimensions a conjunction asks: at least, at most.
        values: How many values a list has, at most.
        unknown_share: How often a fact is missing.
        audiences: How many a viewer is in.
        pool: How many different tests of a dimension there are.
    """

    tests: tuple[int, int] = (3, 6)
    values: int = 4
    unknown_share: float = 0.03
    audiences: int = 40
    pool: int = 500


LOOSE: Final = Shape()
TIGHT: Final = Shape(tests=(6, 10), values=4)

_LISTED: Final = {  # dimension: how many values it has
    "country": 60,
    "region": 400,
    "city": 5_000,
    "device": 6,
    "os": 8,
    "make": 40,
    "connection": 4,
    "placement": 6,
    "language": 30,
    "rating": 8,
    "title": 20_000,
    "weekday": 7,
    "genre": 20,
    "interest": 60,
    "key_team": 300,
}
_NUMBERS: Final = {  # dimension: the bounds that people choose
    "hour": (0, 6, 9, 12, 17, 20, 22, 23),
    "age": (0, 18, 21, 25, 35, 45, 55, 65, 130),
    "bandwidth_kbps": (0, 1_000, 3_000, 8_000, 20_000, 100_000),
    "household_size": (1, 2, 3, 4, 6, 64),
}
_SETS: Final = frozenset({"genre", "interest"})
_AUDIENCES: Final = 10_000


def registry() -> Registry:
    """Return what ships, and one custom key."""
    return Registry.shipped([Dimension("key_team", Kind.CATEGORY, cardinality=Cardinality.SOME)])


class Sampler:
    """Draws line items and opportunities; popular values are asked and met more often.

    Twenty dimensions: fifteen lists of 4 to 20,000 values, two of them sets,
    four numbers, and 10,000 audiences. Values follow Zipf's law.
    """

    def __init__(self, chance: Random, shape: Shape = LOOSE) -> None:
        self._chance, self._shape = chance, shape
        self._values = {
            name: _names(name, count) for name, count in (*_LISTED.items(), ("audience", _AUDIENCES))
        }
        self._weights = {name: _zipf(len(values)) for name, values in self._values.items()}
        asked = [*_LISTED, *_NUMBERS, "audience"]
        self._tests = {name: [self._test(name) for _ in range(shape.pool)] for name in asked}
        self._asked = asked

    def lines(self, count: int) -> Iterator[Line]:
        """Yield line items 0 to `count` - 1, in no order of rank."""
        return (self.line(ordinal, self.rule()) for ordinal in range(count))

    def line(self, ordinal: int, rule: Rule) -> Line:
        """Return one line item; two in three are in flight."""
        chance = self._chance
        starts = NOON - chance.randrange(30) * _DAY_US
        ends = starts + chance.randrange(20, 60) * _DAY_US
        return Line(ordinal, chance.randrange(1 << 40), rule, Instant(starts), Instant(ends))

    def rule(self) -> Rule:
        """Return targeting of one to three conjunctions."""
        count = 1 + (self._chance.random() < 0.3) + (self._chance.random() < 0.1)
        return self._conjunction() if count == 1 else Or(tuple(self._conjunction() for _ in range(count)))

    def opportunity(self) -> Opportunity:
        """Return one viewer's break, within a day around noon."""
        chance, shape = self._chance, self._shape
        facts: dict[str, Fact] = {}
        for name in _LISTED:
            if chance.random() >= shape.unknown_share:
                facts[name] = self._draw(name, 3) if name in _SETS else self._draw(name, 1)[0]
        for name, bounds in _NUMBERS.items():
            if chance.random() >= shape.unknown_share:
                facts[name] = chance.randrange(bounds[0], bounds[-2] + 2)
        audiences = (
            self._draw("audience", shape.audiences) if chance.random() >= shape.unknown_share else None
        )
        return Opportunity(Instant(NOON + chance.randrange(_DAY_US)), facts, audiences)

    def _conjunction(self) -> Rule:
        dimensions = self._chance.sample(self._asked, self._chance.randint(*self._shape.tests))
        return And(tuple(self._tests[name][self._chance.randrange(self._shape.pool)] for name in dimensions))

    def _test(self, name: str) -> Rule:
        chance = self._chance
        if name in _NUMBERS:
            low, high = sorted(chance.sample(_NUMBERS[name], 2))
            return Range(name, low=low, high=high, high_open=True)
        values = self._draw(name, chance.randint(1, self._shape.values))
        if name == "audience":
            test: Rule = Or(tuple(map(InAudience, values)))
        else:
            test = In(name, tuple(values))
        return Not(test) if chance.random() < 0.25 else test

    def _draw(self, name: str, count: int) -> list[str]:
        found = self._chance.choices(self._values[name], cum_weights=self._weights[name], k=count)
        return list(dict.fromkeys(found))


def _names(name: str, count: int) -> list[str]:
    spell: Callable[[int], str] = lambda number: f"{name}-{number}"  # noqa: E731 - one line, one place
    return list(WEEKDAYS) if name == "weekday" else [spell(number) for number in range(count)]


def _zipf(count: int) -> list[float]:
    return list(accumulate(1 / (rank + 1) for rank in range(count)))
