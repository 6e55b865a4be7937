from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding import segment_grid

STEPS_S = st.floats(min_value=0.004, max_value=0.4)


@st.composite
def films(draw: st.DrawFn) -> tuple[list[float], list[float], float]:
    """Frame times of even or wild spacing, cuts on and beside frames, the duration."""
    if draw(st.booleans()):
        step = draw(STEPS_S)
        times = [step * n for n in range(draw(st.integers(1, 400)))]
    else:
        times = [0.0]
        for step in draw(st.lists(STEPS_S, max_size=120)):
            times.append(times[-1] + step)
    duration = times[-1] + draw(STEPS_S)
    cuts = draw(st.lists(st.sampled_from(times) | st.floats(0, duration), max_size=25))
    return times, sorted(cuts), duration


@given(films())
def test_every_segment_begins_on_a_frame_and_lasts_one_to_four_seconds(
    film: tuple[list[float], list[float], float],
) -> None:
    times, cuts, duration = film

    starts = segment_grid(times, cuts, duration)

    assert starts[0] == times[0]
    assert set(starts) <= set(times)
    lengths = [after - before for before, after in pairwise([*starts, duration])]
    assert all(length <= 4 + 1e-5 for length in lengths)
    assert all(length >= 1 - 1e-5 for length in lengths) or duration < 1


@given(films())
def test_a_cut_is_left_out_only_beside_one_that_is_used_or_the_end(
    film: tuple[list[float], list[float], float],
) -> None:
    times, cuts, duration = film

    starts = segment_grid(times, cuts, duration)

    for cut in cuts:
        index = bisect_left(times, cut - 1e-6)
        if index == len(times) or times[index] in starts:
            continue
        used = [0.0, *(times[bisect_left(times, other - 1e-6)] for other in cuts if other <= times[-1])]
        near = [one for one in used if one in starts and abs(one - times[index]) < 1]
        assert near or duration - times[index] < 1


def test_without_cuts_segments_are_even() -> None:
    times = [n / 24 for n in range(24 * 10)]

    assert segment_grid(times, [], 10.0) == pytest.approx([0, 10 / 3, 20 / 3], abs=1 / 24)


def test_a_film_of_whole_fours_gets_whole_fours() -> None:
    times = [n / 25 for n in range(25 * 12)]

    assert segment_grid(times, [], 12.0) == [0.0, 4.0, 8.0]


def test_frames_further_apart_than_four_seconds_get_a_segment_each() -> None:
    assert segment_grid([0.0, 6.0, 12.0], [], 18.0) == [0.0, 6.0, 12.0]


def test_a_film_of_one_frame_is_one_segment() -> None:
    assert segment_grid([0.0], [], 0.04) == [0.0]
