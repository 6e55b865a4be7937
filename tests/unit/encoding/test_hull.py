from itertools import pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bijou.encoding.hull import Point, ShotPoints, choose_quality, convex_hull, interpolated


@st.composite
def shots(draw: st.DrawFn) -> ShotPoints:
    """A shot whose bits and quality fall as the rate factor rises."""
    bits, vmaf = draw(st.floats(1e4, 1e7)), draw(st.floats(80, 100))
    points = []
    for crf in (20, 23, 26, 29):
        points.append(Point(crf, bits, vmaf))
        bits, vmaf = bits * draw(st.floats(0.3, 0.9)), vmaf - draw(st.floats(0.5, 9))
    return ShotPoints(draw(st.integers(10, 200)), tuple(points))


@given(st.lists(shots(), min_size=1, max_size=3), st.floats(75, 97))
@example(
    [ShotPoints(25, tuple(Point(20 + 3 * n, 10_000 / 2**n, 82.88499623239598 - n) for n in range(4)))],
    82.88499623239598,
)
def test_no_other_choice_on_the_hull_is_as_good_and_much_cheaper(
    chunk: list[ShotPoints], target: float
) -> None:
    choice = choose_quality(chunk, target, (20, 29), leeway_vmaf=1000)
    weights = [shot.frames for shot in chunk]

    def quality(points: tuple[Point, ...]) -> float:
        return sum(p.vmaf * w for p, w in zip(points, weights, strict=True)) / sum(weights)

    good = [points for points in product(*choice.hulls) if quality(points) >= target - 1e-9]
    assert choice.reached == bool(good)
    if good:
        cheapest = min(sum(point.bits for point in points) for points in good)
        step = max((b.bits - a.bits for hull in choice.hulls for a, b in pairwise(hull)), default=0.0)
        assert choice.vmaf >= target - 1e-3
        assert choice.bits <= cheapest + step + 1e-6


@given(shots())
def test_along_the_hull_a_bit_buys_ever_less(shot: ShotPoints) -> None:
    hull = convex_hull(interpolated(shot.points, (20, 29)))

    slopes = [(b.vmaf - a.vmaf) / (b.bits - a.bits) for a, b in pairwise(hull)]
    assert all(before > after for before, after in pairwise(slopes))
    assert all(slope > 0 for slope in slopes)


@given(st.lists(shots(), min_size=2, max_size=4))
def test_no_shot_falls_far_below_the_target(chunk: list[ShotPoints]) -> None:
    choice = choose_quality(chunk, 85, (20, 29), leeway_vmaf=4)

    for crf, hull in zip(choice.crfs, choice.hulls, strict=True):
        [chosen] = [point for point in hull if point.crf == crf]
        assert chosen.vmaf >= 81 - 1e-9 or chosen is hull[-1]


def test_a_calm_shot_costs_less_and_a_wild_one_is_spared() -> None:
    calm = ShotPoints(100, (Point(20, 2000, 97), Point(30, 500, 93)))
    wild = ShotPoints(100, (Point(20, 9000, 94), Point(30, 3000, 84)))

    calm_crf, wild_crf = choose_quality([calm, wild], 91, (20, 30)).crfs

    assert calm_crf < wild_crf


def test_one_rate_factor_for_all_shots_where_the_encoder_takes_no_more() -> None:
    calm = ShotPoints(100, (Point(20, 2000, 97), Point(30, 500, 93)))
    wild = ShotPoints(100, (Point(20, 9000, 94), Point(30, 3000, 84)))

    choice = choose_quality([calm, wild], 91, (20, 30), one_crf=True)

    assert choice.crfs == (26.0, 26.0)
    assert choice.vmaf == 91.3


def test_a_curve_needs_two_points() -> None:
    with pytest.raises(ValueError, match="1 points"):
        interpolated((Point(20, 1, 1),), (10, 30))
