"""Trees that grow and shrink, beside what recursion says of them."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.algorithms.trees import (
    BinaryNode,
    Node,
    dump_tree,
    load_tree,
    preorder,
    tree_from_text,
    tree_to_text,
)
from tests.unit.algorithms.machines import Machine, run_machine
from tests.unit.algorithms.trees.specifications import (
    binary,
    binary_plan,
    binary_text,
    nary,
    nary_plan,
    nary_text,
)

VALUES = st.integers(-300, 300)
PLACES = st.integers(0, 10**6)
SIDES = st.sampled_from([1, 2])


def frozen(plan: Any) -> Any:
    return None if plan is None else (plan[0], frozen(plan[1]), frozen(plan[2]))


class BinaryMachine(Machine):
    @initialize()
    def start(self) -> None:
        self.plan: Any = None

    def nodes(self, plan: Any) -> Iterator[Any]:
        if plan is not None:
            yield plan
            for child in plan[1:]:
                yield from self.nodes(child)

    def node(self, place: int) -> Any:
        every = list(self.nodes(self.plan))
        return every[place % len(every)] if every else None

    @rule(place=PLACES, side=SIDES, value=VALUES)
    def grow(self, place: int, side: int, value: int) -> None:
        parent = self.node(place)
        if parent is None:
            self.plan = [value, None, None]
        else:
            parent[side] = [value, parent[side], None]

    @rule(place=PLACES, side=SIDES)
    def cut(self, place: int, side: int) -> None:
        parent = self.node(place)
        if parent is None:
            return
        if parent[side] is None:
            self.plan = parent
        parent[side] = None

    @rule(place=PLACES, value=VALUES)
    def change(self, place: int, value: int) -> None:
        if (node := self.node(place)) is not None:
            node[0] = value

    @rule(place=PLACES)
    def mirror(self, place: int) -> None:
        if (node := self.node(place)) is not None:
            node[1], node[2] = node[2], node[1]

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "plan"):
            return
        tree = binary(self.plan)

        assert tree_to_text(tree) == binary_text(self.plan)
        assert [node.value for node in preorder(tree)] == [plan[0] for plan in self.nodes(self.plan)]
        for again in (
            load_tree(dump_tree(tree), BinaryNode),
            tree_from_text(tree_to_text(tree), BinaryNode),
        ):
            assert binary_plan(again) == frozen(self.plan)
            assert again == tree


class NaryMachine(Machine):
    @initialize(value=VALUES)
    def start(self, value: int) -> None:
        self.plan: Any = (value, [])

    def nodes(self, plan: Any) -> Iterator[Any]:
        yield plan
        for child in plan[1]:
            yield from self.nodes(child)

    def node(self, place: int) -> Any:
        every = list(self.nodes(self.plan))
        return every[place % len(every)]

    @rule(place=PLACES, among=PLACES, value=VALUES)
    def grow(self, place: int, among: int, value: int) -> None:
        children = self.node(place)[1]
        children.insert(among % (len(children) + 1), (value, []))

    @rule(place=PLACES, values=st.lists(VALUES, max_size=5))
    def replace_children(self, place: int, values: list[int]) -> None:
        self.node(place)[1][:] = [(value, []) for value in values]

    @rule(place=PLACES, value=VALUES)
    def put_a_parent_above_the_children(self, place: int, value: int) -> None:
        children = self.node(place)[1]
        children[:] = [(value, children[:])]

    @rule(place=PLACES)
    def turn(self, place: int) -> None:
        self.node(place)[1].reverse()

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "plan"):
            return
        tree = nary(self.plan)

        assert tree_to_text(tree) == nary_text(self.plan)
        assert [node.value for node in preorder(tree)] == [plan[0] for plan in self.nodes(self.plan)]
        for again in (load_tree(dump_tree(tree), Node), tree_from_text(tree_to_text(tree), Node)):
            assert again
            assert nary_plan(again) == self.plan
            assert again == tree


def test_a_binary_tree_is_written_and_read_as_recursion_would() -> None:
    run_machine(BinaryMachine)


def test_an_nary_tree_is_written_and_read_as_recursion_would() -> None:
    run_machine(NaryMachine)
