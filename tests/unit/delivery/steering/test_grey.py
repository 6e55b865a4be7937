"""Failures that are not deaths, against viewers in virtual time: what is found, when, and what is not."""

from itertools import pairwise
from random import Random

import pytest

from bijou.delivery.steering import Level
from tests.unit.delivery.steering.crowd import WELL, Crowd, Fault, Faults, none


def since(region: str, second: int, fault: Fault, until: int = 10**9) -> Faults:
    return lambda place, now: fault if place == region and second <= now < until else WELL


@pytest.mark.parametrize(
    ("fault", "why", "within_s"),
    [
        (Fault(dead=True), "probe", 3),
        (Fault(slower=3), "first byte", 10),
        (Fault(errors=0.05), "errors", 12),
        (Fault(thinner=0.5), "rate", 10),
    ],
)
def test_a_failure_is_found_and_the_other_region_is_not_blamed(fault: Fault, why: str, within_s: int) -> None:
    crowd = Crowd(300, Random(1))
    crowd.run(75, since("east", 60, fault))

    (left, reason), *_ = crowd.left("east")
    assert (reason, left - 60 <= within_s) == (why, True), (left, reason)
    assert not crowd.left("west")
    assert "east" not in crowd.at.values()


@pytest.mark.parametrize(
    "fault", [Fault(slower=3), Fault(errors=0.04), Fault(thinner=0.5)], ids=["slower", "errors", "thinner"]
)
def test_what_befalls_both_regions_moves_nobody(fault: Fault) -> None:
    crowd = Crowd(200, Random(2))
    crowd.run(200, lambda _, second: fault if second >= 60 else WELL)

    assert not [why for region in ("east", "west") for _, why in crowd.left(region) if why != "probe"]


@pytest.mark.parametrize(("noise", "errors"), [(0.5, 0.001), (0.9, 0.005)])
def test_an_hour_of_quiet_moves_nobody(noise: float, errors: float) -> None:
    crowd = Crowd(20, Random(3), noise=noise, errors=errors)
    crowd.run(3600, none)

    assert (crowd.moves, crowd.changes) == (0, [])


def test_a_cut_between_regions_that_viewers_do_not_feel_moves_nobody() -> None:
    crowd = Crowd(40, Random(4))
    crowd.run(120, since("east", 60, Fault(probe_fails=True)))

    assert not crowd.changes


def test_one_viewer_whose_requests_all_fail_moves_nobody_else() -> None:
    crowd = Crowd(60, Random(5))
    crowd.run(30)
    for _ in range(60):
        for _ in range(50):
            crowd.fetch("ses_0", "east", Fault(dead=True))
        crowd.run(1, none)

    assert not crowd.changes


def test_a_region_that_flaps_is_left_for_longer_and_longer() -> None:
    crowd = Crowd(40, Random(6))
    crowd.run(900, lambda place, now: Fault(dead=True) if place == "east" and now // 15 % 2 else WELL)

    left = [second for second, _ in crowd.left("east")]
    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert gaps[0] >= 10
    assert gaps == sorted(gaps)
    assert len(left) <= 8
    assert not crowd.left("west")


def test_after_a_failure_viewers_come_back_few_by_few_and_nobody_goes_twice() -> None:
    crowd = Crowd(300, Random(7))
    there, moved = [], 0
    for second in range(240):
        moved = crowd.moves if second == 60 else moved
        crowd.run(1, since("east", 60, Fault(dead=True), until=90), start=second)
        there.append({session for session, region in crowd.at.items() if region == "east"})

    assert not there[70]
    back = there[90:]
    assert all(earlier <= later for earlier, later in pairwise(back))
    assert 0 < len(back[30]) < 100
    assert back[-1] == there[59]
    assert crowd.moves - moved == 2 * len(back[-1])


def test_what_comes_back_is_not_judged_by_what_it_was() -> None:
    crowd = Crowd(300, Random(9))
    crowd.run(140, since("east", 60, Fault(dead=True), until=64))

    assert len(crowd.left("east")) == 1


def test_a_grey_region_is_tried_by_few_while_it_stays_grey() -> None:
    crowd = Crowd(200, Random(8))
    crowd.run(60)
    most = 0
    for second in range(60, 260):
        crowd.run(1, since("east", 60, Fault(slower=3)), start=second)
        if second > 90:
            most = max(most, sum(region == "east" for region in crowd.at.values()))

    assert most <= 33
    assert crowd.pathways._watched["east"].health.level is not Level.UP
