"""Poster candidates and previews: what is chosen, and what it costs to look."""

import asyncio
import math
import subprocess
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.encoding import EncodingLimits, Rung
from bijou.encoding.posters import KeyFrame, choose_posters, find_posters, take_posters
from bijou.encoding.sprite import plan_sprite
from bijou.encoding.stills import sprite_argv
from bijou.ports import BijouBug, SystemClock

LIMITS = EncodingLimits(threads=1, child_wall_s=60)
RUNG = Rung("v90", 160, 90, 23, 100_000)
FINE = KeyFrame(0.0, 40, 110, 190, 0.9, 4.0, 40)

# Black, a sharp picture, the same one blurred, white, and another sharp one: a second each.
SHOTS = (
    "color=black:s=160x90:r=10:d=1[a];testsrc2=s=160x90:r=10:d=1[b];testsrc2=s=160x90:r=10:d=1,gblur=4[c];"
    "color=white:s=160x90:r=10:d=1[d];mandelbrot=s=160x90:r=10:start_scale=0.3,trim=end=1[e];[a][b][c][d][e]concat=n=5"
)
CUTS_S = [1.0, 2.0, 3.0, 4.0]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rung") / "v90.mp4"
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-filter_complex", SHOTS]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "10", "-threads", "1"]
    subprocess.run([*command, "-movflags", "+frag_keyframe+delay_moov", str(path)], check=True)
    return path


def shown(picture: Path) -> float:
    """How far a picture's light spreads; a flat one has none."""
    with av.open(str(picture)) as opened:
        return float(next(opened.decode(video=0)).to_ndarray(format="gray").std())


def one_second(film: Path, at_s: int) -> Path:
    """One segment behind its init segment, as it were."""
    path = film.with_name(f"second.{at_s}.mp4")
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-ss", str(at_s), "-i", str(film)]
    subprocess.run([*command, "-t", "1", "-c", "copy", str(path)], check=True)
    return path


def test_candidates_show_something_sharp_first_and_neither_black_nor_white(film: Path) -> None:
    moments = asyncio.run(find_posters(film, CUTS_S, 5.0, limits=LIMITS, clock=SystemClock()))

    assert moments[0] == 1.0
    assert set(moments) <= {1.0, 2.0, 4.0}
    assert moments.index(1.0) < moments.index(2.0)


def test_the_frame_that_is_taken_is_the_one_that_was_chosen(film: Path) -> None:
    sources = [one_second(film, at_s) for at_s in (1, 3, 0)]

    names = asyncio.run(take_posters(sources, RUNG, film.parent, limits=LIMITS, clock=SystemClock()))

    assert names == ["poster-1.jpg", "poster-2.jpg", "poster-3.jpg"]
    assert [shown(film.parent / name) > 20 for name in names] == [True, False, False]


def test_what_goes_wrong_with_our_own_media_is_no_fault_of_the_films(tmp_path: Path) -> None:
    broken = tmp_path / "v90.mp4"
    broken.write_bytes(b"no film")

    with pytest.raises(BijouBug) as caught:
        asyncio.run(find_posters(broken, CUTS_S, 5.0, limits=LIMITS, clock=SystemClock()))

    assert caught.value.code == "encoding.own_media"
    assert "v90.mp4" in caught.value.__notes__[0]
    assert "v90.mp4" not in caught.value.detail


def test_the_sprite_is_made_of_key_frames(film: Path) -> None:
    sprite = plan_sprite([0.0, 1.0, 2.0, 3.0, 4.0], 5.0, (32, 18))

    subprocess.run(sprite_argv(film.parent, RUNG, sprite), check=True)

    with av.open(str(film.parent / "sprite.jpg")) as opened:
        tiles = next(opened.decode(video=0)).to_ndarray(format="gray")
    lit = [tiles[:, at * 32 : at * 32 + 32].mean() for at in range(5)]
    assert tiles.shape == (18, 160)
    assert lit[0] < 5
    assert lit[3] > 250
    assert 50 < lit[1] < 200


def test_a_film_that_shows_nothing_still_has_a_poster() -> None:
    assert choose_posters([KeyFrame(0.0), KeyFrame(2.0)], [], 4.0) == [2.0]


@given(
    st.lists(
        st.builds(KeyFrame, st.floats(0, 99), *[st.floats(0, 235)] * 3, st.floats(0, 1), st.just(4.0)),
        min_size=1,
    )
)
def test_no_two_candidates_are_of_one_shot_and_none_scores_above_an_earlier_one(
    frames: list[KeyFrame],
) -> None:
    frames.sort(key=lambda frame: frame.moment_s)
    cuts = [20.0, 40.0, 60.0]

    moments = choose_posters(frames, cuts, 100.0)

    shots = [sum(cut <= moment + 0.0005 for cut in cuts) for moment in moments]
    assert 1 <= len(moments) <= 4
    assert len(set(shots)) == len(shots)


@pytest.mark.parametrize(
    "worse",
    [
        KeyFrame(0.0, 40, 110, 190, 0.9, 9.0, 40),
        KeyFrame(0.0, 40, 60, 190, 0.9, 4.0, 40),
        KeyFrame(0.0, 90, 110, 130, 0.9, 4.0, 40),
        KeyFrame(0.0, 40, 110, 190, 0.4, 4.0, 40),
        KeyFrame(0.0, 40, 110, 190, 0.9, 4.0, 0),
        KeyFrame(0.0, 16, 17, 20, 0.9, 4.0, 0),
        KeyFrame(0.0, 40, 110, 190, 0.9, math.nan, 40),
    ],
    ids=["blurred", "dark", "flat", "empty", "grey", "black", "edgeless"],
)
def test_every_fault_costs(worse: KeyFrame) -> None:
    assert worse.score() < FINE.score()
