"""Trees as they are written, by recursion: short, slow, and obviously right."""

from typing import Any

from bijou.algorithms.trees import BinaryNode, Node

Plan = Any  # of a binary tree (value, left, right) or None; of an n-ary one (value, [children])


def binary(plan: Plan) -> BinaryNode | None:
    return None if plan is None else BinaryNode(plan[0], binary(plan[1]), binary(plan[2]))


def nary(plan: Plan) -> Node:
    return Node(plan[0], tuple(map(nary, plan[1])))


def binary_text(plan: Plan) -> str:
    return "#" if plan is None else f"{plan[0]} {binary_text(plan[1])} {binary_text(plan[2])}"


def nary_text(plan: Plan) -> str:
    children = " ".join(map(nary_text, plan[1]))
    return f"{plan[0]} ({children})" if children else f"{plan[0]}"


def binary_plan(node: BinaryNode | None) -> Plan:
    return None if node is None else (node.value, binary_plan(node.left), binary_plan(node.right))


def nary_plan(node: Node) -> Plan:
    return node.value, [nary_plan(child) for child in node.children]
