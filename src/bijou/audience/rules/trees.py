"""Rules as the project's trees: compact on a wire, and as text for eyes."""

from typing import NoReturn

import msgspec

from bijou.algorithms.trees import Node, dump_tree, load_tree
from bijou.audience.rules.nodes import (
    MAX_DEPTH,
    And,
    Const,
    In,
    InAudience,
    Not,
    Occasion,
    Or,
    Range,
    Recency,
    Rule,
    Sequence,
    check_depth,
    children,
)
from bijou.ports import InvalidRequest

MAX_NODES = 65_536


def to_tree(rule: Rule) -> Node:
    """Return the rule as a tree: a node a word, what it tests below it.

    Raises:
        InvalidRequest: `audience.bad_rule`, it is over 64 levels deep.

    Example:
        >>> from bijou.algorithms.trees import tree_to_text
        >>> tree_to_text(to_tree(Not(In("country", ("DE", "AT")))))
        '"not" ("in" ("country" "DE" "AT"))'
    """
    check_depth(rule)
    return _node(rule)


def _node(rule: Rule) -> Node:
    match rule:
        case In(dimension, values):
            below = [Node(dimension), *map(Node, values)]
        case Sequence(first, then, within_s, absent):
            words = (first.event, first.value, then.event, then.value, within_s, absent)
            below = [Node(word) for word in words]
        case And() | Or() | Not():
            below = [_node(child) for child in children(rule)]
        case _:
            below = [Node(getattr(rule, field)) for field in rule.__struct_fields__]
    return Node(str(rule.__struct_config__.tag), tuple(below))


def from_tree(tree: Node) -> Rule:
    """Read a rule back; InvalidRequest `audience.bad_tree` where it is none."""
    return _rule(tree, MAX_DEPTH)


def _rule(tree: Node, levels: int) -> Rule:
    if not levels:
        raise InvalidRequest("audience.bad_tree", f"the tree is over {MAX_DEPTH} levels deep; flatten it")
    words: list[object] = [child.value for child in tree.children]
    try:
        match tree.value:
            case "and" | "or" as word:
                of = tuple(_rule(child, levels - 1) for child in tree.children)
                return And(of) if word == "and" else Or(of)
            case "not":
                (child,) = tree.children
                return Not(_rule(child, levels - 1))
            case _:
                return _leaf(tree.value, words)
    except (ValueError, TypeError, msgspec.ValidationError) as error:
        _refuse(tree, str(error))


def dump_rule(rule: Rule) -> bytes:
    """Return the rule in the compact form of trees."""
    return dump_tree(to_tree(rule), max_nodes=MAX_NODES)


def load_rule(data: bytes) -> Rule:
    """Read what `dump_rule` wrote.

    Raises:
        MalformedTree: It is no tree in the compact form.
        InvalidRequest: `audience.bad_tree`, the tree is no rule.
    """
    tree = load_tree(data, Node, max_nodes=MAX_NODES)
    if tree is None:
        raise InvalidRequest("audience.bad_tree", "a tree without nodes is no rule; `true` is everybody")
    return from_tree(tree)


def _leaf(word: object, words: list[object]) -> Rule:
    match word, words:
        case "in", [dimension, *values]:
            fields: dict[str, object] = {"dimension": dimension, "values": values}
        case "sequence", [event, value, then_event, then_value, within_s, absent]:
            return Sequence(
                msgspec.convert({"event": event, "value": value}, Occasion),
                msgspec.convert({"event": then_event, "value": then_value}, Occasion),
                msgspec.convert(within_s, int),
                msgspec.convert(absent, bool),
            )
        case _:
            kind = _LEAVES.get(word) if isinstance(word, str) else None
            if kind is None:
                raise ValueError(f"{word!r} is no word of a rule")
            fields = dict(zip(kind.__struct_fields__, words, strict=True))
    rule: Rule = msgspec.convert({"is": word, **fields}, Rule)
    return rule


_LEAVES = {str(kind.__struct_config__.tag): kind for kind in (Const, Range, Recency, InAudience)}


def _refuse(tree: Node, problem: str) -> NoReturn:
    raise InvalidRequest("audience.bad_tree", f"the tree at {tree.value!r} is no rule: {problem}")
