from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding.chunks import Chunk, ChunkPlanner, PictureSource, SeenFrame, plan_chunks
from bijou.ports import InvalidRequest

EVEN = PictureSource("mov", 0, (1, 24), 0, 1, 24_000, 1000, (24, 1))
UNEVEN = PictureSource("matroska", 0, (1, 1000), 0, 40, 1000, 0, (25, 1))


@st.composite
def films(draw: st.DrawFn) -> tuple[list[SeenFrame], list[Fraction]]:
    """Frames of wild spacing, some of which begin shots, and moments of breaks."""
    usual = draw(st.sampled_from([20, 40, 200, 700]))
    steps = draw(st.lists(st.sampled_from([usual, usual, usual, 3 * usual, 5300]), max_size=400))
    moments = list(accumulate(steps, initial=0))
    cuts = draw(st.sets(st.integers(0, len(moments) - 1), max_size=12))
    breaks = draw(st.lists(st.integers(0, moments[-1]), max_size=4, unique=True))
    frames = [SeenFrame(moment, n in cuts) for n, moment in enumerate(moments)]
    return frames, [Fraction(moment, 1000) for moment in sorted(breaks)]


def even(count: int, *cuts: int) -> list[SeenFrame]:
    return [SeenFrame(n, n in cuts) for n in range(count)]


@given(films())
def test_chunks_tile_the_film(film: tuple[list[SeenFrame], list[Fraction]]) -> None:
    frames, breaks = film

    chunks = list(plan_chunks(frames, UNEVEN, breaks_s=breaks))

    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert [frame.moment for frame in frames] == [
        chunk.start + offset for chunk in chunks for offset in accumulate(chunk.durations()[:-1], initial=0)
    ]
    assert all(before.end == after.start for before, after in pairwise(chunks))
    assert [chunk.source_start for chunk in chunks] == [chunk.start for chunk in chunks]
    assert [chunk.first_frame for chunk in chunks] == list(
        accumulate((chunk.frames for chunk in chunks[:-1]), initial=0)
    )
    numbers = [chunk.first_number + n for chunk in chunks for n in range(len(chunk.segments))]
    assert numbers == list(range(1, len(numbers) + 1))


@given(films())
def test_segments_last_four_seconds_at_most_where_a_frame_allows_it(
    film: tuple[list[SeenFrame], list[Fraction]],
) -> None:
    frames, breaks = film

    for chunk in plan_chunks(frames, UNEVEN, breaks_s=breaks):
        edges = [*chunk.segments, chunk.frames]
        durations = chunk.durations()
        for first, stop in pairwise(edges):
            assert sum(durations[first:stop]) <= 4000 or stop == first + 1
        assert edges[0] == 0
        assert len(chunk.boundaries()) == len(chunk.segments)


@given(films(), st.data())
def test_the_plan_of_a_prefix_is_a_prefix_of_the_plan(
    film: tuple[list[SeenFrame], list[Fraction]], data: st.DataObject
) -> None:
    frames, breaks = film
    seen = data.draw(st.integers(0, len(frames)))
    planner = ChunkPlanner(UNEVEN, breaks_s=breaks)

    settled = [chunk for frame in frames[:seen] for chunk in planner.add(frame)]

    assert settled == list(plan_chunks(frames, UNEVEN, breaks_s=breaks))[: len(settled)]
    left_ms = frames[seen - 1].moment - (settled[-1].end if settled else 0) if seen else 0
    assert left_ms < 12_000, "what is twelve seconds old is settled"


@given(films())
def test_segments_begin_at_breaks(film: tuple[list[SeenFrame], list[Fraction]]) -> None:
    frames, breaks = film

    begins = {
        moment for chunk in plan_chunks(frames, UNEVEN, breaks_s=breaks) for moment in chunk.boundaries()
    }

    for moment in breaks:
        after = [frame.moment for frame in frames if frame.moment >= moment * 1000]
        assert after[0] in begins


@pytest.mark.parametrize(
    ("cuts", "ends", "on_cut"),
    [
        ((), 192, False),
        ((143, 241), 192, False),
        ((144, 200), 200, True),
        ((240,), 240, True),
    ],
)
def test_a_chunk_ends_at_the_last_cut_between_six_and_ten_seconds(
    cuts: tuple[int, ...], ends: int, *, on_cut: bool
) -> None:
    first = next(iter(plan_chunks(even(600, *cuts), EVEN)))

    assert (first.frames, first.ends_on_cut) == (ends, on_cut)
    assert first.tail_frames == (0 if on_cut else 48)


def test_a_break_is_a_better_end_than_a_cut() -> None:
    first = next(iter(plan_chunks(even(600, 200), EVEN, breaks_s=[7])))

    assert (first.frames, first.ends_on_cut) == (168, False)


def test_what_is_left_of_a_film_is_one_chunk_up_to_twelve_seconds() -> None:
    assert [chunk.frames for chunk in plan_chunks(even(288, 150), EVEN)] == [288]
    assert [chunk.frames for chunk in plan_chunks(even(289), EVEN)] == [192, 97]


def test_a_film_of_one_frame_is_one_chunk_of_one_segment() -> None:
    [chunk] = plan_chunks(even(1), EVEN)

    assert chunk == Chunk(0, 0, 0, 0, ((1000, 1),), (0,), 1, (0,), ends_on_cut=True, tail_frames=0)


def test_a_film_without_frames_has_no_chunks() -> None:
    assert list(plan_chunks([], EVEN)) == []


def test_the_tail_is_no_longer_than_what_was_seen_when_the_chunk_was_settled() -> None:
    slow = PictureSource("mov", 0, (1, 2), 0, 1, 2000, 1000, (2, 1))

    first = next(iter(plan_chunks([SeenFrame(n) for n in range(60)], slow)))

    assert (first.frames, first.tail_frames) == (16, 8)


def test_rounded_time_stamps_of_even_frames_are_put_in_their_places() -> None:
    rounded = PictureSource("matroska", 0, (1, 1000), 33, 0, 24_000, 1001, (24000, 1001))
    frames = [SeenFrame(33 + round(n * 1001 / 24)) for n in range(600)]

    chunks = list(plan_chunks(frames, rounded))

    assert {run for chunk in chunks for run in chunk.runs} == {(1001, chunk.frames) for chunk in chunks}
    assert chunks[1].source_start == frames[chunks[0].frames].moment


def test_time_that_stands_still_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        list(plan_chunks([SeenFrame(0), SeenFrame(40), SeenFrame(40)], UNEVEN))

    assert caught.value.code == "encoding.times_stand_still"
    assert "frame 2" in caught.value.detail
