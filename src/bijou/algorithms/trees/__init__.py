"""Trees written down and read back: for people, and compactly.

`tree_to_text` and `tree_from_text` are for eyes and editors, `dump_tree` and
`load_tree` for wires and disks (two bits of shape a node beside its value).
Both are preorder, both take `BinaryNode` and `Node`, neither recurses: a tree
may be a million deep. What is not whole and well is refused with its place.
"""

from bijou.algorithms.trees.compact import dump_tree, dump_tree_pieces, load_tree, load_tree_pieces
from bijou.algorithms.trees.malformed import MalformedTree
from bijou.algorithms.trees.node import BinaryNode, Node, preorder
from bijou.algorithms.trees.text import tree_from_text, tree_to_text

__all__ = [
    "BinaryNode",
    "MalformedTree",
    "Node",
    "dump_tree",
    "dump_tree_pieces",
    "load_tree",
    "load_tree_pieces",
    "preorder",
    "tree_from_text",
    "tree_to_text",
]
