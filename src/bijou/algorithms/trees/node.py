"""The two kinds of nodes."""

from collections.abc import Iterator
from typing import Any, TypeAlias, TypeVar

import msgspec

Value: TypeAlias = int | float | str | bytes | bool | None


class BinaryNode(msgspec.Struct, eq=False):
    """A value, and a left and a right subtree, each of which may be missing.

    Equal trees have the same shape and equal values; the comparison is
    iterative, like everything here.

    Example:
        >>> tree = BinaryNode(2, BinaryNode(1), BinaryNode(3))
        >>> tree == BinaryNode(2, BinaryNode(1), BinaryNode(3))
        True
        >>> tree
        BinaryNode(2, left=..., right=...)
    """

    value: Value
    left: "BinaryNode | None" = None
    right: "BinaryNode | None" = None

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, so never a key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BinaryNode):
            return NotImplemented
        pairs: list[tuple[BinaryNode, BinaryNode]] = [(self, other)]
        while pairs:
            one, two = pairs.pop()
            if one.value != two.value:
                return False
            for child, twin in ((one.right, two.right), (one.left, two.left)):
                if child is not None and twin is not None:
                    pairs.append((child, twin))
                elif child is not twin:
                    return False
        return True

    def __repr__(self) -> str:
        sides = [f", {side}=..." for side in ("left", "right") if getattr(self, side) is not None]
        return f"BinaryNode({self.value!r}{''.join(sides)})"


class Node(msgspec.Struct, eq=False):
    """A value and any number of subtrees, in order.

    Example:
        >>> rule = Node("and", (Node("country is FR"), Node("age over 18")))
        >>> [node.value for node in preorder(rule)]
        ['and', 'country is FR', 'age over 18']
        >>> rule
        Node('and', children=2)
    """

    value: Value
    children: "tuple[Node, ...]" = ()

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, so never a key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        pairs: list[tuple[Node, Node]] = [(self, other)]
        while pairs:
            one, two = pairs.pop()
            if one.value != two.value or len(one.children) != len(two.children):
                return False
            pairs += zip(one.children, two.children, strict=True)
        return True

    def __repr__(self) -> str:
        return f"Node({self.value!r}{f', children={len(self.children)}' if self.children else ''})"


AnyNode = TypeVar("AnyNode", bound=BinaryNode | Node)


def preorder(root: AnyNode | None) -> Iterator[AnyNode]:
    """Yield each node before its subtrees, and those from left to right.

    Cost: O(1) time a node; memory for the nodes that are waiting, at most one
    a level of a binary tree.

    Example:
        >>> [node.value for node in preorder(BinaryNode(2, BinaryNode(1), BinaryNode(3)))]
        [2, 1, 3]
    """
    waiting: list[Any] = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, BinaryNode):
            waiting += [child for child in (node.right, node.left) if child is not None]
        else:
            waiting += reversed(node.children)
