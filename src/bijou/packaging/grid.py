"""Where a track is cut, so that all renditions are cut at the same moments."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from bijou.packaging.boxes import bad_mp4
from bijou.packaging.track import Track
from bijou.ports import InvalidRequest

LONGEST_SEGMENT_S = 4

_SAME_S = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Cut:
    """The samples of one segment and when they are shown, in ticks."""

    span: range
    start: int
    duration: int


def read_boundaries(boundaries_s: Sequence[Fraction | float]) -> list[Fraction]:
    """Return the boundaries as exact numbers.

    Raises:
        InvalidRequest: `packaging.bad_boundaries`, they do not rise, or one is
            no number or below 0.
    """
    try:
        exact = [Fraction(boundary) for boundary in boundaries_s]
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            "packaging.bad_boundaries", f"{error}; a boundary is a number of seconds"
        ) from None
    for before, after in pairwise([Fraction(-1), *exact]):
        if after <= before or after < 0:
            raise InvalidRequest(
                "packaging.bad_boundaries",
                f"boundary {float(after):g} s follows {float(before):g} s; they must rise, from 0 s or later",
            )
    return exact


def cut(track: Track, boundaries_s: Sequence[Fraction | float]) -> list[Cut]:
    """Cut a track into segments that begin where the boundaries say.

    Pictures are cut at the sync sample nearest to a boundary, which must be
    less than a frame away; sound at the nearest packet, so that its segments
    differ from the grid by at most half a packet and never drift. Boundaries
    at 0 and at or behind the end cut nothing.

    Cost: O(samples) time.

    Args:
        track: As read from a file.
        boundaries_s: Moments of presentation in seconds, rising.

    Raises:
        InvalidRequest: `packaging.bad_boundaries`; `packaging.no_sync_sample`,
            no frame near a boundary can begin a segment;
            `packaging.open_gop`, frames of a segment are shown before the
            frame that it begins with; `packaging.long_segment`, the last
            frame of a picture segment begins more than 4 s after its first.
    """
    nearest = _nearest_sync(track) if track.header.kind == "video" else _nearest_packet(track)
    firsts = [0]
    for boundary in read_boundaries(boundaries_s):
        first = nearest(boundary * track.timescale)
        if first is not None and track.shown_at(first) > max(0, track.shown_at(firsts[-1])):
            firsts.append(first)
    return _cuts(track, firsts)


def check_same_grid(one: Sequence[Fraction], other: Sequence[Fraction]) -> None:
    """Check that two renditions begin their segments at the same moments.

    Args:
        one: Starts of segments, in seconds.
        other: Those of the other rendition; within a millisecond is the same.

    Raises:
        InvalidRequest: `packaging.grids_differ`.
    """
    if len(one) != len(other):
        raise InvalidRequest(
            "packaging.grids_differ",
            f"{len(other)} segments where the first rendition has {len(one)}; all must have the same",
        )
    for number, (mine, theirs) in enumerate(zip(one, other, strict=True), 1):
        if abs(mine - theirs) > _SAME_S:
            raise InvalidRequest(
                "packaging.grids_differ",
                f"segment {number} begins at {float(theirs):.6f} s, not at {float(mine):.6f} s "
                "as in the first rendition; they must begin together",
            )


def _nearest_packet(track: Track) -> Callable[[Fraction], int | None]:
    count = len(track.samples)
    end = track.shown_at(count - 1) + track.samples.durations[count - 1]

    def nearest(ticks: Fraction) -> int | None:
        after = bisect_left(range(count), ceil(ticks), key=track.shown_at)
        later = track.shown_at(after) if after < count else end
        if after and ticks - track.shown_at(after - 1) <= later - ticks:
            return after - 1
        return after if after < count else None

    return nearest


def _nearest_sync(track: Track) -> Callable[[Fraction], int | None]:
    syncs = [index for index in range(len(track.samples)) if track.samples.is_sync(index)]
    last_frame = max(map(track.shown_at, range(len(track.samples))))

    def nearest(ticks: Fraction) -> int | None:
        if ticks > last_frame:
            return None
        after = bisect_left(syncs, ceil(ticks), key=track.shown_at)
        around = syncs[max(0, after - 1) : after + 1]
        best = min(around, key=lambda index: abs(track.shown_at(index) - ticks), default=None)
        if best is None or abs(track.shown_at(best) - ticks) >= _frame_around(track, best):
            raise _no_sync_sample(track, ticks, best)
        return best

    return nearest


def _frame_around(track: Track, index: int) -> int:
    return max(track.samples.durations[max(0, index - 1) : index + 1])


def _no_sync_sample(track: Track, ticks: Fraction, nearest: int | None) -> InvalidRequest:
    at = (
        "there is none"
        if nearest is None
        else f"the nearest is at {track.shown_at(nearest) / track.timescale:.6f} s"
    )
    return InvalidRequest(
        "packaging.no_sync_sample",
        f"a segment must begin at {float(ticks / track.timescale):.6f} s, "
        f"less than a frame from a sync sample; {at}",
    )


def _cuts(track: Track, firsts: list[int]) -> list[Cut]:
    edges = [*firsts, len(track.samples)]
    cuts = []
    for number, (first, stop) in enumerate(pairwise(edges), 1):
        span = range(first, stop)
        if not track.samples.is_sync(first):
            raise _no_sync_sample(track, Fraction(track.shown_at(first)), None)
        end = track.shown_at(stop) if stop < len(track.samples) else _end(track, span)
        start = max(0, track.shown_at(first))
        if end <= start:
            raise bad_mp4(
                track.samples.offsets[first], f"its edit list skips the {len(span)} samples from here on"
            )
        _check_closed(track, span, number, end)
        cuts.append(Cut(span, start, end - start))
    return cuts


def _end(track: Track, span: range) -> int:
    return max(track.shown_at(index) + track.samples.durations[index] for index in span)


def _check_closed(track: Track, span: range, number: int, end: int) -> None:
    first, last = track.shown_at(span.start), max(map(track.shown_at, span))
    if min(map(track.shown_at, span)) < first or last >= end:
        raise InvalidRequest(
            "packaging.open_gop",
            f"segment {number} has frames shown before it begins or after it ends; groups must be closed",
        )
    length_s = (last - first) / track.timescale
    if track.header.kind == "video" and length_s > LONGEST_SEGMENT_S:
        raise InvalidRequest(
            "packaging.long_segment",
            f"segment {number} shows its last frame {length_s:.3f} s after its first; "
            f"segments last at most {LONGEST_SEGMENT_S} s, so boundaries are missing",
        )
