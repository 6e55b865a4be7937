"""Where segments begin: on the shots' cuts where they lie, evenly in between.

Every rendition is cut on the same grid, so that a player may switch at any
segment; a boundary is always the time of a real frame, so that the key frame
that opens the segment is that frame in every rendition.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

MAX_SEGMENT_S = 4.0
MIN_SEGMENT_S = 1.0
_ROUNDING_S = 1e-6


def segment_grid(
    frame_times_s: Sequence[float],
    cuts_s: Sequence[float],
    duration_s: float,
    *,
    max_s: float = MAX_SEGMENT_S,
    min_s: float = MIN_SEGMENT_S,
) -> list[float]:
    """Return the times at which segments begin, the first frame's time first.

    No segment is longer than `max_s` where a frame allows it, and none shorter
    than `min_s` where the film is as long as that and frames come at least
    every `min_s`. A cut is used unless it lies within `min_s` of one that is
    used already, or of the film's end.

    Cost: O((cuts + segments) log frames).

    Args:
        frame_times_s: Of every frame, rising.
        cuts_s: Times of the first frames of shots, rising.
        duration_s: End of the last frame.
        max_s: Longest segment, >= 2 * `min_s`.
        min_s: Shortest segment.

    Example:
        >>> frames = [n / 25 for n in range(300)]
        >>> segment_grid(frames, [3.2, 3.4], 12.0)
        [0.0, 3.2, 6.12, 9.04]
    """
    if not frame_times_s:
        return []
    boundaries = [frame_times_s[0]]
    for anchor in [*_anchors(frame_times_s, cuts_s, duration_s, min_s), duration_s]:
        _fill(boundaries, frame_times_s, anchor, max_s)
        if anchor < duration_s:
            boundaries.append(anchor)
    return boundaries


def _anchors(frames: Sequence[float], cuts: Sequence[float], duration_s: float, min_s: float) -> list[float]:
    """Frame times at cuts that can be kept without a segment shorter than `min_s`."""
    kept = [frames[0]]
    for cut in cuts:
        index = bisect_left(frames, cut - _ROUNDING_S)
        if index == len(frames):
            break
        moment = frames[index]
        if moment - kept[-1] >= min_s - _ROUNDING_S and duration_s - moment >= min_s - _ROUNDING_S:
            kept.append(moment)
    return kept[1:]


def _fill(boundaries: list[float], frames: Sequence[float], anchor: float, max_s: float) -> None:
    """Add boundaries up to `anchor`, in steps as even as the frames allow."""
    while (left := anchor - boundaries[-1]) > max_s + _ROUNDING_S:
        steps = -int(-(left - _ROUNDING_S) // max_s)
        index = bisect_right(frames, boundaries[-1] + left / steps + _ROUNDING_S) - 1
        if frames[index] <= boundaries[-1]:
            index += 1
        if index == len(frames) or frames[index] >= anchor - _ROUNDING_S:
            return
        boundaries.append(frames[index])
