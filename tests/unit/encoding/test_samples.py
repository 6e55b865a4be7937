import asyncio
import re
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from bijou.encoding.samples import SAMPLES, Sample, command, make
from bijou.ports import EngineUnavailable, SystemClock, VirtualClock

KILIM = next(sample for sample in SAMPLES if sample.slug == "rule-90-woven")


def render(sample: Sample, out: Path, *, seed: int = 7, only_s: float = 0.125) -> Path:
    subprocess.run(command(sample, out, seed=seed, only_s=only_s), check=True, capture_output=True)
    return out


def pictures(film: Path, *, width: int = 640, height: int = 360) -> list[np.ndarray]:
    with av.open(film) as container:
        return [
            frame.to_ndarray(width=width, height=height, format="rgb24")
            for frame in container.decode(video=0)
        ]


def loudness(film: Path) -> np.ndarray:
    with av.open(film) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


@pytest.fixture(scope="module")
def kilim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("samples") / "kilim.mp4"
    return asyncio.run(make(KILIM, out, clock=SystemClock()))


def test_there_are_eight_films_with_names_of_their_own_in_two_rows_of_four() -> None:
    assert len(SAMPLES) == 8
    assert len({sample.slug for sample in SAMPLES}) == len({sample.name for sample in SAMPLES}) == 8
    assert sorted(Counter(sample.row for sample in SAMPLES).values()) == [4, 4]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.slug)
def test_a_films_card_is_complete(sample: Sample) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", sample.slug)
    assert re.fullmatch(r"#[0-9a-f]{6}", sample.accent)
    assert 40 <= len(sample.synopsis) <= 160
    assert sample.synopsis.endswith(".")
    assert 12 <= sample.duration_s <= 20
    assert sample.width * 9 == sample.height * 16
    assert all(0 < cut_s < sample.duration_s for cut_s in sample.cuts_s)


def test_some_films_are_cut_so_that_the_segment_grid_has_something_to_follow() -> None:
    assert sum(bool(sample.cuts_s) for sample in SAMPLES) >= 2


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.slug)
def test_a_command_is_the_same_text_each_time_and_leaves_no_chance_open(sample: Sample) -> None:
    text = " ".join(command(sample, Path("film.mp4")))

    assert command(sample, Path("film.mp4")) == command(sample, Path("film.mp4"))
    assert "@" not in text
    assert "\n" not in text
    for source in re.findall(r"(?:perlin|life|cellauto|anoisesrc)=[^,;\[]+", text):
        assert re.search(r":(?:random_)?(?:seed|s)=\d+", source), f"{source} draws its own seed"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.slug)
def test_a_film_begins_with_a_picture_worth_a_poster_and_with_stereo_sound(
    sample: Sample, tmp_path: Path
) -> None:
    film = render(sample, tmp_path / "film.mp4")

    with av.open(film) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height) == (sample.width, sample.height)
        assert video.average_rate == 24
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert video.sample_aspect_ratio in {None, 1}
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48_000, 2)
    first, *_, last = pictures(film)
    assert first.std() > 20
    assert first.max() > 150
    assert 15 < first.mean() < 200
    assert np.abs(last.astype(int) - first).max() > 10


def test_the_same_seed_gives_the_same_bytes_and_another_another_rug(tmp_path: Path) -> None:
    once = render(KILIM, tmp_path / "once.mp4").read_bytes()
    again = render(KILIM, tmp_path / "again.mp4").read_bytes()
    other = render(KILIM, tmp_path / "other.mp4", seed=8).read_bytes()

    assert once == again
    assert once != other


def test_a_whole_film_has_its_length_and_its_cuts_where_it_says(kilim: Path) -> None:
    frames = [frame.astype(int) for frame in pictures(kilim, width=32, height=18)]

    assert len(frames) == KILIM.duration_s * 24
    change = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    assert int(np.argmax(change)) + 1 == KILIM.cuts_s[0] * 24
    assert max(change) > 3 * sorted(change)[-2]


def test_a_whole_films_sound_is_gentle_never_clips_and_never_clicks(kilim: Path) -> None:
    sound = loudness(kilim)

    assert abs(sound.shape[1] / 48_000 - KILIM.duration_s) < 0.1
    rms_db = 20 * np.log10(np.sqrt((sound**2).mean()))
    assert -32 < rms_db < -16
    assert np.abs(sound).max() < 0.7
    assert np.abs(np.diff(sound)).max() < 0.15
    assert np.abs(sound[:, -2400:]).max() < 0.02


def test_a_film_that_cannot_be_made_says_which_and_why_and_leaves_nothing(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(KILIM, picture="no_such_filter", slug="broken")
    out = tmp_path / "film.mp4"
    out.write_bytes(b"an earlier attempt")

    with pytest.raises(EngineUnavailable, match=r"sample film broken.*no_such_filter") as caught:
        asyncio.run(make(broken, out, clock=VirtualClock()))

    assert caught.value.code == "encoding.sample_failed"
    assert not out.exists()
