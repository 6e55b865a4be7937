"""Components and sets, step by step beside what they promise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from numpy.typing import NDArray

from bijou.algorithms import compiled
from bijou.algorithms.graphs import Components, UnionFind
from tests.unit.algorithms.graphs.specifications import SetsSpec, smallest_mates
from tests.unit.algorithms.machines import Machine, run_machine

NODES = 12
ENDS = st.integers(0, NODES - 1)
THINGS = st.sampled_from("abcdefgh")


class ComponentsMachine(Machine):
    native = False
    dtype: type = np.int64

    @initialize()
    def start(self) -> None:
        self.parts = Components(NODES, native=self.native)
        self.edges: list[tuple[int, int]] = []

    @rule(edges=st.lists(st.tuples(ENDS, ENDS), max_size=5))
    def add(self, edges: list[tuple[int, int]]) -> None:
        before = self.parts.count
        ends: NDArray[Any] = np.array(edges, self.dtype).reshape(-1, 2)

        assert self.parts.add(ends[:, 0], ends[:, 1]) == before - self.parts.count
        self.edges += edges

    @rule(node=st.sampled_from([-1, NODES]))
    def add_what_is_no_node(self, node: int) -> None:
        with pytest.raises(ValueError, match=f"an edge ends at {node}"):
            self.parts.add([0, 1], [1, node])

    @rule()
    def ask(self) -> None:
        labels = smallest_mates(NODES, self.edges)

        assert self.parts.labels().tolist() == labels
        names, sizes = self.parts.sizes()
        assert dict(zip(names.tolist(), sizes.tolist(), strict=True)) == {n: labels.count(n) for n in labels}

    @invariant()
    def count_the_components(self) -> None:
        if hasattr(self, "edges"):
            assert self.parts.count == len(set(smallest_mates(NODES, self.edges)))


class CompiledMachine(ComponentsMachine):
    native = True
    dtype = np.int32


@pytest.fixture
def machine(*, native: bool) -> type[Machine]:
    return CompiledMachine if native else ComponentsMachine


def test_components_are_named_by_their_smallest_node(machine: type[Machine]) -> None:
    run_machine(machine)


@pytest.mark.parametrize("rising", [True, False])
def test_a_long_chain_in_one_call_is_one_component(*, native: bool, rising: bool) -> None:
    ends = np.arange(50_000)
    parts = Components(50_000, native=native)
    sources, targets = (ends[:-1], ends[1:]) if rising else (ends[:0:-1], ends[-2::-1])

    assert parts.add(sources, targets) == 49_999
    assert not parts.labels().any()


def test_both_forms_agree_on_many_edges_in_many_batches(*, native: bool) -> None:
    chance = np.random.default_rng(3)
    edges = chance.integers(0, 20_000, (4, 2, 4000))
    parts, whole = Components(20_000, native=native), Components(20_000, native=False)
    for sources, targets in edges.astype(np.uint32):
        parts.add(sources, targets)
    whole.add(edges[:, 0].ravel(), edges[:, 1].ravel())

    assert parts.count == whole.count
    assert np.array_equal(parts.labels(), whole.labels())


def test_labels_cannot_be_written(*, native: bool) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Components(3, native=native).labels()[0] = 2


def test_edges_that_mean_nothing_are_refused() -> None:
    parts = Components(3, native=False)

    with pytest.raises(ValueError, match=r"both are \[edges\]"):
        parts.add([0, 1], [1])
    with pytest.raises(ValueError, match="must be integers"):
        parts.add([0.5], [1.5])
    with pytest.raises(ValueError, match="there can be 0 to 2147483647"):
        Components(1 << 31)
    assert parts.count == 3


def test_compiled_code_is_refused_where_there_is_no_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)

    with pytest.raises(ModuleNotFoundError, match="native=True needs numba"):
        Components(3, native=True)
    assert Components(3).labels().tolist() == [0, 1, 2]


class SetsMachine(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.sets: UnionFind[str] = UnionFind()
        self.spec = SetsSpec()

    @rule(one=THINGS, other=THINGS)
    def union(self, one: str, other: str) -> None:
        assert self.sets.union(one, other) == self.spec.union(one, other)

    @rule(one=THINGS, other=THINGS)
    def ask(self, one: str, other: str) -> None:
        assert self.sets.same(one, other) == (other in self.spec.find(one))
        assert self.sets.find(one) in self.spec.find(one)
        assert self.sets.size(other) == len(self.spec.find(other))
        assert len(self.sets) == len(self.spec.sets)


def test_sets_merge_as_plain_sets_do() -> None:
    run_machine(SetsMachine)


def test_a_thing_that_does_not_equal_itself_is_a_set_by_itself() -> None:
    nan, sets = float("nan"), UnionFind[float]()

    assert sets.find(nan) is nan
    assert (sets.union(nan, nan), sets.union(nan, 1.0), sets.same(1.0, nan)) == (False, True, True)
    assert (sets.size(nan), len(sets)) == (2, 1)


def test_things_that_are_equal_are_one_thing() -> None:
    sets: UnionFind[float] = UnionFind()

    assert (sets.union(1, 1.0), sets.union(1, 2), sets.union(2.0, True)) == (False, True, False)
    assert (sets.size(2.0), len(sets)) == (2, 1)
