"""Writes rules in their language: what is written is read back as the same nodes."""

import json

from bijou.audience.rules.nodes import (
    And,
    Const,
    In,
    InAudience,
    Leaf,
    Not,
    Occasion,
    Or,
    Range,
    Recency,
    Rule,
    Scalar,
    Sequence,
    check_depth,
)
from bijou.audience.rules.words import duration


def print_rule(rule: Rule) -> str:
    """Return the rule in the language, on one line.

    Reading it gives the same nodes for whatever was read from the language;
    what only programs make is written as what it means: conjunctions of fewer
    than two, ranges with two bounds of which one is open.

    Raises:
        InvalidRequest: `audience.bad_rule`, it is over 64 levels deep.

    Example:
        >>> print_rule(And((In("country", ("DE",)), Not(Recency("watched", "noir", 86_400)))))
        'country in ("DE") and not watched("noir", 1d)'
    """
    check_depth(rule)
    return _whole(rule)


def _whole(rule: Rule) -> str:
    match rule:
        case And(of) | Or(of):
            return _joined(rule, of)
        case Not(of):
            return _negated(of)
        case _:
            return _test(rule)


def _negated(of: Rule) -> str:
    if isinstance(of, In) and of.values and isinstance(of.values[0], str):
        return f"{of.dimension} not in ({_values(of.values)})"
    inner = _whole(of)
    return f"not ({inner})" if isinstance(of, And | Or) and len(of.of) > 1 else f"not {inner}"


def _test(leaf: Leaf) -> str:
    match leaf:
        case Const(value):
            text = "true" if value else "false"
        case In():
            text = _in(leaf)
        case Range():
            text = _range(leaf)
        case Recency(event, value, within_s):
            text = f"{event}({_scalar(value)}, {duration(within_s)})"
        case InAudience(name):
            text = f"in audience({_scalar(name)})"
        case Sequence(first, then, within_s, absent):
            negated = "not " if absent else ""
            text = f"{_occasion(first)} then {negated}{_occasion(then)} within {duration(within_s)}"
    return text


def _joined(rule: And | Or, of: tuple[Rule, ...]) -> str:
    if not of:
        return "true" if isinstance(rule, And) else "false"
    if len(of) == 1:
        return _whole(of[0])
    word = " and " if isinstance(rule, And) else " or "
    return word.join(f"({text})" if _needs_brackets(rule, part) else text for part, text in _printed(of))


def _printed(of: tuple[Rule, ...]) -> list[tuple[Rule, str]]:
    return [(part, _whole(part)) for part in of]


def _needs_brackets(outer: And | Or, part: Rule) -> bool:
    while isinstance(part, And | Or) and len(part.of) == 1:
        part = part.of[0]
    if not isinstance(part, And | Or) or not part.of:
        return False
    return isinstance(part, Or) or isinstance(outer, And)


def _in(rule: In) -> str:
    match rule.values:
        case (True,):
            return rule.dimension
        case (False,):
            return f"{rule.dimension} = false"
        case ():
            return "false"
    return f"{rule.dimension} in ({_values(rule.values)})"


def _values(values: tuple[Scalar, ...]) -> str:
    return ", ".join(map(_scalar, values))


def _scalar(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _range(rule: Range) -> str:
    low, high = rule.low, rule.high
    if high is None and rule.low_open:
        return f"{rule.dimension} > {_number(low)}"
    if low is None and rule.high_open:
        return f"{rule.dimension} < {_number(high)}"
    if rule.low_open or rule.high_open:
        signs = ">" if rule.low_open else ">=", "<" if rule.high_open else "<="
        name = rule.dimension
        return f"({name} {signs[0]} {_number(low)} and {name} {signs[1]} {_number(high)})"
    return f"{rule.dimension} {_number(low)}..{_number(high)}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:f}".rstrip("0") + "0" * (value == int(value))


def _occasion(occasion: Occasion) -> str:
    return f"{occasion.event}({_scalar(occasion.value)})"
