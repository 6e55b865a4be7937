import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from bijou.audience import EVERYBODY, Mode, Rule
from bijou.audience.evaluation import Evaluator, GatheredFrame, StridedFrame
from bijou.audience.view import View
from tests.unit.audience.oracle import LIKES, REGISTRY, matches, rules
from tests.unit.audience.populations import NOW_S, Place, crowd

PEOPLE = 150


class World:
    """A base of people, two deltas above it (one of them late), and what is true of everybody."""

    def __init__(self, folder: Path) -> None:
        chance = random.Random(5)
        place = Place(folder)
        self.truth = crowd(PEOPLE, chance)
        place.send(self.truth, "base", at_s=NOW_S - 100, mode=Mode.FULL)
        newer = crowd(40, chance, start=PEOPLE - 20)
        place.send(newer, "delta", at_s=NOW_S - 10)
        late = {name: {"age": 1, "country": "DE"} for name in list(newer)[:30]}
        place.send(late, "late", at_s=NOW_S - 20, columns=["age", "country"])
        for name, viewer in newer.items():
            self._merge(name, viewer)
        self.names = [f"viewer-{number:06}" for number in range(PEOPLE + 20)]
        self.view = place.store.view()
        assert [place.ordinal(name) for name in self.names] == list(range(len(self.names)))

    def _merge(self, name: str, viewer: dict[str, Any]) -> None:
        moments = {
            f"watched:{value}": self.truth.get(name, {}).get(f"watched:{value}", ())
            + viewer.get(f"watched:{value}", ())
            for value in LIKES
        }
        self.truth[name] = {**viewer, **moments}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.view.close()


def expected(world: World, rule: Rule, audiences: dict[str, BitMap]) -> list[bool]:
    return [
        matches(
            rule, world.truth[name], NOW_S, frozenset(key for key, who in audiences.items() if number in who)
        )
        for number, name in enumerate(world.names)
    ]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rule=rules(audiences=("kids",)), kids=st.sets(st.integers(0, PEOPLE + 19)))
def test_everybody_is_answered_as_by_the_slowest_obvious_way(
    world: World, rule: Rule, kids: set[int]
) -> None:
    audiences = {"kids": BitMap(kids)}
    frame = StridedFrame(world.view, 0, world.view.rows, 1, audiences)

    answers = Evaluator(frame, REGISTRY, NOW_S).evaluate(rule)

    assert answers.tolist() == expected(world, rule, audiences)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rule=rules(audiences=("kids",)),
    start=st.integers(0, 170),
    length=st.integers(0, 170),
    step=st.integers(1, 9),
    some=st.sets(st.integers(0, PEOPLE + 19)),
)
def test_a_block_a_sample_and_a_handful_are_answered_like_the_whole(
    world: World, rule: Rule, start: int, length: int, step: int, some: set[int]
) -> None:
    audiences = {"kids": BitMap(range(0, 200, 3))}
    truth = np.array(expected(world, rule, audiences), bool)
    chosen = np.array(sorted(some), np.uint32)

    block = StridedFrame(world.view, start, start + length, step, audiences)
    handful = GatheredFrame(world.view, chosen, audiences)

    stop = min(start + length, len(truth))
    assert Evaluator(block, REGISTRY, NOW_S).evaluate(rule).tolist() == truth[start:stop:step].tolist()
    assert Evaluator(handful, REGISTRY, NOW_S).evaluate(rule).tolist() == truth[chosen].tolist()


def test_a_view_without_rows_answers_nobody(tmp_path: Path) -> None:
    view: View = Place(tmp_path).store.view()

    answers = Evaluator(StridedFrame(view, 0, 10), REGISTRY, NOW_S).evaluate(EVERYBODY)

    assert len(answers) == 0
