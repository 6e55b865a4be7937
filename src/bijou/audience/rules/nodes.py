"""The nodes of a rule: what audiences and ad targeting are both written in.

A rule is data and never code: frozen structs, tagged, so that JSON holds them
as they are (`{"is": "in", "dimension": "country", "values": ["DE"]}`). What a
dimension means stands in the registry; a node only names it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from bijou.ports import InvalidRequest

Scalar: TypeAlias = bool | int | str


class Const(msgspec.Struct, frozen=True, tag_field="is", tag="const"):
    """Everybody, or nobody."""

    value: bool


class In(msgspec.Struct, frozen=True, tag_field="is", tag="in"):
    """The dimension has one of these values; of a set: holds at least one of them.

    An unknown value (a missing cell) is in no list, so `Not(In(...))` holds
    for people of whom nothing is known.

    Args:
        values: Strings for categories and sets, ints for integers, one bool
            for flags.
    """

    dimension: str
    values: tuple[Scalar, ...]


class Range(msgspec.Struct, frozen=True, tag_field="is", tag="range", omit_defaults=True):
    """A number lies between two bounds, each of which may be missing.

    Args:
        low: None: no lower bound.
        high: None: no upper bound.
        low_open: The lower bound itself is outside.
        high_open: The upper bound itself is outside.
    """

    dimension: str
    low: int | float | None = None
    high: int | float | None = None
    low_open: bool = False
    high_open: bool = False


class Recency(msgspec.Struct, frozen=True, tag_field="is", tag="recency"):
    """An occasion happened in the last `within_s` seconds, now included.

    Args:
        event: Name of a dimension of events, such as `watched`.
        value: What it happened with, such as `noir`.
    """

    event: str
    value: str
    within_s: int


class Occasion(msgspec.Struct, frozen=True):
    """A kind of event with one value: `watched("noir")`."""

    event: str
    value: str


class Sequence(msgspec.Struct, frozen=True, tag_field="is", tag="sequence"):
    """`first` and, within `within_s` seconds after it, `then` (or not `then`).

    One pair is enough. Where `then` is to be absent, a `first` counts once its
    time has run out: before, nobody can know.
    """

    first: Occasion
    then: Occasion
    within_s: int
    absent: bool = False


class InAudience(msgspec.Struct, frozen=True, tag_field="is", tag="audience"):
    """Member of another audience, by name."""

    audience: str


class Not(msgspec.Struct, frozen=True, tag_field="is", tag="not"):
    """All but those."""

    of: "Rule"


class And(msgspec.Struct, frozen=True, tag_field="is", tag="and"):
    """All of them hold; of none, everybody."""

    of: "tuple[Rule, ...]"


class Or(msgspec.Struct, frozen=True, tag_field="is", tag="or"):
    """At least one holds; of none, nobody."""

    of: "tuple[Rule, ...]"


Leaf: TypeAlias = Const | In | Range | Recency | Sequence | InAudience
Rule: TypeAlias = Const | In | Range | Recency | Sequence | InAudience | Not | And | Or

MAX_DEPTH: Final = 64
EVERYBODY = Const(True)
NOBODY = Const(False)


def children(rule: Rule) -> tuple[Rule, ...]:
    """Return the rules right below this one."""
    if isinstance(rule, And | Or):
        return rule.of
    return (rule.of,) if isinstance(rule, Not) else ()


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Yield every test of a rule, from left to right.

    Example:
        >>> rule = And((In("country", ("DE",)), Not(InAudience("kids"))))
        >>> [type(leaf).__name__ for leaf in leaves(rule)]
        ['In', 'InAudience']
    """
    waiting: list[Rule] = [rule]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Not | And | Or):
            waiting += reversed(children(node))
        else:
            yield node


def dimensions_of(rule: Rule) -> set[str]:
    """Return the names of all dimensions that the rule asks, events' too."""
    found: set[str] = set()
    for leaf in leaves(rule):
        if isinstance(leaf, In | Range):
            found.add(leaf.dimension)
        elif isinstance(leaf, Recency):
            found.add(leaf.event)
        elif isinstance(leaf, Sequence):
            found |= {leaf.first.event, leaf.then.event}
    return found


def audiences_of(rule: Rule) -> set[str]:
    """Return the names of the audiences that the rule builds on."""
    return {leaf.audience for leaf in leaves(rule) if isinstance(leaf, InAudience)}


def depends_on_time(rule: Rule) -> bool:
    """Tell whether the answer changes while nobody's features do."""
    return any(isinstance(leaf, Recency | Sequence) for leaf in leaves(rule))


def every(rules: Iterable[Rule]) -> Rule:
    """Return the conjunction, without a node that says nothing."""
    of = tuple(rule for rule in rules if rule != EVERYBODY)
    return (of[0] if len(of) == 1 else And(of)) if of else EVERYBODY


def either(rules: Iterable[Rule]) -> Rule:
    """Return the disjunction, without a node that says nothing."""
    of = tuple(rule for rule in rules if rule != NOBODY)
    return (of[0] if len(of) == 1 else Or(of)) if of else NOBODY


def check_depth(rule: Rule) -> None:
    """Refuse a rule over `MAX_DEPTH` levels deep, before anything walks down it.

    Raises:
        InvalidRequest: `audience.bad_rule`.
    """
    if depth(rule) > MAX_DEPTH:
        raise InvalidRequest("audience.bad_rule", f"the rule is over {MAX_DEPTH} levels deep; flatten it")


def depth(rule: Rule) -> int:
    """Return how many nodes stand above each other at most; does not recurse."""
    level, here = 0, [rule]
    while here:
        level, here = level + 1, [below for node in here for below in children(node)]
    return level
