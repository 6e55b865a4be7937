"""Scores that can be believed, and choices that follow from them."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from bijou.encoding.chunks import Chunk, ChunkWork, PictureSource
from bijou.encoding.hull import choose_quality
from bijou.encoding.ladder import Rung
from bijou.encoding.quality import VmafScore, analyse_chunk, judge_self_check, measure_vmaf, self_check
from bijou.ports import EngineUnavailable, SystemClock
from tests.contract.chunks.studio import LIMITS, encode, joined, look, make, quick

RUNG = Rung("v144", 256, 144, 23, 2_000_000)
CALM = "gradients=size=256x144:rate=24:speed=0.002:seed=3:duration=2"
WILD = "testsrc2=size=256x144:rate=24:duration=2,noise=alls=30:allf=t:all_seed=5"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PictureSource, Chunk]:
    """A calm shot of two seconds, then a wild one."""
    inputs = ("-f", "lavfi", "-i", CALM, "-f", "lavfi", "-i", WILD)
    graph = "[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]concat=n=2"
    path = tmp_path_factory.mktemp("quality") / "film.mkv"
    make(path, *inputs, "-filter_complex", graph, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "8")
    chunk = Chunk(0, 0, 0, 0, ((1000, 96),), (0, 48), 1, (0, 48), ends_on_cut=True, tail_frames=0)
    return path, look(path, "matroska"), chunk


def test_scores_fall_with_quality_and_see_a_frame_that_is_late(
    film: tuple[Path, PictureSource, Chunk], tmp_path: Path
) -> None:
    source, picture, chunk = film
    works = [ChunkWork(picture, chunk, RUNG, (crf, crf)) for crf in (14.0, 40.0)]
    encodes = [
        joined(encode(source, [work], quick(), tmp_path), tmp_path / f"{n}.mp4")
        for n, work in enumerate(works)
    ]
    late = make(tmp_path / "late.mp4", "-i", str(encodes[0]), "-vf", "trim=start_frame=1", "-c:v", "libx264",
                "-crf", "10", "-preset", "ultrafast")  # fmt: skip

    def score(chunk: Chunk, *files: Path) -> list[VmafScore]:
        return asyncio.run(
            measure_vmaf(
                source, picture, chunk, files, size=(256, 144), folder=tmp_path, limits=LIMITS,
                clock=SystemClock(), every=4,
            )
        )  # fmt: skip

    good, bad = score(chunk, *encodes)
    shifted = Chunk(0, 0, 0, 0, ((1000, 95),), (0, 48), 1, (0, 48), ends_on_cut=True, tail_frames=0)

    assert len(good.frames) == 24
    assert good.mean > 85
    assert good.over(48, 96) > bad.over(48, 96) + 20
    assert score(shifted, late)[0].over(48, 95) < good.over(48, 95) - 10


def test_an_encode_that_is_too_short_has_no_score(
    film: tuple[Path, PictureSource, Chunk], tmp_path: Path
) -> None:
    source, picture, chunk = film
    short = make(tmp_path / "short.mp4", "-i", str(source), "-frames:v", "40", "-c:v", "libx264")

    with pytest.raises(EngineUnavailable) as caught:
        asyncio.run(
            measure_vmaf(
                source, picture, chunk, [short], size=(256, 144), folder=tmp_path, limits=LIMITS,
                clock=SystemClock(),
            )
        )  # fmt: skip

    assert caught.value.code == "encoding.vmaf_untrusted"


@pytest.mark.parametrize(("same", "late"), [(8.0, 5.0), (97.0, 96.0)])
def test_a_libvmaf_that_is_blind_is_not_believed(same: float, late: float) -> None:
    judge_self_check(97.4, 60.0)

    with pytest.raises(EngineUnavailable):
        judge_self_check(same, late)


def test_a_libvmaf_that_cannot_be_tried_is_no_fault_of_the_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bijou.encoding.quality._TRUSTED", set())
    no_time = replace(LIMITS, child_wall_s=0.001)

    with pytest.raises(EngineUnavailable) as caught:
        asyncio.run(self_check(tmp_path, no_time, SystemClock()))

    assert caught.value.code == "encoding.vmaf_untrusted"


def test_analysis_finds_what_bits_buy_in_each_shot(
    film: tuple[Path, PictureSource, Chunk], tmp_path: Path
) -> None:
    source, picture, chunk = film

    calm, wild = asyncio.run(
        analyse_chunk(
            source, ChunkWork(picture, chunk, RUNG), quick(), crfs=(18, 34), folder=tmp_path, limits=LIMITS,
            clock=SystemClock(),
        )
    )  # fmt: skip
    choice = choose_quality([calm, wild], 85, (18, 34))

    assert wild.points[0].bits > 5 * calm.points[0].bits
    assert all(shot.points[0].vmaf > shot.points[1].vmaf for shot in (calm, wild))
    assert choice.crfs[0] != choice.crfs[1]
    assert list(tmp_path.iterdir()) == []
