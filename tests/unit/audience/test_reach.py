import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from bijou.audience import Mode, Registry, read_rule
from bijou.audience.lookalikes import lookalike
from bijou.audience.reach import estimate, wilson
from bijou.ports import InvalidRequest
from tests.unit.audience.populations import NOW_S, Place, crowd

REGISTRY = Registry.shipped()


@given(seen=st.integers(1, 10_000), share=st.floats(0, 1))
def test_the_interval_holds_what_was_seen_and_stays_within_bounds(seen: int, share: float) -> None:
    hits = round(seen * share)

    low, high = wilson(hits, seen)

    assert 0 <= low <= hits / seen + 1e-12
    assert hits / seen - 1e-12 <= high <= 1


def test_a_sample_comes_near_and_says_how_near(tmp_path: Path) -> None:
    place = Place(tmp_path)
    people = crowd(6000, random.Random(1))
    place.send(people, "b1", mode=Mode.FULL, columns=["country", "age", "consent"])
    rule = read_rule('country in ("DE")', REGISTRY)
    with place.store.viewing() as view:
        whole = estimate(view, rule, NOW_S)
        sample = estimate(view, rule, NOW_S, sample_rows=600)

    truth = sum(viewer.get("country") == "DE" for viewer in people.values())
    assert whole.exact
    assert whole.users == round(truth / 10) * 10
    assert not sample.exact
    assert sample.low <= truth <= sample.high
    assert sample.high - sample.low < 0.15 * 6000


def test_no_two_questions_tell_of_one_person(tmp_path: Path) -> None:
    """Counts come in tens, and not at all below the floor."""
    place = Place(tmp_path)
    people = {f"v{n}": {"age": n, "consent": frozenset({"ads"})} for n in range(100)}
    place.send(people, "b1", mode=Mode.FULL, columns=["age", "consent"])

    with place.store.viewing() as view:
        told = [estimate(view, read_rule(f"age ..{n}", REGISTRY), NOW_S).users for n in range(100)]

    assert told[:49] == [None] * 49
    assert set(told[49:]) == {50, 60, 70, 80, 90, 100}


def test_who_has_not_agreed_is_counted_nowhere(tmp_path: Path) -> None:
    place = Place(tmp_path)
    agreed = {f"a{n}": {"age": 30, "consent": frozenset({"ads"})} for n in range(60)}
    others = {f"b{n}": {"age": 30, "consent": frozenset({"measurement"})} for n in range(60)}
    silent = {f"c{n}": {"age": 30} for n in range(60)}
    place.send({**agreed, **others, **silent}, "b1", mode=Mode.FULL, columns=["age", "consent"])

    with place.store.viewing() as view:
        rule = read_rule("not age ..20", REGISTRY)
        assert estimate(view, rule, NOW_S, purpose="ads").users == 60
        assert estimate(view, rule, NOW_S, purpose="measurement").users == 60
        assert estimate(view, rule, NOW_S, purpose="profiling").users is None


def test_those_most_alike_come_first_and_never_the_seed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    ads = frozenset({"ads"})
    fans = {f"fan{n}": {"country": "DE", "likes": frozenset({"noir"}), "consent": ads} for n in range(150)}
    near = {f"near{n}": {"country": "DE", "likes": frozenset({"noir"}), "consent": ads} for n in range(40)}
    half = {f"half{n}": {"country": "DE", "likes": frozenset({"sport"}), "consent": ads} for n in range(200)}
    far = {f"far{n}": {"country": "AT", "likes": frozenset({"sport"}), "consent": ads} for n in range(400)}
    mute = {f"mute{n}": {"country": "DE", "likes": frozenset({"noir"})} for n in range(40)}
    everybody = {**fans, **near, **half, **far, **mute}
    place.send(everybody, "b1", mode=Mode.FULL, columns=["country", "likes", "consent"])

    with place.store.viewing() as view:
        found = lookalike(view, BitMap(range(150)), 40)
        more = lookalike(view, BitMap(range(150)), 240)

    assert found.members == BitMap(range(150, 190))
    assert more.members == BitMap(range(150, 390))
    assert found.reasons[0][:2] in {("likes", "noir"), ("likes", "sport"), ("country", "AT")}


def test_a_seed_of_a_few_people_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.send(crowd(10, random.Random(1)), "b1")

    with place.store.viewing() as view, pytest.raises(InvalidRequest, match="a seed of 5 members"):
        lookalike(view, BitMap(range(5)), 10)
