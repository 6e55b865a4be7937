"""Walks among failing nodes: never wrong, certain of what they say, resumed without a loss."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from bijou.algorithms.graphs import Checkpoint, Exploration, explore
from tests.unit.algorithms.graphs.specifications import true_distances
from tests.unit.algorithms.machines import Machine, run_machine

NODES = 9
# A long way round, and short cuts: those that heal late bring what was already told nearer.
SHORT_CUTS = st.lists(st.lists(st.integers(0, NODES - 1), max_size=2), min_size=NODES, max_size=NODES)
GRAPHS = SHORT_CUTS.map(lambda cuts: [[*cut, min(at + 1, NODES - 1)] for at, cut in enumerate(cuts)])


class WalkMachine(Machine):
    @initialize(graph=GRAPHS)
    def start(self, graph: list[list[int]]) -> None:
        self.graph = dict(enumerate(graph))
        self.truth = true_distances(self.graph, 0)
        self.walk = Exploration([0])
        self.in_flight: list[int] = []
        self.told: set[int] = set()

    @rule(most=st.integers(1, 4))
    def ask(self, most: int) -> None:
        wanted = self.walk.wanted(most)

        assert len(wanted) <= most
        assert not set(wanted) & {*self.in_flight, *self.walk.failed}
        self.in_flight += wanted

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), fails=st.booleans())
    def hear(self, *, data: Any, fails: bool) -> None:
        node = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(node)
        if fails:
            self.walk.fail(node)
        else:
            self.walk.answer(node, self.graph[node])
            self.told.add(node)

    @rule(data=st.data())
    def hear_late_or_twice(self, data: Any) -> None:
        node = data.draw(st.sampled_from(sorted(self.walk.distances)))
        self.walk.answer(node, self.graph[node])
        self.told.add(node)
        self.in_flight = [other for other in self.in_flight if other != node]

    @rule()
    def heal(self) -> None:
        failed = len(self.walk.failed)

        assert self.walk.retry() == failed
        assert not self.walk.failed

    @rule()
    def stop_and_resume(self) -> None:
        known = self.walk.checkpoint()
        written = json.dumps([sorted(known.distances.items()), sorted(known.answers.items())])
        distances, answers = json.loads(written)
        self.walk = Exploration.resume(Checkpoint(dict(distances), dict(answers)))
        self.in_flight = []

    @rule()
    def end_as_if_nothing_had_failed(self) -> None:
        undisturbed = Exploration([0])
        explore(undisturbed, self.graph.__getitem__)
        healed = Exploration.resume(self.walk.checkpoint())
        asked: list[int] = []

        def ask(node: int) -> list[int]:
            asked.append(node)
            return self.graph[node]

        silent = self.walk.certificate().unanswered
        certificate = explore(healed, ask)

        assert certificate == (True, None, frozenset())
        assert healed.distances == undisturbed.distances == self.truth
        assert all(healed.path(node) == undisturbed.path(node) for node in range(NODES))
        assert silent <= set(asked)
        assert len(asked) == len(set(asked)) == len(self.truth) - len(self.walk.checkpoint().answers)

    @invariant()
    def be_right_beside_the_truth(self) -> None:
        if not hasattr(self, "walk"):
            return
        known, certificate = self.walk.distances, self.walk.certificate()
        assert not self.walk.failed & self.told
        assert certificate.unanswered == known.keys() - self.told
        assert certificate.complete == (not certificate.unanswered) == (certificate.exact_within is None)
        assert all(known[node] >= self.truth[node] for node in known)
        if certificate.exact_within is None:
            assert known == self.truth
            return
        exact = {node: d for node, d in self.truth.items() if d <= certificate.exact_within}
        assert {node: d for node, d in known.items() if d <= certificate.exact_within} == exact

    @rule()
    def walk_real_edges(self) -> None:
        for node, distance in self.walk.distances.items():
            path = self.walk.path(node)
            assert path is not None
            assert (path[0], path[-1], len(path)) == (0, node, distance + 1)
            assert all(after in self.graph[before] for before, after in pairwise(path))


def test_a_walk_among_failures_is_never_wrong_and_ends_as_if_none_had_failed() -> None:
    run_machine(WalkMachine, examples=100)


def test_a_certificate_is_as_strong_as_the_silence_allows() -> None:
    walk = Exploration([0])
    graph = {0: [1, 2], 1: [3], 2: [4], 3: [5], 4: [6], 5: [], 6: []}

    def ask(node: int) -> list[int]:
        if node == 4:
            raise TimeoutError
        return graph[node]

    certificate = explore(walk, ask)

    assert certificate == (False, 2, frozenset({4}))
    assert walk.path(5) == [0, 1, 3, 5]
    assert walk.path(6) is None


def test_a_late_answer_brings_nearer_what_was_told_long_ago() -> None:
    graph = {0: [1, 9], 1: [2], 2: [3], 3: [4], 4: [], 9: [3]}
    walk = Exploration([0])
    walk.wanted(1)
    walk.answer(0, graph[0])
    walk.fail(9)

    assert explore(walk, graph.__getitem__) == (False, 1, frozenset({9}))
    assert (walk.distances[3], walk.distances[4]) == (3, 4)
    walk.answer(9, graph[9])
    assert walk.certificate().complete
    assert (walk.distances[3], walk.distances[4]) == (2, 3)
    assert walk.path(4) == [0, 9, 3, 4]


def test_a_node_that_comes_nearer_while_it_is_asked_is_not_asked_twice() -> None:
    walk = Exploration([0])
    walk.wanted(1)
    walk.answer(0, [1, 9])
    walk.wanted(2)
    walk.answer(1, [2])
    walk.wanted(1)
    walk.answer(2, [3])

    assert walk.wanted(9) == [3]
    walk.answer(9, [3])
    assert walk.distances[3] == 2
    assert walk.wanted(9) == []


def test_a_budget_ends_a_walk_between_two_calls() -> None:
    walk = Exploration([0])

    assert explore(walk, lambda node: [node + 1], budget=3) == (False, 3, frozenset({3}))
    assert explore(walk, lambda _: [], budget=1).complete


def test_an_error_that_is_no_failure_passes_through_and_can_be_retried() -> None:
    walk = Exploration(["a"])

    with pytest.raises(KeyError):
        explore(walk, dict[str, list[str]]().__getitem__)
    assert walk.retry() == 1
    assert explore(walk, {"a": list[str]()}.__getitem__).complete


def test_an_answer_from_where_nothing_led_is_refused() -> None:
    walk = Exploration([0])

    with pytest.raises(ValueError, match="node 7 was never seen"):
        walk.answer(7, [])
    with pytest.raises(ValueError, match="node 7 was never seen"):
        walk.fail(7)
