"""A rule that is nested a thousand levels deep is refused with a sentence, wherever it comes from."""

from collections.abc import Callable

import msgspec
import pytest

from bijou.algorithms.trees import Node, dump_tree
from bijou.audience import (
    And,
    Const,
    In,
    Not,
    Or,
    Registry,
    Rule,
    dump_rule,
    from_tree,
    load_rule,
    print_rule,
    read_rule,
    to_tree,
    warnings_of,
)
from bijou.audience.rules.typing import check
from bijou.ports import InvalidRequest
from bijou.runtime import codec

REGISTRY = Registry.shipped()
LIVE = In("live", (True,))
TOO_DEEP = "over 64 levels deep; flatten it"


def nots(levels: int) -> Rule:
    rule: Rule = LIVE
    for _ in range(levels - 1):
        rule = Not(rule)
    return rule


def brackets(levels: int) -> Rule:
    rule: Rule = LIVE
    for level in range(levels - 1):
        rule = And((LIVE, rule)) if level % 2 else Or((LIVE, rule))
    return rule


class Held(msgspec.Struct, frozen=True):
    """What JSON brings a rule in."""

    rule: Rule


WALKS: list[Callable[[Rule], object]] = [
    print_rule,
    to_tree,
    dump_rule,
    lambda rule: check(rule, REGISTRY),
    lambda rule: warnings_of(rule, REGISTRY),
]


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("deep", [nots, brackets])
@pytest.mark.parametrize("levels", [65, 1000, 20_000])
def test_nothing_walks_down_a_rule_of_too_many_levels(
    walk: Callable[[Rule], object], deep: Callable[[int], Rule], levels: int
) -> None:
    with pytest.raises(InvalidRequest, match=TOO_DEEP):
        walk(deep(levels))


@pytest.mark.parametrize("deep", [nots, brackets])
def test_a_rule_of_as_many_levels_as_may_be_goes_everywhere(deep: Callable[[int], Rule]) -> None:
    rule = deep(64)

    check(rule, REGISTRY)
    assert read_rule(print_rule(rule), REGISTRY) == rule
    assert load_rule(dump_rule(rule)) == from_tree(to_tree(rule)) == rule
    assert codec.decode(codec.encode(Held(rule)), Held).rule == rule
    assert isinstance(warnings_of(rule, REGISTRY), list)


@pytest.mark.parametrize(
    "text",
    [
        "not " * 1000 + "live",
        "(" * 1000 + "live" + ")" * 1000,
        "live and (live or " * 1000 + "live" + ")" * 1000,
        "live or live and (" * 40 + "live" + ")" * 40,
    ],
)
def test_text_of_too_many_levels_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"line 1, column \d+: the rule is {TOO_DEEP}"):
        read_rule(text, REGISTRY)


@pytest.mark.parametrize("levels", [1000, 20_000])
def test_a_tree_of_too_many_levels_is_refused(levels: int) -> None:
    tree = Node("const", (Node(True),))
    for _ in range(levels):
        tree = Node("not", (tree,))

    with pytest.raises(InvalidRequest, match=TOO_DEEP):
        from_tree(tree)
    with pytest.raises(InvalidRequest, match=TOO_DEEP):
        load_rule(dump_tree(tree, max_nodes=65_536))


@pytest.mark.parametrize("levels", [1000, 100_000])
def test_json_of_too_many_levels_is_no_json_that_can_be_read(levels: int) -> None:
    rule = '{"is":"not","of":' * levels + codec.encode(Const(True)).decode() + "}" * levels

    with pytest.raises(msgspec.DecodeError, match="nested too deeply"):
        codec.decode(f'{{"rule":{rule}}}', Held)
