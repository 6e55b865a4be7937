"""Which rate factor each shot of a chunk gets: the convex hull, and a walk on it; pure.

A few cheap encodes say, for each shot, what bits buy what quality. Between
them bits are taken as exponential and quality as linear in the rate factor.
What lies on the upper convex hull of (bits, quality) is worth choosing; bits
then go, step by step, to the shot where one more bit shows most, until the
chunk as a whole is as good as the rung's target. All shots end at about the
same slope, which is the least that a quality can cost (Lagrange), up to the
last step; and no shot falls far below the target, for that shows.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log

from msgspec import Struct

LEEWAY_VMAF = 4.0
_ROUNDING = 1e-9  # of sums; a target that is met but for it is met


class Point(Struct, frozen=True):
    """What one encode of one shot cost and gave.

    Args:
        bits: Of the shot, > 0.
        vmaf: Mean over its frames.
    """

    crf: float
    bits: float
    vmaf: float


class ShotPoints(Struct, frozen=True):
    """All that was measured of one shot.

    Args:
        frames: How long it is; its weight.
        points: At two rate factors or more, in any order.
    """

    frames: int
    points: tuple[Point, ...]


class Choice(Struct, frozen=True):
    """What was chosen for a chunk, and why.

    Args:
        crfs: Rate factor of each shot.
        vmaf: Expected of the chunk: the mean over its frames.
        bits: Expected, by the analysis encoder: a measure, not a size.
        reached: Whether the target lies within what may be chosen.
        hulls: Of each shot, the cheapest point first; one for all where all have
            one rate factor.
    """

    crfs: tuple[float, ...]
    vmaf: float
    bits: float
    reached: bool
    hulls: tuple[tuple[Point, ...], ...]


def choose_quality(
    shots: Sequence[ShotPoints],
    target_vmaf: float,
    crf_range: tuple[int, int],
    *,
    one_crf: bool = False,
    leeway_vmaf: float = LEEWAY_VMAF,
) -> Choice:
    """Choose each shot's rate factor so that the chunk reaches a quality cheaply.

    Cost: O(shots x rate factors), with the logarithm of it.

    Args:
        shots: At least one.
        crf_range: Lowest and highest rate factor to choose.
        one_crf: The encoder takes one rate factor for all shots.
        leeway_vmaf: How far below the target one shot may fall.

    Example:
        >>> calm = ShotPoints(100, (Point(20, 1000, 98), Point(30, 200, 92)))
        >>> wild = ShotPoints(100, (Point(20, 9000, 95), Point(30, 3000, 85)))
        >>> choose_quality([calm, wild], 92, (20, 30)).crfs
        (23.0, 27.0)
    """
    count = len(shots) if one_crf else 1
    if one_crf:
        shots = [_together(shots, crf_range)]
    hulls = [convex_hull(interpolated(shot.points, crf_range)) for shot in shots]
    weights = [shot.frames for shot in shots]
    chosen = [_floor(hull, target_vmaf - leeway_vmaf) for hull in hulls]
    wanted = (target_vmaf - _ROUNDING) * sum(weights)
    while _sum_vmaf(hulls, weights, chosen) < wanted:
        steps = [
            (_slope(hull[at], hull[at + 1]) * weight, shot)
            for shot, (hull, weight, at) in enumerate(zip(hulls, weights, chosen, strict=True))
            if at + 1 < len(hull)
        ]
        if not steps:
            break
        chosen[max(steps, key=lambda step: (step[0], -step[1]))[1]] += 1
    picked = [hull[at] for hull, at in zip(hulls, chosen, strict=True)]
    vmaf = _sum_vmaf(hulls, weights, chosen) / sum(weights)
    return Choice(
        crfs=tuple(point.crf for point in picked) * count,
        vmaf=round(vmaf, 3),
        bits=sum(point.bits for point in picked),
        reached=vmaf >= target_vmaf - _ROUNDING,
        hulls=tuple(tuple(hull) for hull in hulls),
    )


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """Return the points that no mixture of others beats, the cheapest first.

    Bits and quality both rise along it, and what a bit buys falls.

    Example:
        >>> [p.crf for p in convex_hull([Point(3, 1, 50), Point(2, 2, 51), Point(1, 3, 90), Point(0, 4, 80)])]
        [3, 1]
    """
    hull: list[Point] = []
    for point in sorted(points, key=lambda point: (point.bits, -point.vmaf)):
        if hull and point.vmaf <= hull[-1].vmaf:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def interpolated(points: Sequence[Point], crf_range: tuple[int, int]) -> list[Point]:
    """Return a point at each whole rate factor in range that was measured around.

    The range's own ends are clipped to what was measured: nothing is guessed
    outside of it.

    Raises:
        ValueError: fewer than two points.
    """
    known = sorted(points, key=lambda point: point.crf)
    if len(known) < 2:
        raise ValueError(f"{len(known)} points; a curve needs two")
    low, high = max(crf_range[0], known[0].crf), min(crf_range[1], known[-1].crf)
    whole = range(crf_range[0], crf_range[1] + 1)
    return [_at(known, float(crf)) for crf in whole if low <= crf <= high] or [_at(known, float(low))]


def _at(known: Sequence[Point], crf: float) -> Point:
    steps = list(pairwise(known))
    before, after = next((step for step in steps if crf <= step[1].crf), steps[-1])
    share = (crf - before.crf) / (after.crf - before.crf)
    bits = exp(log(before.bits) * (1 - share) + log(after.bits) * share)
    return Point(crf, bits, before.vmaf * (1 - share) + after.vmaf * share)


def _together(shots: Sequence[ShotPoints], crf_range: tuple[int, int]) -> ShotPoints:
    """One shot that stands for all."""
    frames = sum(shot.frames for shot in shots)
    curves = [interpolated(shot.points, crf_range) for shot in shots]
    points = []
    for same in zip(*curves, strict=True):
        vmaf = sum(point.vmaf * shot.frames for point, shot in zip(same, shots, strict=True)) / frames
        points.append(Point(same[0].crf, sum(point.bits for point in same), vmaf))
    return ShotPoints(frames, tuple(points))


def _slope(before: Point, after: Point) -> float:
    return (after.vmaf - before.vmaf) / max(after.bits - before.bits, 1e-9)


def _floor(hull: Sequence[Point], vmaf: float) -> int:
    return next((at for at, point in enumerate(hull) if point.vmaf >= vmaf), len(hull) - 1)


def _sum_vmaf(hulls: Sequence[Sequence[Point]], weights: Sequence[int], chosen: Sequence[int]) -> float:
    return sum(hull[at].vmaf * weight for hull, weight, at in zip(hulls, weights, chosen, strict=True))
