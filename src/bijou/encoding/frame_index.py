"""When each frame of a film is shown, and at which of them decoding can begin."""

import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

import msgspec

_MOST_PACKED_BYTES = 2**28


class FrameIndex(msgspec.Struct, frozen=True):
    """The presentation times of all frames, and which are key frames.

    Memory: 8 bytes a frame and 8 a key frame.

    Args:
        tick: Unit of `ticks` in seconds.
        ticks: Presentation time of each frame, rising.
        keys: Numbers of the key frames, rising.
        exact: Whether each frame carries a time of its own; otherwise some are
            decoding times, and only a decoder knows better.

    Example:
        >>> index = FrameIndex.of([1, 8, 4, 12, 17], Fraction(1, 4))
        >>> list(index.ticks), list(index.keys), index.times_s()
        ([0, 2, 4, 6, 8], [0, 4], [0.0, 0.5, 1.0, 1.5, 2.0])
        >>> index.key_before(3)
        0
    """

    tick: Fraction
    ticks: "array[int]"
    keys: "array[int]"
    exact: bool = True

    @classmethod
    def of(cls, marks: Iterable[int], tick: Fraction, *, stamped: bool = True) -> "FrameIndex":
        """Index frames from marks: 2 x a frame's time, plus 1 for a key frame; of equal times one is kept.

        Cost: O(n log n), O(n) where marks rise.

        Args:
            stamped: Whether every time is one of presentation.
        """
        ticks, keys, packets = array("q"), array("q"), 0
        for mark in sorted(marks):
            packets += 1
            if not ticks or mark >> 1 != ticks[-1]:
                ticks.append(mark >> 1)
            if mark & 1 and (not keys or keys[-1] != len(ticks) - 1):
                keys.append(len(ticks) - 1)
        return cls(tick, ticks, keys, exact=stamped and packets == len(ticks))

    def over(self, ticks: "array[int]") -> "FrameIndex":
        """Return the index of the frames that a decoder really gave, at the times it gave.

        A key frame that did not come out is none. Where this index is not
        exact, frames are matched by their numbers instead of their times.
        """
        if self.exact:
            at = {self.ticks[key] for key in self.keys}
            keys = array("q", (number for number, moment in enumerate(ticks) if moment in at))
        else:
            keys = array("q", (key for key in self.keys if key < len(ticks)))
        return FrameIndex(self.tick, ticks, keys, exact=True)

    def times_s(self) -> list[float]:
        """Return when each frame is shown, the first at 0."""
        return seconds(self.ticks, self.tick)

    def last_times_s(self, count: int) -> list[float]:
        """Return when the last frames are shown, counted from the first one.

        Cost: O(count); all times of two hours take seconds.
        """
        return [float((moment - self.ticks[0]) * self.tick) for moment in self.ticks[-count:]]

    def key_before(self, frame: int) -> int:
        """Return the last key frame at or before a frame, or 0 where there is none."""
        at = bisect_right(self.keys, frame)
        return self.keys[at - 1] if at else 0

    def packed(self) -> bytes:
        """Return it in a few bytes: about 1 kB an hour where frames come evenly."""
        body = b"".join(_little(_steps(numbers)).tobytes() for numbers in (self.ticks, self.keys))
        head = (self.tick.numerator, self.tick.denominator, len(self.ticks), len(self.keys), self.exact)
        return msgspec.msgpack.encode((*head, zlib.compress(body, 6)))

    @classmethod
    def unpacked(cls, content: bytes) -> "FrameIndex":
        """Return what `packed` was called on.

        Raises:
            ValueError: the bytes are not of its making.

        Example:
            >>> index = FrameIndex.of(range(1, 3000, 6), Fraction(1, 90_000))
            >>> FrameIndex.unpacked(index.packed()) == index
            True
        """
        try:
            kind = tuple[int, int, int, int, bool, bytes]
            over, under, frames, keys, exact, body = msgspec.msgpack.decode(content, type=kind)
            numbers = array("q", zlib.decompressobj().decompress(body, _MOST_PACKED_BYTES))
            tick = Fraction(over, under)
        except (msgspec.DecodeError, zlib.error, ZeroDivisionError) as error:
            raise ValueError(f"{len(content)} bytes are no frame index: {error}") from error
        if len(numbers) != frames + keys:
            raise ValueError(f"a frame index of {frames} + {keys} numbers holds {len(numbers)}")
        numbers = _little(numbers)
        return cls(tick, _sums(numbers[:frames]), _sums(numbers[frames:]), exact)


def seconds(ticks: Sequence[int], tick: Fraction) -> list[float]:
    """Return times from the first of `ticks` on, in seconds."""
    return [float((moment - ticks[0]) * tick) for moment in ticks]


def _steps(numbers: "array[int]") -> "array[int]":
    return array("q", (after - before for before, after in pairwise([0, *numbers])))


def _sums(steps: "array[int]") -> "array[int]":
    return array("q", accumulate(steps))


def _little(numbers: "array[int]") -> "array[int]":
    """Return them in little-endian order, or back from it."""
    if sys.byteorder == "big":
        numbers = array("q", numbers)
        numbers.byteswap()
    return numbers
