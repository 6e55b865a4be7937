"""Trees written and read back, beside pickle and json.

A program does not stop the collector of reference cycles around a call: the
rows with a target let it run, as it does for whoever calls `pickle.loads`.
The rows below them stop it for both.
"""

import gc
import json
import pickle
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from benchmarks.structures.measuring import Row, Work, interleaved
from bijou.algorithms.trees import (
    BinaryNode,
    Node,
    dump_tree,
    load_tree,
    tree_from_text,
    tree_to_text,
)

_PICKLE = f"pickle {sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
_FAMILY = 8


def rows(*, quick: bool) -> list[Row]:
    """Return every row of this room."""
    nodes, rounds = 100_000 if quick else 1_000_000, 3
    return [
        *_beside_pickle("binary", partial(_balanced, 0, nodes), BinaryNode, nodes, rounds),
        *_beside_pickle("n-ary", partial(_families, 0, nodes), Node, nodes, rounds),
        *_text(nodes // 5, rounds),
        _depth(nodes),
    ]


def _beside_pickle(name: str, grow: Callable[[], Any], kind: Any, nodes: int, rounds: int) -> list[Row]:
    what = f"{nodes:,} nodes, {name}"
    tree = grow()
    ours, theirs = dump_tree(tree), pickle.dumps(tree, 5)
    write = {"ours": partial(dump_tree, tree), "theirs": partial(pickle.dumps, tree, 5)}
    written = _timed(f"write {what}", write, nodes, rounds, at_least=5.0)
    del tree  # who reads a tree does not have it yet
    write.clear()
    read = {"ours": partial(load_tree, ours, kind), "theirs": partial(pickle.loads, theirs)}
    size = Row(
        room="trees",
        what=f"size, {name}",
        ours=len(ours) / nodes,
        peer=_PICKLE,
        theirs=len(theirs) / nodes,
        unit="B/node",
        ratio=len(theirs) / len(ours),
    )
    return [*written, *_timed(f"read {what}", read, nodes, rounds, at_least=2.0), size]


def _timed(what: str, works: Mapping[str, Work], nodes: int, rounds: int, *, at_least: float) -> list[Row]:
    """Measure once with the collector as programs start with it, and once without."""
    rows = []
    for note, target in (("as called", at_least), ("collector off for both", None)):
        called = {who: _collecting(work) for who, work in works.items()} if target else works
        taken = interleaved(called, rounds=rounds)
        rows.append(
            Row(
                room="trees",
                what=what,
                ours=taken["ours"] / nodes * 1e9,
                peer=_PICKLE,
                theirs=taken["theirs"] / nodes * 1e9,
                unit="ns/node",
                ratio=taken["theirs"] / taken["ours"],
                at_least=target,
                note=note,
            )
        )
    return rows


def _collecting(work: Work) -> Work:
    def run() -> None:
        gc.enable()
        work()

    return run


def _text(nodes: int, rounds: int) -> list[Row]:
    tree = _balanced(0, nodes)
    plain = _plain(tree)
    ours, theirs = tree_to_text(tree), json.dumps(plain)
    rows = []
    for step, works in {
        "write": {"ours": lambda: tree_to_text(tree), "theirs": lambda: json.dumps(plain)},
        "read": {"ours": lambda: tree_from_text(ours, BinaryNode), "theirs": lambda: json.loads(theirs)},
    }.items():
        taken = interleaved(works, rounds=rounds)
        rows.append(
            Row(
                room="trees",
                what=f"{step} text of {nodes:,} nodes, binary",
                ours=taken["ours"] / nodes * 1e9,
                peer="json (C), nested lists",
                theirs=taken["theirs"] / nodes * 1e9,
                unit="ns/node",
                ratio=taken["theirs"] / taken["ours"],
            )
        )
    return rows


def _depth(nodes: int) -> Row:
    """The deepest chain that comes back, up to the number of nodes."""

    def comes_back(depth: int) -> bool:
        try:
            pickle.loads(pickle.dumps(_chain(depth), 5))
        except RecursionError:
            return False
        return True

    low, high = 1, nodes
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if comes_back(middle) else (low, middle)
    chain = _chain(nodes)
    assert load_tree(dump_tree(chain), BinaryNode) == chain
    return Row(
        room="trees",
        what="depth that comes back",
        ours=nodes,
        peer=_PICKLE,
        theirs=low,
        unit="levels",
        ratio=nodes / low,
        note="ours was tried no deeper",
    )


def _balanced(low: int, high: int) -> BinaryNode | None:
    if low >= high:
        return None
    middle = (low + high) // 2
    return BinaryNode(middle, _balanced(low, middle), _balanced(middle + 1, high))


def _families(low: int, high: int) -> Node:
    cuts = [low + 1 + (high - low - 1) * child // _FAMILY for child in range(_FAMILY + 1)]
    children = pairwise(cuts)
    return Node(low, tuple(_families(start, end) for start, end in children if start < end))


def _chain(depth: int) -> BinaryNode:
    chance = Random(depth)
    tree = BinaryNode(0)
    for level in range(1, depth):
        tree = BinaryNode(level, tree, None) if chance.random() < 0.5 else BinaryNode(level, None, tree)
    return tree


def _plain(tree: BinaryNode | None) -> Any:
    return None if tree is None else [tree.value, _plain(tree.left), _plain(tree.right)]
