"""Whether a test of a rule fits its dimension: the types of the language."""

import math
from collections.abc import Iterable

from bijou.audience.dimensions import NUMERIC, Dimension, Kind, Privacy, Registry, a, suggestion
from bijou.audience.rules.nodes import (
    Const,
    In,
    InAudience,
    Leaf,
    Range,
    Recency,
    Rule,
    Scalar,
    Sequence,
    check_depth,
    leaves,
)
from bijou.ports import InvalidRequest

MAX_LEAVES = 4096
MAX_WITHIN_S = 10 * 366 * 86_400

_ASKS = {
    Kind.CATEGORY: '{name} in ("…")',
    Kind.SET: '{name} in ("…")',
    Kind.INTEGER: "{name} 1..9, {name} >= 1 or {name} in (1, 2)",
    Kind.NUMBER: "{name} 1..9 or {name} >= 1.5",
    Kind.FLAG: "{name} or not {name}",
    Kind.EVENT: '{name}("…", 30d)',
}


def check(rule: Rule, registry: Registry, audiences: Iterable[str] | None = None) -> None:
    """Refuse a rule that asks a dimension what it cannot answer.

    For rules that come as JSON; the language checks while it reads, and so
    can say where.

    Args:
        audiences: Names of those that there are; None: not known here.

    Raises:
        InvalidRequest: `audience.bad_rule`, or `audience.no_dimension`.
    """
    check_depth(rule)
    known = None if audiences is None else set(audiences)
    for count, leaf in enumerate(leaves(rule)):
        if count >= MAX_LEAVES:
            raise InvalidRequest("audience.bad_rule", f"the rule has over {MAX_LEAVES:,} tests; split it")
        problem = problem_of(leaf, registry, known)
        if problem:
            raise InvalidRequest("audience.bad_rule", problem)


def problem_of(leaf: Leaf, registry: Registry, audiences: set[str] | None) -> str:
    """Say what is wrong with one test, or nothing."""
    match leaf:
        case Const():
            return ""
        case InAudience(name):
            missing = audiences is not None and name not in audiences
            return f"there is no audience {name!r}; {suggestion(name, audiences or ())}" if missing else ""
        case In(name, values):
            return _of_in(registry[name], values)
        case Range():
            return _of_range(registry[leaf.dimension], leaf)
        case Recency(event, value, within_s):
            return _of_event(registry[event], value) or _of_time(within_s)
        case Sequence(first, then, within_s):
            return (
                _of_event(registry[first.event], first.value)
                or _of_event(registry[then.event], then.value)
                or _of_time(within_s)
            )


def asked_wrongly(dimension: Dimension) -> str:
    """Say how a dimension is asked."""
    asks = _ASKS[dimension.kind].format(name=dimension.name)
    return f"{dimension.name} is {a(dimension.kind)}; ask {asks}"


def _of_in(dimension: Dimension, values: tuple[Scalar, ...]) -> str:
    if problem := _of_privacy(dimension):
        return problem
    if not values:
        return f"{dimension.name} in () holds for nobody; name at least one value"
    wanted: type
    match dimension.kind:
        case Kind.CATEGORY | Kind.SET:
            wanted = str
        case Kind.INTEGER:
            wanted = int
        case Kind.FLAG:
            wanted = bool
        case _:
            return asked_wrongly(dimension)
    for value in values:
        if type(value) is not wanted:
            return f"{value!r} is no value of {dimension.name}; {asked_wrongly(dimension)}"
        if problem := value_problem(dimension, value):
            return problem
    return ""


def value_problem(dimension: Dimension, value: Scalar | float) -> str:
    """Say why a value of the right type is none of the dimension's, or nothing."""
    if dimension.values and value not in dimension.values:
        near = suggestion(str(value), dimension.values)
        hint = near if near.startswith("did") else f"it has {', '.join(dimension.values[:8])}"
        return f"{dimension.name} is never {value!r}; {hint}"
    if isinstance(value, str):
        return "" if 0 < len(value) <= 256 else f"a value of {dimension.name} has 1 to 256 characters"
    low, high = dimension.low, dimension.high
    if (low is not None and value < low) or (high is not None and value > high):
        return f"{value} is outside of {dimension.name}, which is {bounds(dimension)}"
    if dimension.kind is Kind.INTEGER and not -(1 << 31) < value < 1 << 31:
        return f"{value} does not fit {dimension.name}; an integer has 32 bits"
    return ""


def bounds(dimension: Dimension) -> str:
    """Write a dimension's bounds."""
    low = "" if dimension.low is None else f"{dimension.low:g}"
    high = "" if dimension.high is None else f"{dimension.high:g}"
    return f"{low}..{high} {dimension.unit}".strip()


def _of_range(dimension: Dimension, leaf: Range) -> str:
    if problem := _of_privacy(dimension):
        return problem
    if dimension.kind not in NUMERIC:
        return asked_wrongly(dimension)
    given = [bound for bound in (leaf.low, leaf.high) if bound is not None]
    if not given:
        return f"a range of {dimension.name} has a lower bound, an upper one, or both"
    if not all(math.isfinite(bound) for bound in given):
        return f"a bound of {dimension.name} is no number"
    if len(given) == 2 and given[0] > given[1]:
        return f"{dimension.name} {given[0]}..{given[1]} runs backwards; the smaller bound comes first"
    return ""


def _of_event(dimension: Dimension, value: str) -> str:
    if dimension.kind is not Kind.EVENT:
        return asked_wrongly(dimension)
    return _of_privacy(dimension) or value_problem(dimension, value)


def _of_time(within_s: int) -> str:
    return "" if 0 < within_s <= MAX_WITHIN_S else f"{within_s} s is no time span; it is 1 s to 10 years"


def _of_privacy(dimension: Dimension) -> str:
    sensitive = dimension.privacy is Privacy.SENSITIVE
    return f"{dimension.name} is sensitive; no rule may ask it" if sensitive else ""
