import io
from itertools import accumulate
from random import Random

import pytest

from bijou.packaging import ChunkTimes, TrackSource, chunk_segments, read_track
from bijou.packaging.track import Track
from bijou.ports import InvalidRequest
from tests.unit.packaging.films import CUTS_S

FIRSTS = [int(cut * 24) for cut in CUTS_S]
START = 7_000


def written(source: TrackSource) -> tuple[bytes, list[int]]:
    """An encode of 192 frames with reordered ones, and when its file says they are shown."""
    content = source.path.read_bytes()
    track = read_track(io.BytesIO(content))
    return content, sorted(map(track.shown_at, range(len(track.samples))))


def chunk_of(source: TrackSource, durations: list[int], delay: int) -> Track:
    content, moments = written(source)
    times = ChunkTimes(1000, START, durations, FIRSTS, 5, delay)
    head, segments = chunk_segments(io.BytesIO(content), times, moments[: len(durations)])
    assert [one.number for one in segments] == list(range(5, 5 + len(FIRSTS)))
    return read_track(io.BytesIO(head.init + b"".join(one.content for one in segments)))


@pytest.mark.parametrize("seed", range(8))
def test_wild_durations_keep_every_time_and_decode_in_order(sources: list[TrackSource], seed: int) -> None:
    chance = Random(seed)
    durations = [chance.choice([1, 3, 40, 41, 900]) for _ in range(192)]

    track = chunk_of(sources[0], durations, delay=10)

    samples = track.samples
    shown = sorted(map(track.shown_at, range(len(samples))))
    assert shown == list(accumulate(durations[:-1], initial=START))
    assert min(samples.composition_offsets) >= 0
    assert list(samples.decode_times) == sorted(set(samples.decode_times))
    assert [samples.decode_times[first] for first in FIRSTS] == [shown[first] for first in FIRSTS]
    assert samples.decode_end == START + sum(durations)


def test_what_follows_the_chunk_is_dropped_where_a_group_ends(sources: list[TrackSource]) -> None:
    content, moments = written(sources[0])
    ends = FIRSTS[3]
    times = ChunkTimes(24, 0, [1] * ends, FIRSTS[:3], 1, 2)

    _, segments = chunk_segments(io.BytesIO(content), times, moments[:ends])

    assert [one.duration for one in segments] == [36, 42, 54]


def test_a_chunk_that_ends_inside_a_group_is_refused(sources: list[TrackSource]) -> None:
    content, moments = written(sources[0])

    with pytest.raises(InvalidRequest) as caught:
        chunk_segments(io.BytesIO(content), ChunkTimes(24, 0, [1] * 100, FIRSTS[:2], 1, 2), moments[:100])

    assert caught.value.code == "packaging.frames_differ"
    assert "frame " in caught.value.detail


def test_a_delay_that_is_too_short_is_refused(sources: list[TrackSource]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chunk_of(sources[0], [1] * 192, delay=0)

    assert "delay of 0 ticks" in caught.value.detail


def test_the_init_segment_says_nothing_of_the_chunk(sources: list[TrackSource]) -> None:
    content, moments = written(sources[0])
    heads = {
        chunk_segments(
            io.BytesIO(content),
            ChunkTimes(24_000, start, [1000] * count, FIRSTS[:n], number, 2000),
            moments[:count],
        )[0].sha256
        for start, count, n, number in ((0, 36, 1, 1), (36_000, 78, 2, 2))
    }

    assert len(heads) == 1
