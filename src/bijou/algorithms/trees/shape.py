"""A tree taken apart into shape codes and values in preorder, and put together.

A code has two bits. Of a binary node they say whether a left and whether a
right subtree follow; of an n-ary one whether it has children and whether it
has a next sibling. The second is the first of the tree's left-child
right-sibling twin, which has the same preorder, so everything else here need
not know which of the two it handles.

Source: D. E. Knuth, The Art of Computer Programming, vol. 1, 2.3.2, natural
    correspondence between forests and binary trees.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from bijou.algorithms.trees.node import AnyNode, BinaryNode, Node, Value

LEFT, RIGHT = 1, 2
CHILDREN, SIBLING = 1, 2
BLOCK_NODES = 65_536
MAX_NODES = 1 << 24


class Block(NamedTuple):
    """Up to `BLOCK_NODES` nodes in preorder: one code and one value each."""

    codes: bytearray
    values: list[Value]


def too_many(max_nodes: int) -> str:
    """Say what is wrong with a tree of more than `max_nodes`."""
    return f"more than max_nodes = {max_nodes:,} nodes; raise it if that many are meant"


def blocks_of(root: BinaryNode | Node | None, max_nodes: int) -> Iterator[Block]:
    """Yield the tree's blocks in order; all but the last are full.

    Raises:
        ValueError: More than `max_nodes` nodes, as where one is its own
            ancestor; a node reached twice counts twice.
    """
    if root is None:
        return
    binary = isinstance(root, BinaryNode)
    take: Callable[[list[Any], int], Block] = _take_binary if binary else _take_nary
    waiting: list[Any] = [root] if binary else [None, root]
    taken = 0
    while waiting:
        block = take(waiting, BLOCK_NODES)
        taken += len(block.codes)
        if taken > max_nodes:
            raise ValueError(f"the tree has {too_many(max_nodes)}, and a node may not be its own ancestor")
        yield block


def _take_binary(waiting: list[BinaryNode], most: int) -> Block:
    codes, values = bytearray(), list[Value]()
    pop, push, put, keep = waiting.pop, waiting.append, codes.append, values.append
    for _ in range(most):
        if not waiting:
            break
        node = pop()
        keep(node.value)
        left, right = node.left, node.right
        if right is not None:
            push(right)
            if left is not None:
                push(left)
                put(LEFT | RIGHT)
            else:
                put(RIGHT)
        elif left is not None:
            push(left)
            put(LEFT)
        else:
            put(0)
    return Block(codes, values)


def _take_nary(waiting: list[Node | None], most: int) -> Block:
    """Take what is waiting; a None lies below the last sibling of each family."""
    codes, values = bytearray(), list[Value]()
    pop, push, put, keep = waiting.pop, waiting.append, codes.append, values.append
    for _ in range(most):
        if not waiting:
            break
        node = pop()
        assert node is not None, "a None is popped with the node above it"
        keep(node.value)
        code = SIBLING
        if waiting[-1] is None:
            pop()
            code = 0
        children = node.children
        if children:
            push(None)
            waiting += reversed(children)
            put(code | CHILDREN)
        else:
            put(code)
    return Block(codes, values)


def build(codes: Sequence[int], values: Sequence[Value], kind: type[AnyNode]) -> AnyNode | None:
    """Put a tree together from a sound shape; the inverse of `blocks_of`.

    Meanwhile the collector of reference cycles rests: nothing here makes any,
    and its passes over a growing tree would cost ten times the building.
    """
    put_together: Callable[[Sequence[int], Sequence[Value]], Any] = (
        _build_binary if kind is BinaryNode else _build_nary
    )
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return cast("AnyNode | None", put_together(codes, values))
    finally:
        if was_enabled:
            gc.enable()


def _build_binary(codes: Sequence[int], values: Sequence[Value]) -> BinaryNode | None:
    """Work from the last node to the first, so that subtrees stand before their parents."""
    built: list[BinaryNode] = []
    pop, push = built.pop, built.append
    for code, value in zip(reversed(codes), reversed(values), strict=True):
        if not code:
            push(BinaryNode(value))
        elif code == LEFT | RIGHT:
            left = pop()
            built[-1] = BinaryNode(value, left, built[-1])
        elif code == LEFT:
            built[-1] = BinaryNode(value, built[-1], None)
        else:
            built[-1] = BinaryNode(value, None, built[-1])
    return built[0] if built else None


def _build_nary(codes: Sequence[int], values: Sequence[Value]) -> Node | None:
    """Work from the last node to the first; a family grows from its last sibling back."""
    built: list[Node] = []
    families: list[int] = []  # where in `built` each family that still waits for its parent begins
    push, begin, end = built.append, families.append, families.pop
    for code, value in zip(reversed(codes), reversed(values), strict=True):
        if code == SIBLING:
            push(Node(value))
        elif not code:
            begin(len(built))
            push(Node(value))
        else:
            start = end()
            children = built[start:]
            children.reverse()
            del built[start:]
            if code == CHILDREN:
                begin(start)
            push(Node(value, tuple(children)))
    return built[0] if built else None
