"""How a cache of another size would do, told from a sample while it runs."""

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import log2
from threading import Lock

_SPACE = 1 << 24
_WORD = (1 << 64) - 1
_STEPS_AN_OCTAVE = 32


class MissRatioCurve:
    """The miss ratio that a least-recently-used cache of any size would have.

    Watches only keys whose hash falls under a threshold, so that every request
    of a watched key is seen; distances between them, divided by the share that
    is watched, are those of all keys. When more than `most` keys are watched,
    the threshold falls. Other policies than LRU do better by about what they
    do better now.

    Cost: one multiplication a request; O(log most) for a watched one; about
    400 bytes a watched key.
    Threads: safe; the lock is taken for watched keys only.

    Args:
        most: Keys watched at once, >= 1; 2,000 keep the error near a hundredth.
        share: Share of keys watched at first, 0 < share <= 1; lower is cheaper.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: C. Waldspurger et al., "Efficient MRC construction with SHARDS",
        FAST 2015: fixed-size variant with the correction of section 3.4.

    Example:
        >>> curve = MissRatioCurve(share=1)
        >>> for key in "abcabcabc":
        ...     curve.note(key)
        >>> [round(ratio, 2) for ratio in curve.at([1, 2, 3])]
        [1.0, 1.0, 0.33]
    """

    def __init__(self, *, most: int = 4096, share: float = 0.1) -> None:
        if most < 1 or not 0 < share <= 1:
            raise ValueError(f"most {most} must be at least 1 and share {share} lie in (0, 1]")
        self._most = most
        self._threshold = max(1, round(share * _SPACE))
        self._lock = Lock()
        self._noted = 0
        self._estimated = 0.0
        self._counts: dict[int, float] = {}
        self._watched: dict[Hashable, int] = {}
        self._order = count()
        self._by_hash: list[tuple[int, int, Hashable]] = []
        self._times = _Times(4 * most)

    def note(self, key: Hashable) -> None:
        """Take note of a request."""
        self._noted += 1
        place = ((hash(key) * 0x9E3779B97F4A7C15) & _WORD) >> 40
        if place < self._threshold:
            with self._lock:
                self._note_watched(key, place)

    def at(self, sizes: Sequence[int]) -> list[float]:
        """Return the expected miss ratio for each cache size, in entries; 1 before any request."""
        with self._lock:
            if not self._noted:
                return [1.0] * len(sizes)
            # Requests that the sample over- or under-stands are taken as hits of every size.
            drift = self._noted - self._estimated
            ratios = []
            for size in sizes:
                hits = sum(seen for step, seen in self._counts.items() if _size_of(step) <= size)
                ratios.append(min(1.0, max(0.0, 1 - (hits + drift * (size > 0)) / self._noted)))
            return ratios

    def _note_watched(self, key: Hashable, place: int) -> None:
        scale = _SPACE / self._threshold
        self._estimated += scale
        last = self._watched.get(key)
        if last is not None:
            # The key itself takes one place; the others between its two requests stand for `scale` keys each.
            step = _step_of(1 + self._times.after(last) * scale)
            self._counts[step] = self._counts.get(step, 0.0) + scale
            self._times.clear(last)
        else:
            heappush(self._by_hash, (-place, next(self._order), key))
        if self._times.is_full():
            self._renumber()
        self._watched[key] = self._times.mark()
        while len(self._watched) > self._most:
            self._watch_fewer()

    def _watch_fewer(self) -> None:
        self._threshold = -self._by_hash[0][0]
        while self._by_hash and -self._by_hash[0][0] >= self._threshold:
            self._times.clear(self._watched.pop(heappop(self._by_hash)[2]))

    def _renumber(self) -> None:
        self._times = _Times(4 * self._most)
        for key in sorted(self._watched, key=self._watched.__getitem__):
            self._watched[key] = self._times.mark()


def _step_of(size: float) -> int:
    return int(log2(size) * _STEPS_AN_OCTAVE + 1e-9)


def _size_of(step: int) -> float:
    return round(2 ** (step / _STEPS_AN_OCTAVE), 6)


class _Times:
    """Marks on a line of moments, and how many stand after a given one: a Fenwick tree."""

    def __init__(self, length: int) -> None:
        self._sums = [0] * (length + 1)
        self._length = length
        self._next = 0
        self._marks = 0

    def is_full(self) -> bool:
        return self._next == self._length

    def mark(self) -> int:
        """Mark the next moment and return it."""
        moment = self._next
        self._next += 1
        self._marks += 1
        self._add(moment, 1)
        return moment

    def clear(self, moment: int) -> None:
        self._marks -= 1
        self._add(moment, -1)

    def after(self, moment: int) -> int:
        """Return how many marks stand after `moment`."""
        place, upto = moment + 1, 0
        while place:
            upto += self._sums[place]
            place &= place - 1
        return self._marks - upto

    def _add(self, moment: int, change: int) -> None:
        place = moment + 1
        while place <= self._length:
            self._sums[place] += change
            place += place & -place
