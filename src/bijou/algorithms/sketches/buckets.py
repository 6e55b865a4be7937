"""Which bucket a number falls into: bucket i holds (2^(i/32), 2^((i+1)/32)].

Read off the bits of a double: the exponent says the power of two, and the
leading six bits of the fraction leave two buckets to choose between, for a
bucket is never narrower than 1/64 of its power. One comparison with the bound
between the two decides, exactly; no logarithm is taken.

Source: OpenTelemetry, "Metrics data model: exponential histogram", scale 5;
the bounds are of the same definition as Prometheus's native histograms, schema 5.
"""

from bisect import bisect_left
from functools import cache
from math import exp2, frexp, inf, ldexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SCALE = 5
PER_OCTAVE = 1 << SCALE
LOWEST = -1022 * PER_OCTAVE - 1
"""The bucket of the smallest normal double, and of what is smaller."""

_SLOT_BITS = 6
_FRACTION_BITS = 52
_BIAS = 1023
_TINY = 2.0**-1022

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _root(i: int) -> float:
    fraction = round(exp2(i / PER_OCTAVE + _FRACTION_BITS))
    limit = 1 << (i + _FRACTION_BITS * PER_OCTAVE)
    while fraction**PER_OCTAVE > limit:
        fraction -= 1
    while (fraction + 1) ** PER_OCTAVE <= limit:
        fraction += 1
    return ldexp(fraction, -_FRACTION_BITS)


BOUNDS = [_root(i) for i in range(PER_OCTAVE)]
"""2^(i/32) for i in 0..31, each the double at or just below the true number.

Checked in whole numbers, by the 32nd power, so that every machine agrees.
"""

_HALVED = [bound / 2 for bound in BOUNDS]


class Tables(NamedTuple):
    """For each of the 64 slots of the fraction: a bucket, and the fraction above which it is the next."""

    bucket: Integers
    above: Integers


def bucket_of(value: float) -> int:
    """Return the bucket of a positive finite number.

    Numbers too small to be normal fall into the bucket of the smallest that is.

    Example:
        >>> [bucket_of(x) for x in (1.0, 1.0000001, 2.0, 0.5)]
        [-1, 0, 31, -33]
    """
    fraction, exponent = frexp(value if value > _TINY else _TINY)  # noqa: FURB136 - max() is a call, and this path is hot
    return exponent * PER_OCTAVE + bisect_left(_HALVED, fraction) - (PER_OCTAVE + 1)


def buckets_of(values: Floats) -> Integers:
    """Return the buckets of positive finite numbers; 10 ns each.

    Args:
        values: Doubles, contiguous.
    """
    bits = np.maximum(values, _TINY).view(np.int64)
    slots = bits >> (_FRACTION_BITS - _SLOT_BITS)
    slots &= (1 << _SLOT_BITS) - 1
    by_slot = tables()
    octaves = bits >> _FRACTION_BITS
    octaves -= _BIAS
    octaves *= PER_OCTAVE
    octaves += by_slot.bucket[slots]
    fractions = bits & ((1 << _FRACTION_BITS) - 1)
    octaves += fractions > by_slot.above[slots]
    return octaves


def upper_bound(bucket: int) -> float:
    """Return the largest number of a bucket; infinity above the range of doubles.

    Example:
        >>> upper_bound(31), upper_bound(-1)
        (2.0, 1.0)
    """
    octave, step = divmod(bucket + 1, PER_OCTAVE)
    return ldexp(BOUNDS[step], octave) if octave < 1024 else inf


@cache
def tables() -> Tables:
    """Return the tables that decide by the bits of the fraction."""
    fractions = [int(bound * 2.0**_FRACTION_BITS) - (1 << _FRACTION_BITS) for bound in BOUNDS]
    width = 1 << (_FRACTION_BITS - _SLOT_BITS)
    bucket, above = [], []
    for slot in range(1 << _SLOT_BITS):
        first = sum(bound < slot * width for bound in fractions) - 1
        following = fractions[first + 1] if first + 1 < PER_OCTAVE else 1 << _FRACTION_BITS
        bucket.append(first)
        above.append(following)
    return Tables(np.array(bucket), np.array(above))
