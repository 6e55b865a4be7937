"""What the interval structures promise, by trying everything; slow on purpose."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from bijou.algorithms.intervals import Candidate, Interval, Programme

Pairs = Sequence[tuple[int, int]]


def side_by_side(intervals: Pairs) -> bool:
    return all(one[1] <= other[0] for one, other in pairwise(sorted(intervals)))


def subsets(count: int) -> Iterator[tuple[int, ...]]:
    return (chosen for size in range(count + 1) for chosen in combinations(range(count), size))


def largest(intervals: Pairs) -> int:
    return max(len(some) for some in subsets(len(intervals)) if side_by_side([intervals[i] for i in some]))


def heaviest(intervals: Pairs, weights: Sequence[int]) -> int:
    fitting = (some for some in subsets(len(intervals)) if side_by_side([intervals[i] for i in some]))
    return max(sum(weights[i] for i in some) for some in fitting)


def moments(intervals: Pairs) -> set[int]:
    return {moment for start, end in intervals for moment in range(start, end)}


def stretches(moments: set[int]) -> list[Interval]:
    starts = sorted(moment for moment in moments if moment - 1 not in moments)
    ends = sorted(moment + 1 for moment in moments if moment + 1 not in moments)
    return [Interval(*pair) for pair in zip(starts, ends, strict=True)]


def may_stand(candidates: Sequence[Candidate], duration: int, most: int | None) -> bool:
    labels = [label for one in candidates for label in one.labels]
    fits = sum(one.duration for one in candidates) <= duration
    return fits and len(labels) == len(set(labels)) and (most is None or len(candidates) <= most)


def best_pod(candidates: Sequence[Candidate], duration: int, most: int | None) -> int:
    pods = ([candidates[i] for i in some] for some in subsets(len(candidates)))
    return max(sum(one.value for one in pod) for pod in pods if may_stand(pod, duration, most))


def best_day(
    programmes: Sequence[Programme], audience: Sequence[int], lengths: Sequence[int], left: Sequence[int]
) -> tuple[int, int]:
    """Value, then cells filled, of the best of a free first cell and every programme that may begin in it."""
    if not audience:
        return 0, 0
    best = best_day(programmes, audience[1:], lengths, left)
    for number, (one, length) in enumerate(zip(programmes, lengths, strict=True)):
        if left[number] and length <= len(audience):
            after = [limit - (other == number) for other, limit in enumerate(left)]
            value, filled = best_day(programmes, audience[length:], lengths, after)
            best = max(best, (one.appeal * sum(audience[:length]) + value, length + filled))
    return best
