"""What a plan says of itself: every choice on its hull, every sentence true."""

from msgspec.structs import replace

from bijou.encoding.chunks import Chunk, ChunkWork, PictureSource
from bijou.encoding.explaining import explained
from bijou.encoding.hull import Point, ShotPoints
from bijou.encoding.ladder import Rung
from bijou.encoding.recipes import recipe

PICTURE = PictureSource("mov", 0, (1, 24), 0, 0, 24000, 1000, (24, 1))
CHUNK = Chunk(1, 192, 192, 192_000, ((1000, 192),), (0, 96), 1, (0, 48), ends_on_cut=True, tail_frames=0)
WORK = ChunkWork(PICTURE, CHUNK, Rung("v480", 854, 480, 23, 2_000_000))
CALM = ShotPoints(48, (Point(18, 400_000, 97.0), Point(24, 200_000, 95.0), Point(30, 100_000, 91.5)))
WILD = ShotPoints(144, (Point(18, 9_000_000, 96.0), Point(24, 4_000_000, 91.0), Point(30, 2_000_000, 82.0)))


def test_each_shot_has_a_curve_and_its_choice_lies_on_the_hull() -> None:
    plan = explained(WORK, recipe("h264_aac"), [CALM, WILD])

    assert [(curve.start_s, curve.duration_s) for curve in plan.curves] == [(8.0, 2.0), (10.0, 6.0)]
    assert tuple(curve.chosen.crf for curve in plan.curves) == plan.crfs
    assert all(curve.chosen in curve.hull and len(curve.measured) == 3 for curve in plan.curves)
    assert plan.curves[1].measured[0].bps == 9_000_000 / 6
    assert plan.reached
    assert plan.vmaf >= plan.target_vmaf == 92
    assert "over all shots" in plan.because


def test_an_encoder_with_one_rate_factor_has_one_curve_a_chunk() -> None:
    plan = explained(replace(WORK, rung=replace(WORK.rung, name="av1-480")), recipe("av1_opus"), [CALM, WILD])

    assert len(set(plan.crfs)) == 1
    assert [(curve.start_s, curve.duration_s, curve.measured) for curve in plan.curves] == [(8.0, 8.0, ())]


def test_what_is_out_of_reach_is_said_so() -> None:
    poor = ShotPoints(192, (Point(18, 9_000_000, 80.0), Point(30, 1_000_000, 60.0)))

    plan = explained(replace(WORK, chunk=replace(CHUNK, shots=(0,))), recipe("h264_aac"), [poor])

    assert not plan.reached
    assert plan.because == "VMAF 92 is out of reach; the best that was tried, crf 18, gives 80.0"


def test_the_first_chunk_takes_the_recipes_own_and_says_what_that_will_be() -> None:
    plan = explained(replace(WORK, chunk=replace(CHUNK, index=0)), recipe("h264_aac"), [CALM, WILD])

    assert plan.crfs == (23.0, 23.0)
    assert 91 < plan.vmaf < 94
    assert [curve.chosen.crf for curve in plan.curves] == [23.0, 23.0]
    assert plan.because == "the recipe's own, crf 23: the first chunk waits for no analysis"
