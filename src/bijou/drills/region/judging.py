"""Whether a region's death was survived, from what each viewer went through; pure."""

from collections.abc import Sequence

import msgspec

from bijou.drills.swarm import STEERED, Seen
from bijou.drills.verdict import Claim

GENTLE_S, GENTLE_SHARE = 5.0, 1 / 3
"""A return is gradual where no five seconds see more than a third of it."""

RETURN_S = 60.0
"""Within which the first have come back: a hold of ten seconds, then a share that grows."""


class Times(msgspec.Struct, frozen=True):
    """When things happened, on one clock in seconds.

    Args:
        back_s: When the region answered again.
        ttl_s: How long a steering answer was good for, when the region died; 0: nobody steered.
        segment_s: The longest segment.
    """

    killed_s: float
    back_s: float
    ended_s: float
    ttl_s: float
    segment_s: float


def judged(sessions: Sequence[Seen], cut: str, times: Times) -> list[Claim]:
    """Return what held.

    Args:
        cut: The pathway that died.
    """
    on_it = [seen for seen in sessions if pathway_at(seen, times.killed_s) == cut]
    return [
        _nobody_stalled(sessions, times),
        _all_moved(on_it, cut, times),
        _nobody_ended(sessions),
        _came_back_gently(on_it, cut, times),
    ]


def pathway_at(seen: Seen, at_s: float) -> str:
    """Return the pathway by which a viewer's media came at a time, or empty."""
    return next((way for began_s, way in reversed(seen.trail) if began_s <= at_s), "")


def left_after_s(seen: Seen, cut: str, killed_s: float) -> float | None:
    """Return how long after the death a viewer's first segment came by another pathway; None: never."""
    return next((at_s - killed_s for at_s, way in seen.trail if at_s > killed_s and way != cut), None)


def returns_s(sessions: Sequence[Seen], cut: str, back_s: float) -> list[float]:
    """Return when each that was steered back moved, in order; who fled there from an error did not."""
    firsts = (
        next((m.at_s for m in seen.moves if m.at_s >= back_s and m.taken == cut and m.why == STEERED), None)
        for seen in sessions
    )
    return sorted(at_s for at_s in firsts if at_s is not None)


def densest(times_s: Sequence[float], within_s: float) -> int:
    """Return the most of these (ordered) that lie within any span of that length.

    Example:
        >>> densest([0, 1, 5, 5.5, 6, 20], 2.0)
        3
    """
    start, most = 0, 0
    for end, at_s in enumerate(times_s):
        while at_s - times_s[start] > within_s:
            start += 1
        most = max(most, end - start + 1)
    return most


def _nobody_stalled(sessions: Sequence[Seen], times: Times) -> Claim:
    stalls = [long_s for seen in sessions for at_s, long_s in seen.stalls_at if at_s >= times.killed_s]
    earlier = sum(at_s < times.killed_s for seen in sessions for at_s, _ in seen.stalls_at)
    worst = f", the longest {max(stalls):.2f} s" if stalls else ""
    return Claim(
        f"{len(stalls)} stalls from the death on{worst}; {earlier} before it (at most 0 from then on)",
        not stalls,
    )


def _all_moved(on_it: Sequence[Seen], cut: str, times: Times) -> Claim:
    if not on_it:
        return Claim(f"nobody watched by {cut} when it died, so nobody had to move")
    took = [left_after_s(seen, cut, times.killed_s) for seen in on_it]
    moved = sorted(seconds for seconds in took if seconds is not None)
    limit_s = times.ttl_s + times.segment_s
    pace = f"the last after {moved[-1]:.2f} s, half after {moved[len(moved) // 2]:.2f} s" if moved else "none"
    return Claim(
        f"{len(moved)} of {len(on_it)} viewers of {cut} moved, {pace} (all within TTL + a segment ="
        f" {times.ttl_s:g} + {times.segment_s:g} s)",
        len(moved) == len(on_it) and moved[-1] <= limit_s,
    )


def _nobody_ended(sessions: Sequence[Seen]) -> Claim:
    ended = [seen.failure for seen in sessions if seen.failure]
    unseen = sum(seen.startup_s is None for seen in sessions)
    example = f", such as: {ended[0]}" if ended else ""
    return Claim(
        f"{len(ended)} sessions ended before their time{example}; {unseen} saw no picture (0 of both)",
        not ended and not unseen,
    )


def _came_back_gently(on_it: Sequence[Seen], cut: str, times: Times) -> Claim:
    back = returns_s(on_it, cut, times.back_s)
    if not times.ttl_s:
        return Claim(f"{len(back)} viewers came back to {cut}; nobody steered, so nobody had to")
    there_s = times.ended_s - times.back_s
    if not back:
        return Claim(
            f"nobody came back to {cut} in the {there_s:.0f} s that it was there again"
            f" (somebody does in {RETURN_S:g} s)",
            False if there_s >= RETURN_S else None,
        )
    most = densest(back, GENTLE_S)
    return Claim(
        f"{len(back)} of {len(on_it)} viewers came back to {cut}, {back[0] - times.back_s:.1f} to"
        f" {back[-1] - times.back_s:.1f} s after it; {most} in the busiest {GENTLE_S:g} s"
        f" (at most {GENTLE_SHARE:.0%})",
        most <= max(2.0, GENTLE_SHARE * len(back)),
    )
