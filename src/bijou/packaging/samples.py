"""The table of a track's samples: where each lies and when it is shown."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

_NON_SYNC = 0x0001_0000


def _unsigned() -> "array[int]":
    return array("I")


def _unsigned_long() -> "array[int]":
    return array("Q")


def _signed() -> "array[int]":
    return array("i")


@dataclass(slots=True)
class Samples:
    """Samples in decode order, a column a fact; times in ticks of the track.

    Cost: 32 bytes a sample, so a film of twelve hours takes about 40 MB.

    Args:
        offsets: Where each sample's bytes begin in the file.
        decode_times: Strictly increasing.
        composition_offsets: Presentation minus decode time, before the edit list.
        flags: As in ISO/IEC 14496-12, 8.8.3.1.
    """

    offsets: "array[int]" = field(default_factory=_unsigned_long)
    sizes: "array[int]" = field(default_factory=_unsigned)
    decode_times: "array[int]" = field(default_factory=_unsigned_long)
    durations: "array[int]" = field(default_factory=_unsigned)
    composition_offsets: "array[int]" = field(default_factory=_signed)
    flags: "array[int]" = field(default_factory=_unsigned)

    def __len__(self) -> int:
        return len(self.offsets)

    def is_sync(self, index: int) -> bool:
        """Tell whether decoding can begin at this sample."""
        return not self.flags[index] & _NON_SYNC

    def composed_at(self, index: int) -> int:
        """Return when a sample is shown, before the edit list."""
        return self.decode_times[index] + self.composition_offsets[index]

    @property
    def decode_end(self) -> int:
        """Where a sample that follows would be decoded; 0 while there is none."""
        return self.decode_times[-1] + self.durations[-1] if self.offsets else 0

    def rate(self, timescale: int) -> Fraction:
        """Return samples a second: the usual one, or the average where none is usual.

        Example:
            >>> samples = Samples()
            >>> samples.offsets.extend([0, 1, 2])
            >>> samples.durations.extend([1001, 1001, 1001])
            >>> samples.rate(24000)
            Fraction(24000, 1001)
        """
        usual, count = Counter(self.durations).most_common(1)[0]
        if count * 10 >= len(self) * 9:
            return Fraction(timescale, usual)
        return Fraction(timescale * len(self), sum(self.durations)).limit_denominator(1001)
