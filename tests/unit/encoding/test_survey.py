from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding.survey import Cadence, Survey, cadence, last_frame_s

MILLISECOND = Fraction(1, 1000)


def lines(*frames: tuple[int, bool]) -> list[str]:
    """What ffmpeg prints of frames: time in ticks, whether a shot begins."""
    printed = []
    for number, (ticks, cut) in enumerate(frames):
        printed.append(f"frame:{number:<4} pts:{ticks:<7} pts_time:{ticks / 1000}")
        printed.append("lavfi.scd.score=1.250")
        if cut:
            printed.append(f"lavfi.scd.time={ticks / 1000}")
    return printed


def read(*frames: tuple[int, bool]) -> Survey:
    survey = Survey(len(frames), lambda _: None)
    for line in lines(*frames):
        survey.line(line)
    return survey


def test_frames_and_cuts_are_told_from_the_first_frame_on() -> None:
    survey = read((1400, False), (1440, True), (1480, False))

    assert survey.times_s(MILLISECOND) == [0, 0.04, 0.08]
    assert survey.cuts_s(MILLISECOND) == [0.04]


@given(st.sampled_from(["24000/1001", "24", "25", "30000/1001", "50", "60"]), st.integers(240, 2000))
def test_a_rate_survives_the_milliseconds_of_matroska(rate: str, frames: int) -> None:
    ticks = [round(1000 * n / Fraction(rate)) for n in range(frames)]

    assert cadence(ticks, MILLISECOND, Fraction(25)) == Cadence(Fraction(rate), variable=False)


@given(st.sets(st.integers(0, 199), min_size=50, max_size=180))
def test_missing_frames_make_the_rate_variable(kept: set[int]) -> None:
    numbers = sorted(kept | {0, 1, 199})
    steps = {after - before for before, after in pairwise(numbers)}

    found = cadence([40 * n for n in numbers], MILLISECOND, Fraction(25))

    assert found.variable == (len(steps) > 1)


def test_a_last_frame_lasts_as_its_packet_says_unless_that_is_absurd() -> None:
    times = [0, 0.04, 0.08]

    assert last_frame_s(times, 0.05, Fraction(25)) == 0.05
    assert last_frame_s(times, 3600.0, Fraction(25)) == 0.04
    assert last_frame_s(times, 0.0, Fraction(25)) == 0.04


def test_frames_that_are_numbered_anew_tell_that_the_picture_changed() -> None:
    survey = read((0, False), (40, False))

    for line in lines((80, False)):
        survey.line(line)

    assert survey.changes == [2]
