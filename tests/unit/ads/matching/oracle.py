"""Matching told by the rule itself, the slowest obvious way: no normal form, no index, no numbering.

Three values: a test of something unknown is neither true nor false (None), and so
is its negation. A line item may serve where its rule is true.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bijou.ads.matching import Line, Opportunity, Standing
from bijou.audience import And, Const, In, InAudience, Kind, Not, Or, Range, Recency, Registry, Rule


def may_serve(line: Line, opportunity: Opportunity, registry: Registry) -> bool:
    on = line.standing == Standing.ACTIVE and line.starts_at <= opportunity.at < line.ends_at
    return on and truth(line.rule, opportunity, registry) is True


def best(lines: Sequence[Line], opportunity: Opportunity, registry: Registry) -> list[int]:
    found = [line for line in lines if may_serve(line, opportunity, registry)]
    return [line.ordinal for line in sorted(found, key=lambda line: (line.rank, line.ordinal))]


def truth(  # noqa: PLR0911 - one for each kind of node
    rule: Rule, opportunity: Opportunity, registry: Registry
) -> bool | None:
    match rule:
        case Const(value):
            return value
        case Not(of):
            inner = truth(of, opportunity, registry)
            return None if inner is None else not inner
        case And(of):
            inner_of = [truth(each, opportunity, registry) for each in of]
            return False if False in inner_of else None if None in inner_of else True
        case Or(of):
            inner_of = [truth(each, opportunity, registry) for each in of]
            return True if True in inner_of else None if None in inner_of else False
        case InAudience(name):
            return None if opportunity.audiences is None else name in opportunity.audiences
        case Recency(event, value, within_s):
            return happened(opportunity, event, value, within_s)
        case In(name, values):
            fact = fact_of(name, opportunity, registry)
            if fact is None:
                return None
            return any(each in values for each in fact) if isinstance(fact, list | tuple) else fact in values
        case Range(name):
            number = fact_of(name, opportunity, registry)
            return None if number is None else inside(number, rule)
    raise AssertionError(rule)


def happened(opportunity: Opportunity, event: str, value: str, within_s: int) -> bool | None:
    if opportunity.occasions is None:
        return None
    last = opportunity.occasions.get(event, {}).get(value)
    if last is None:
        return False
    ago_us = opportunity.at - last
    return None if ago_us < 0 else ago_us <= within_s * 1_000_000


def inside(number: float, rule: Range) -> bool:
    above = rule.low is None or (number > rule.low if rule.low_open else number >= rule.low)
    below = rule.high is None or (number < rule.high if rule.high_open else number <= rule.high)
    return above and below


def fact_of(name: str, opportunity: Opportunity, registry: Registry) -> Any:
    if name in {"hour", "weekday"}:
        there = datetime.fromtimestamp(opportunity.at / 1e6, UTC) + timedelta(
            seconds=opportunity.utc_offset_s
        )
        return there.hour if name == "hour" else f"{there:%a}".lower()
    fact = opportunity.facts.get(name)
    match registry[name].kind:
        case Kind.CATEGORY:
            return fact if isinstance(fact, str) else None
        case Kind.SET:
            is_set = isinstance(fact, list | tuple) and all(isinstance(each, str) for each in fact)
            return fact if is_set else None
        case Kind.FLAG:
            return fact if isinstance(fact, bool) else None
        case _:
            is_number = isinstance(fact, int | float) and not isinstance(fact, bool)
            return fact if is_number and math.isfinite(fact) else None  # type: ignore[arg-type]


class ManyOpportunities:
    """The same truth for many opportunities at once: -1 false, 0 unknown, 1 true."""

    def __init__(self, opportunities: Sequence[Opportunity], registry: Registry) -> None:
        self._opportunities = opportunities
        self._registry = registry
        self._at = np.array([each.at for each in opportunities])
        self._tests: dict[Rule, NDArray[np.int8]] = {}

    def serving(self, line: Line) -> NDArray[np.int64]:
        """Return the opportunities that the line item may serve."""
        on = (line.standing == Standing.ACTIVE) & (line.starts_at <= self._at) & (self._at < line.ends_at)
        return np.flatnonzero(on & (self._truth(line.rule) == 1))

    def _truth(self, rule: Rule) -> NDArray[np.int8]:
        match rule:
            case Not(of):
                return -self._truth(of)
            case And(of) if of and not any(isinstance(each, Const) for each in of):
                met: NDArray[np.int8] = np.minimum.reduce([self._truth(each) for each in of])
                return met
            case Or(of) if of and not any(isinstance(each, Const) for each in of):
                any_of: NDArray[np.int8] = np.maximum.reduce([self._truth(each) for each in of])
                return any_of
        if rule not in self._tests:
            spelled = {True: 1, False: -1, None: 0}
            each = [spelled[truth(rule, opportunity, self._registry)] for opportunity in self._opportunities]
            self._tests[rule] = np.array(each, dtype=np.int8)
        return self._tests[rule]
