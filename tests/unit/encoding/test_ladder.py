from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding import ladder
from bijou.encoding.ladder import fit

SIDES = st.integers(32, 8192)


def sizes(width: int, height: int) -> list[tuple[int, int]]:
    return [(rung.width, rung.height) for rung in ladder(width, height, 25)]


@pytest.mark.parametrize(
    ("source", "rungs"),
    [
        ((3840, 2160), [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
        ((1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
        ((1280, 720), [(1280, 720), (854, 480), (640, 360), (426, 240)]),
        ((854, 480), [(854, 480), (640, 360), (426, 240)]),
        ((640, 480), [(640, 480), (480, 360), (320, 240)]),
        ((1920, 800), [(1920, 800), (1280, 534), (854, 356), (640, 266), (426, 178)]),
        ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)]),
        ((960, 540), [(960, 540), (640, 360), (426, 240)]),
        ((426, 240), [(426, 240), (284, 160)]),
        ((160, 90), [(160, 90)]),
    ],
)
def test_sources_get_the_rungs_that_people_expect(
    source: tuple[int, int], rungs: list[tuple[int, int]]
) -> None:
    assert sizes(*source) == rungs


@given(SIDES, SIDES, st.floats(1, 240))
def test_rungs_are_even_smaller_and_cheaper_each_and_never_above_the_source(
    width: int, height: int, frame_rate: float
) -> None:
    rungs = ladder(width, height, frame_rate)

    assert all(rung.width % 2 == 0 and rung.height % 2 == 0 for rung in rungs)
    assert rungs[0].width <= width + 1
    assert rungs[0].height <= height + 1
    for above, below in pairwise(rungs):
        assert below.width * below.height < above.width * above.height
        assert below.peak_bps <= above.peak_bps
    assert len({rung.name for rung in rungs}) == len(rungs)


@given(st.integers(240, 8192), st.integers(240, 8192))
def test_whatever_is_large_enough_has_two_rungs_of_its_own_shape(width: int, height: int) -> None:
    rungs = ladder(width, height, 25)

    assert len(rungs) >= 2
    for rung in rungs:
        assert abs(rung.width - width * rung.height / height) <= 1.001 + width / height


def test_a_strip_gets_no_rung_that_is_thinner_than_can_be_seen() -> None:
    assert sizes(64, 8192) == [(14, 1920)]


@given(SIDES, SIDES)
def test_what_is_fitted_fits(width: int, height: int) -> None:
    wide, high = fit(width, height, 160, 160)

    assert max(wide, high) <= 160
    assert wide % 2 == high % 2 == 0
