"""What can be said of a rule without any data: that it can never match, or always does.

The rule is put into disjunctive form (a bounded one), and every conjunction is
looked at by itself: an empty intersection of values, ranges that do not meet,
a test and its own negation. What is called dead is dead; that something is not
called so promises nothing, as for tests on different dimensions that exclude
each other in life only.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import msgspec

from bijou.audience.dimensions import Dimension, Kind, Registry
from bijou.audience.rules.nodes import (
    And,
    Const,
    In,
    Leaf,
    Not,
    Or,
    Range,
    Recency,
    Rule,
    Scalar,
    check_depth,
    every,
)
from bijou.audience.rules.printing import print_rule

MAX_CONJUNCTIONS = 512


class Literal(msgspec.Struct, frozen=True):
    """A test, or its negation."""

    leaf: Leaf
    holds: bool = True

    def rule(self) -> Rule:
        """Return it as a rule."""
        return self.leaf if self.holds else Not(self.leaf)


class Warned(msgspec.Struct, frozen=True):
    """Something about a rule that its author should hear.

    Args:
        kind: `never` (the whole rule can never match), `dead` (a branch of it
            cannot), or `always` (it is everybody).
        says: One sentence.
    """

    kind: str
    says: str


def warnings_of(rule: Rule, registry: Registry) -> list[Warned]:
    """Return what is odd about a rule; nothing, mostly.

    Cost: at most 512 conjunctions; a rule that has more is not looked at.

    Raises:
        InvalidRequest: `audience.bad_rule`, it is over 64 levels deep.

    Example:
        >>> from bijou.audience.rules.reading import read_rule
        >>> registry = Registry.shipped()
        >>> odd = read_rule('country in ("DE") and country in ("AT")', registry)
        >>> warnings_of(odd, registry)[0].says
        'this can never match: country in ("DE") and country in ("AT") exclude each other'
    """
    check_depth(rule)
    conjunctions = disjunctive(rule)
    if conjunctions is None:
        return []
    reasons = [_why_dead(conjunction, registry) for conjunction in conjunctions]
    if all(reasons):
        return [Warned("never", f"this can never match: {reasons[0] if reasons else 'it is false'}")]
    negated = disjunctive(Not(rule))
    if negated is not None and all(_why_dead(conjunction, registry) for conjunction in negated):
        return [Warned("always", "this always matches: it is everybody")]
    return [Warned("dead", f"one of the alternatives can never match: {why}") for why in reasons if why]


def disjunctive(rule: Rule, limit: int = MAX_CONJUNCTIONS) -> list[tuple[Literal, ...]] | None:
    """Return the rule as an Or of Ands of literals; None where it has over `limit`.

    No conjunction: nobody. An empty conjunction: everybody.

    Example:
        >>> from bijou.audience import InAudience
        >>> a, b, c = (InAudience(name) for name in "abc")
        >>> found = disjunctive(And((Or((a, b)), Not(c))))
        >>> [[print_rule(literal.rule()) for literal in conjunction] for conjunction in found]
        [['in audience("a")', 'not in audience("c")'], ['in audience("b")', 'not in audience("c")']]
    """
    return _disjunctive(rule, holds=True, limit=limit)


def _disjunctive(rule: Rule, *, holds: bool, limit: int) -> list[tuple[Literal, ...]] | None:
    if isinstance(rule, Not):
        return _disjunctive(rule.of, holds=not holds, limit=limit)
    if isinstance(rule, Const):
        return [()] if rule.value is holds else []
    if not isinstance(rule, And | Or):
        return [(Literal(rule, holds),)]
    parts = []
    for child in rule.of:
        part = _disjunctive(child, holds=holds, limit=limit)
        if part is None:
            return None
        parts.append(part)
    return _crossed(parts, limit) if isinstance(rule, And) is holds else _united(parts, limit)


def _united(parts: list[list[tuple[Literal, ...]]], limit: int) -> list[tuple[Literal, ...]] | None:
    united = list(dict.fromkeys(conjunction for part in parts for conjunction in part))
    return united if len(united) <= limit else None


def _crossed(parts: list[list[tuple[Literal, ...]]], limit: int) -> list[tuple[Literal, ...]] | None:
    if math.prod(map(len, parts)) > limit:
        return None
    return [
        tuple(dict.fromkeys(literal for part in choice for literal in part)) for choice in product(*parts)
    ]


def _why_dead(conjunction: tuple[Literal, ...], registry: Registry) -> str:
    """Say why no one can satisfy all of these, or nothing."""
    by_dimension: dict[str, list[Literal]] = defaultdict(list)
    seen = set(conjunction)
    for literal in conjunction:
        if Literal(literal.leaf, not literal.holds) in seen:
            return f"{print_rule(literal.leaf)} and its own negation"
        if isinstance(literal.leaf, In | Range):
            by_dimension[literal.leaf.dimension].append(literal)
    for name, literals in by_dimension.items():
        if _is_empty(literals, registry[name]):
            text = print_rule(every(literal.rule() for literal in literals))
            return f"{text} exclude each other" if len(literals) > 1 else f"{text} is outside of {name}"
    return _why_no_moment(conjunction)


def _why_no_moment(conjunction: tuple[Literal, ...]) -> str:
    """Seen within 7 days, and not within 30: no moment is left."""
    recent = [each for each in conjunction if isinstance(each.leaf, Recency)]
    for one, other in product(recent, recent):
        if not (isinstance(one.leaf, Recency) and isinstance(other.leaf, Recency)):
            continue
        same = (one.leaf.event, one.leaf.value) == (other.leaf.event, other.leaf.value)
        if same and one.holds and not other.holds and one.leaf.within_s <= other.leaf.within_s:
            return f"{print_rule(every((one.rule(), other.rule())))} exclude each other"
    return ""


def _is_empty(literals: list[Literal], dimension: Dimension) -> bool:
    if dimension.kind is Kind.SET:
        return _is_empty_of_set(literals)
    allowed: set[Scalar] | None = set(dimension.values) if _is_asked_positively(literals, dimension) else None
    excluded: set[Scalar] = set()
    for values, holds in _values(literals):
        if holds:
            allowed = values if allowed is None else allowed & values
        else:
            excluded |= values
    if allowed is not None:
        allowed -= excluded
    low, high = _bounds(literals, dimension)
    if allowed is not None and dimension.kind in {Kind.INTEGER, Kind.NUMBER}:
        allowed = {value for value in allowed if not isinstance(value, str) and low <= value <= high}
        allowed = {value for value in allowed if not _is_cut_out(value, literals)}
    return low > high or (allowed is not None and not allowed)


def _is_asked_positively(literals: list[Literal], dimension: Dimension) -> bool:
    return bool(dimension.values) and any(literal.holds for literal in literals)


def _is_empty_of_set(literals: list[Literal]) -> bool:
    excluded = {value for values, holds in _values(literals) if not holds for value in values}
    return any(holds and values <= excluded for values, holds in _values(literals))


def _values(literals: list[Literal]) -> Iterator[tuple[set[Scalar], bool]]:
    for literal in literals:
        if isinstance(literal.leaf, In):
            yield set(literal.leaf.values), literal.holds


def _bounds(literals: list[Literal], dimension: Dimension) -> tuple[float, float]:
    """Return the closed interval that all ranges leave."""
    asked = [literal.leaf for literal in literals if literal.holds and isinstance(literal.leaf, Range)]
    low, high = -math.inf, math.inf
    if asked:
        low = -math.inf if dimension.low is None else dimension.low
        high = math.inf if dimension.high is None else dimension.high
    whole = dimension.kind is Kind.INTEGER
    for leaf in asked:
        if leaf.low is not None:
            low = max(low, _inside(leaf.low, 1, is_open=leaf.low_open, whole=whole))
        if leaf.high is not None:
            high = min(high, _inside(leaf.high, -1, is_open=leaf.high_open, whole=whole))
    return low, high


def _inside(bound: float, way: int, *, is_open: bool, whole: bool) -> float:
    """Return the first value that an end of a range lets in."""
    if not whole:
        return math.nextafter(bound, math.inf * way) if is_open else bound
    rounded = math.ceil(bound) if way > 0 else math.floor(bound)
    return rounded + way if is_open and rounded == bound else rounded


def _is_cut_out(value: Scalar, literals: list[Literal]) -> bool:
    """Tell whether a negated range takes the value away."""
    for literal in literals:
        leaf = literal.leaf
        if isinstance(leaf, Range) and not literal.holds and not isinstance(value, str):
            above = leaf.low is None or (value > leaf.low if leaf.low_open else value >= leaf.low)
            below = leaf.high is None or (value < leaf.high if leaf.high_open else value <= leaf.high)
            if above and below:
                return True
    return False
