"""Final segments, made of what one encode of a piece of a film has written.

A film is encoded in chunks, by many processes, in any order; what each one
writes here is already what players get, and nothing joins it later. So the
times of a chunk's frames are not the encoder's: they are the plan's.

A segment's first picture is decoded at the very time at which it is shown, the
others as their frames' turn comes; composition offsets are counted from a
delay that is the same in all chunks of a rendition, and the edit list of its
one init segment takes it away again. What delay the encoder had, which differs
where a chunk has a single frame, leaves no trace. (Signed offsets would need no
edit list; but ffmpeg's demuxer shows fragments that have them late, by the
largest of them: two frames of 24 a second, measured.)

Source: ISO/IEC 23000-19 (CMAF), 7.5.13; ISO/IEC 14496-12, 8.6.6 and 8.8.8.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from itertools import accumulate, pairwise
from operator import sub
from typing import BinaryIO

from bijou.packaging.formats import Format
from bijou.packaging.init_segment import write_init_segment
from bijou.packaging.samples import Samples
from bijou.packaging.track import Track, read_track, write_segment
from bijou.ports import InvalidRequest


@dataclass(frozen=True, slots=True)
class TrackHead:
    """What all segments of a rendition have in common.

    Args:
        sha256: Of the init segment, in hexadecimal digits.
        timescale: Ticks a second of all its segments.
    """

    init: bytes
    sha256: str
    format: Format
    timescale: int


@dataclass(frozen=True, slots=True)
class FinalSegment:
    """A segment as it will be published.

    Args:
        number: Its place in the film, from 1.
        start: When it begins, in ticks of presentation.
        duration: In ticks.
        key_bytes: From its start to the end of its first sample.
        sha256: Of the content, in hexadecimal digits.
    """

    number: int
    start: int
    duration: int
    key_bytes: int
    sha256: str
    content: bytes

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class ChunkTimes:
    """When the frames of a chunk are shown, as its plan says.

    Args:
        timescale: Ticks a second.
        start: When the first frame is shown, in ticks from the film's start.
        durations: How long each frame is shown, in ticks; at least one.
        firsts: Which frames open segments, rising, 0 first.
        number: Of the chunk's first segment in the film, from 1.
        delay: What all composition offsets are counted from, in ticks; the
            same in all chunks of a rendition. At least as many ticks as there
            are pictures that are decoded before one that is shown before them.
    """

    timescale: int
    start: int
    durations: Sequence[int]
    firsts: Sequence[int]
    number: int
    delay: int


def chunk_segments(
    file: BinaryIO, times: ChunkTimes, written: Sequence[int] | None = None
) -> tuple[TrackHead, list[FinalSegment]]:
    """Make final segments of the first frames of a fragmented MP4.

    What follows them in the file, an encoder's look-ahead, is dropped.

    Cost: O(bytes); the segments are held in memory.

    Args:
        file: One picture track.
        times: What the segments will say.
        written: When the file says that the frames are shown, in its own
            ticks, the first at 0; by default as `times` does.

    Raises:
        InvalidRequest: `packaging.frames_differ`, the file does not hold just
            the frames that the plan says, in closed groups that begin where
            segments do; `packaging.bad_mp4`; `packaging.unknown_codec`.
    """
    track = read_track(file)
    if written is None:
        written = list(accumulate(times.durations[:-1], initial=0))
    _check(track, times, written)
    header = replace(track.header, timescale=times.timescale, media_time=times.delay, edit_duration=0)
    final = Track(header, track.format, _retime(track, times))
    segments = [
        _segment(final, span, number, file) for number, span in enumerate(_spans(times), times.number)
    ]
    return track_head(final), segments


def track_head(track: Track) -> TrackHead:
    """Return what goes before all segments of a track."""
    init = write_init_segment(track.header)
    return TrackHead(init, sha256(init).hexdigest(), track.format, track.timescale)


def final_segment(track: Track, span: range, number: int, source: BinaryIO, shown: range) -> FinalSegment:
    """Write one segment into memory.

    Args:
        span: Indices of its samples.
        shown: From when to when, in ticks of presentation.
    """
    content = BytesIO()
    size = write_segment(track, span, number, source, content)
    whole = content.getvalue()
    return FinalSegment(number, shown.start, len(shown), size.key_bytes, sha256(whole).hexdigest(), whole)


def _segment(track: Track, span: range, number: int, source: BinaryIO) -> FinalSegment:
    samples = track.samples
    start = track.shown_at(span.start)
    end = samples.decode_times[span.stop - 1] + samples.durations[span.stop - 1]
    return final_segment(track, span, number, source, range(start, end))


def _spans(times: ChunkTimes) -> list[range]:
    return [range(first, stop) for first, stop in pairwise([*times.firsts, len(times.durations)])]


def _check(track: Track, times: ChunkTimes, written: Sequence[int]) -> None:
    """Each segment must hold just its frames, and begin with one that needs no other."""
    count, found = len(times.durations), len(track.samples)
    if found < count:
        raise _differ(f"it has {found} frames where the plan has {count}")
    for span in _spans(times):
        if not track.samples.is_sync(span.start):
            raise _differ(f"frame {span.start} is no key frame; a segment begins there")
        shown = sorted(map(track.shown_at, span))
        for index, (is_at, should) in enumerate(zip(shown, written[span.start : span.stop], strict=True)):
            if is_at != should:
                raise _differ(f"frame {span.start + index} is shown at {is_at}, not at {should} ticks")
    if found > count and not track.samples.is_sync(count):
        raise _differ(f"frame {count}, the first behind the chunk, is no key frame")


def _retime(track: Track, times: ChunkTimes) -> Samples:
    """The chunk's samples with the plan's times."""
    count, old = len(times.durations), track.samples
    end = times.start + sum(times.durations)
    turns = list(accumulate(times.durations[:-1], initial=times.start))
    composed_at = [0] * count
    for turn, index in zip(turns, sorted(range(count), key=track.shown_at), strict=True):
        composed_at[index] = turn + times.delay
    decode_times = _decode_times(turns, composed_at)
    return Samples(
        offsets=old.offsets[:count],
        sizes=old.sizes[:count],
        decode_times=array("Q", decode_times),
        durations=array("I", (after - before for before, after in pairwise([*decode_times, end]))),
        composition_offsets=array("i", map(sub, composed_at, decode_times)),
        flags=old.flags[:count],
    )


def _decode_times(turns: Sequence[int], composed_at: Sequence[int]) -> list[int]:
    """Each sample at its turn; sooner where it, or one behind it, is composed sooner.

    The latter happens where frames are shown for longer than the delay.
    """
    moments = list(turns)
    latest = moments[-1]
    for index in reversed(range(len(moments))):
        latest = moments[index] = min(moments[index], composed_at[index], latest)
        latest -= 1
    if latest + 1 != turns[0]:
        raise _differ(f"its pictures are reordered further than a delay of {composed_at[0] - turns[0]} ticks")
    return moments


def _differ(what: str) -> InvalidRequest:
    return InvalidRequest("packaging.frames_differ", f"the encode of a chunk is not what was planned: {what}")
