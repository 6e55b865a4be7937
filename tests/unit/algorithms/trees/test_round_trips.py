import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.trees import (
    BinaryNode,
    MalformedTree,
    Node,
    dump_tree,
    dump_tree_pieces,
    load_tree,
    load_tree_pieces,
    preorder,
    tree_from_text,
    tree_to_text,
)
from tests.unit.algorithms.trees.values import TEXTS, VALUES, bits

EXACT = settings(max_examples=150, deadline=None, derandomize=True, database=None)
FAMILIES = st.lists(VALUES, min_size=1, max_size=30)


def chain_of_binary(depth: int) -> BinaryNode:
    tree = BinaryNode(0)
    for level in range(1, depth):
        tree = BinaryNode(level, tree, None) if level % 2 else BinaryNode(level, None, tree)
    return tree


def chain_of_nary(depth: int) -> Node:
    tree = Node(0)
    for level in range(1, depth):
        tree = Node(level, (tree,))
    return tree


def drawn(count: int, seed: int) -> BinaryNode:
    """A random binary search tree."""
    chance = Random(seed)
    values = chance.sample(range(10 * count), count)
    root = BinaryNode(values[0])
    for value in values[1:]:
        node = root
        while True:
            side = "left" if value < node.value else "right"  # type: ignore[operator]
            child = getattr(node, side)
            if child is None:
                setattr(node, side, BinaryNode(value))
                break
            node = child
    return root


@EXACT
@given(FAMILIES)
def test_every_value_comes_back_to_the_last_bit(values: list[Any]) -> None:
    family = Node(values[0], tuple(map(Node, values[1:])))
    written = dump_tree(family)
    again, from_text = load_tree(written, Node), tree_from_text(tree_to_text(family), Node)
    assert again
    assert from_text

    wanted = [bits(value) for value in values]
    assert [bits(node.value) for node in preorder(again)] == wanted
    assert [bits(node.value) for node in preorder(from_text)] == [
        bits(math.nan) if value != value else bits(value)  # noqa: PLR0124 - text has one spelling of nan
        for value in values
    ]
    assert dump_tree(again) == written


@EXACT
@given(st.lists(TEXTS, min_size=1, max_size=9), st.data())
def test_text_may_stand_in_any_space(texts: list[str], data: st.DataObject) -> None:
    family = Node(texts[0], tuple(map(Node, texts[1:])))
    spaced = tree_to_text(family).replace(" (", data.draw(st.sampled_from(["(", "\n\n(\t", " ( \u2003"])))

    assert tree_from_text(f"\n {spaced}\t", Node) == family


@pytest.mark.parametrize(("grow", "kind"), [(chain_of_binary, BinaryNode), (chain_of_nary, Node)])
def test_a_tree_a_million_deep_comes_back(grow: Any, kind: Any) -> None:
    tree = grow(1_000_000)

    assert load_tree(dump_tree(tree), kind) == tree
    assert sum(1 for _ in preorder(tree)) == 1_000_000


def test_a_text_a_million_deep_is_a_tree_again() -> None:
    text = "1 (" * 999_999 + "1" + ")" * 999_999

    assert tree_to_text(tree_from_text(text, Node)) == text


def test_a_family_of_a_hundred_thousand_comes_back_over_blocks() -> None:
    tree = Node(-1, tuple(Node(number, (Node("leaf"),)) for number in range(100_000)))

    assert load_tree(dump_tree(tree), Node) == tree


def test_a_binary_tree_takes_two_bits_a_node_and_its_values() -> None:
    tree = drawn(20_000, seed=5)

    written = dump_tree(tree)

    assert len(written) <= 20_000 * (4 + 2 / 8) + 100
    assert load_tree(written, BinaryNode) == tree


def test_pieces_may_be_cut_anywhere() -> None:
    tree = drawn(70_000, seed=6)
    written = b"".join(dump_tree_pieces(tree))
    chance = Random(7)
    cuts = sorted(chance.randrange(len(written)) for _ in range(40))
    pieces = [written[start:end] for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True)]

    assert written == dump_tree(tree)
    assert load_tree_pieces(pieces, BinaryNode) == tree
    assert load_tree_pieces((bytes([byte]) for byte in dump_tree(Node(1))), Node) == Node(1)


def test_a_bad_block_is_refused_before_more_is_asked_for() -> None:
    asked = []

    def pieces() -> Any:
        for number, piece in enumerate(dump_tree_pieces(chain_of_binary(200_000))):
            asked.append(number)
            yield piece[:-1] + b"?" if number == 1 else piece

    with pytest.raises(MalformedTree, match="checksum"):
        load_tree_pieces(pieces(), BinaryNode)
    assert asked == [0, 1]


def test_no_tree_is_written_and_read_too() -> None:
    for kind in (BinaryNode, Node):
        assert load_tree(dump_tree(None), kind) is None
        assert tree_from_text(" # ", kind) is None
    assert tree_to_text(None) == "#"


def test_equal_trees_of_other_types_are_written_differently() -> None:
    trees = [Node(1), Node(1.0), Node(True)]

    assert trees[0] == trees[1] == trees[2]
    assert len({dump_tree(tree) for tree in trees}) == 3
    assert BinaryNode(1) != Node(1)


def test_trees_differ_in_shape_as_in_values() -> None:
    assert BinaryNode(1, BinaryNode(2)) != BinaryNode(1, None, BinaryNode(2))
    assert BinaryNode(1, BinaryNode(2)) != BinaryNode(1, BinaryNode(3))
    assert Node(1, (Node(2),)) != Node(1, (Node(2), Node(2)))
    assert Node(1, (Node(2),)) != Node(1, (Node(3),))


@pytest.mark.parametrize("write", [dump_tree, tree_to_text])
def test_a_node_that_is_its_own_ancestor_is_refused(write: Any) -> None:
    loop = BinaryNode(1)
    loop.left = BinaryNode(2, None, loop)
    with pytest.raises(ValueError, match="may not be its own ancestor"):
        write(loop, max_nodes=1000)


@pytest.mark.parametrize("write", [dump_tree, tree_to_text])
def test_what_is_no_value_or_no_tree_is_refused(write: Any) -> None:
    with pytest.raises(TypeError, match=r"value is \[\] of type list; it must be int"):
        write(Node(1, (Node([]),)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surrogate"):
        write(Node("half a \ud83d"))
    with pytest.raises((TypeError, AttributeError)):
        write("tree")
    with pytest.raises(ValueError, match="more than max_nodes = 2 nodes"):
        write(Node(1, (Node(2), Node(3))), max_nodes=2)
