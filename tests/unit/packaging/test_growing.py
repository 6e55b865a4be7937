import io
from fractions import Fraction
from pathlib import Path

import pytest

from bijou.packaging import GrowingTrack, SoundCutter, TrackSource, cut, read_track
from bijou.ports import InvalidRequest

# The second lies in the middle between two packets of AAC.
GRID = [
    Fraction(0),
    Fraction(50 * 1024 + 512, 48_000),
    Fraction(3, 2),
    Fraction(13, 4),
    Fraction(11, 2),
    Fraction(7),
]


@pytest.mark.parametrize("sound", [2, 3])
@pytest.mark.parametrize("step_bytes", [777, 20_000, 10**9])
def test_sound_is_cut_while_it_grows_as_it_is_cut_whole(
    sources: list[TrackSource], sound: int, step_bytes: int
) -> None:
    content = sources[sound].path.read_bytes()
    whole = cut(read_track(io.BytesIO(content)), GRID)
    growing = io.BytesIO()
    cutter = SoundCutter(growing)

    made = []
    for at in range(0, len(content), step_bytes):
        growing.seek(0, 2)
        growing.write(content[at : at + step_bytes])
        made += cutter.take(GRID[: 1 + at // step_bytes], ended=False)
    while more := cutter.take(GRID, ended=True, most=2):
        made += more

    assert [(one.start, one.duration) for one in made] == [(one.start, one.duration) for one in whole]
    assert [one.number for one in made] == list(range(1, len(whole) + 1))


def test_sound_that_outlasts_the_pictures_is_cut_every_four_seconds(sources: list[TrackSource]) -> None:
    cutter = SoundCutter(io.BytesIO(sources[2].path.read_bytes()))

    made = cutter.take([Fraction(0), Fraction(2)], ended=True)

    assert [round(one.duration / 48000) for one in made] == [2, 4, 2]


def test_sound_without_a_packet_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        SoundCutter(io.BytesIO()).take([], ended=True)

    assert caught.value.code == "packaging.no_sound"


def test_half_a_fragment_is_not_read(sources: list[TrackSource], tmp_path: Path) -> None:
    content = sources[3].path.read_bytes()
    growing = io.BytesIO(content[: len(content) // 2])
    track = GrowingTrack(growing)

    half = track.advance()

    assert half is not None
    assert 0 < len(half.samples) < len(read_track(io.BytesIO(content)).samples)
    assert track.end <= len(content) // 2
