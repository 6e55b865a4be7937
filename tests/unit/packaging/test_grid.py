"""Where tracks are cut."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.packaging import Cut, check_same_grid, cut
from bijou.ports import InvalidRequest
from tests.unit.packaging.tables import frames_at, made_samples, made_track

FILM = Fraction(24000, 1001)


def refusal(code: str) -> "pytest.RaisesExc[InvalidRequest]":
    return pytest.RaisesExc(InvalidRequest, check=lambda error: error.code == code)


def test_pictures_are_cut_at_the_sync_samples_that_boundaries_name() -> None:
    track = frames_at(Fraction(24), 144, syncs=[0, 36, 84, 100])

    assert cut(track, [0, 1.5, 3.5, 6.0]) == [
        Cut(range(36), 0, 36),
        Cut(range(36, 84), 36, 48),
        Cut(range(84, 144), 84, 60),
    ]


def test_a_boundary_less_than_a_frame_before_its_sync_sample_finds_it() -> None:
    track = frames_at(FILM, 96, syncs=[0, 48])

    assert [one.span.start for one in cut(track, [2.0])] == [0, 48]


@pytest.mark.parametrize("boundary", [47 / 24, 49 / 24])
def test_a_boundary_a_frame_from_any_sync_sample_is_refused(boundary: float) -> None:
    track = frames_at(Fraction(24), 96, syncs=[0, 48])

    with refusal("packaging.no_sync_sample") as refused:
        cut(track, [Fraction(boundary).limit_denominator(24)])

    assert "the nearest is at 2.000000 s" in refused.value.detail


def test_a_track_that_does_not_begin_with_a_sync_sample_is_refused() -> None:
    with refusal("packaging.no_sync_sample"):
        cut(frames_at(Fraction(24), 48, syncs=[24]), [])


@pytest.mark.parametrize("boundaries", [[2, 1], [1, 1], [-1], [float("nan")], [float("inf")]])
def test_boundaries_that_do_not_rise_are_refused(boundaries: list[float]) -> None:
    with refusal("packaging.bad_boundaries"):
        cut(frames_at(Fraction(24), 48, syncs=[0]), boundaries)


def test_boundaries_at_and_behind_the_end_cut_nothing() -> None:
    track = frames_at(Fraction(24), 48, syncs=[0])

    assert len(cut(track, [0, 1.99, 2, 100])) == 1


def test_a_segment_of_four_seconds_is_taken_and_a_longer_one_refused() -> None:
    assert cut(frames_at(Fraction(24), 97, syncs=[0]), [])

    with refusal("packaging.long_segment") as refused:
        cut(frames_at(Fraction(24), 98, syncs=[0]), [])

    assert "segment 1 shows its last frame 4.042 s after its first" in refused.value.detail


def test_reordered_frames_are_cut_by_when_they_are_shown() -> None:
    samples = made_samples([1] * 6, delays=[1, 2, 0, 1, 2, 0], syncs=[0, 3])
    track = made_track("video", 1, samples, media_time=1)

    assert cut(track, [3]) == [Cut(range(3), 0, 3), Cut(range(3, 6), 3, 3)]


@pytest.mark.parametrize("delays", [[1, 1, 1, 2, 0, 1], [1, 1, 3, 1, 1, 1]])
def test_an_open_group_is_refused(delays: list[int]) -> None:
    samples = made_samples([1] * 6, delays=delays, syncs=[0, 3])

    with refusal("packaging.open_gop"):
        cut(made_track("video", 1, samples, media_time=1), [samples.composed_at(3) - 1])


def test_priming_is_not_counted_as_sound() -> None:
    track = made_track("audio", 48000, made_samples([1024] * 10), media_time=1024)

    cuts = cut(track, [Fraction(3 * 1024, 48000)])

    assert [(one.span, one.start, one.duration) for one in cuts] == [
        (range(4), 0, 3 * 1024),
        (range(4, 10), 3 * 1024, 6 * 1024),
    ]


@settings(deadline=None)
@given(
    packets=st.integers(1, 400),
    media_time=st.integers(0, 3000),
    boundaries=st.sets(st.fractions(0, 9, max_denominator=1000)).map(sorted),
)
def test_sound_never_strays_from_the_grid_by_more_than_half_a_packet(
    packets: int, media_time: int, boundaries: list[Fraction]
) -> None:
    track = made_track("audio", 48000, made_samples([1024] * (packets + 3)), media_time)
    end = (packets + 3) * 1024 - media_time
    spread = [
        one
        for index, one in enumerate(boundaries)
        if index == 0 or one - boundaries[index - 1] > Fraction(1, 40)
    ]

    cuts = cut(track, boundaries)

    assert [index for one in cuts for index in one.span] == list(range(packets + 3))
    assert cuts[0].start == 0
    assert all(before.start + before.duration == after.start for before, after in pairwise(cuts))
    assert cuts[-1].start + cuts[-1].duration == end
    for boundary in spread:
        if 1024 < boundary * 48000 < end - 1024:
            assert min(abs(one.start - boundary * 48000) for one in cuts) <= 512


def test_grids_that_differ_by_a_frame_are_refused() -> None:
    one = [Fraction(0), Fraction(2)]

    check_same_grid(one, [Fraction(0), Fraction(20001, 10000)])
    with refusal("packaging.grids_differ") as refused:
        check_same_grid(one, [Fraction(0), Fraction(49, 24)])

    assert "segment 2 begins at 2.041667 s, not at 2.000000 s" in refused.value.detail
    with refusal("packaging.grids_differ"):
        check_same_grid(one, [Fraction(0)])
