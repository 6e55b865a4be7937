"""The film of a simulated session: its ladder, and the size of each segment."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REFERENCE_LADDER_BPS = (230e3, 331e3, 477e3, 688e3, 991e3, 1427e3, 2056e3, 2962e3, 5027e3, 6000e3)
"""Ten rungs of a film that is much used in the literature, 320x180 to 1080p."""


class Film(NamedTuple):
    """A ladder and the segments encoded with it, as arrays.

    Make one with `film_of`, which checks it.

    Attributes:
        segment_s: Length of every segment.
        bitrates: Mean rate of each rung, bits a second, rising.
        utilities: ln(rate / lowest rate) of each rung.
        sizes: float64 [segments, rungs], bits.
    """

    segment_s: float
    bitrates: Floats
    utilities: Floats
    sizes: Floats


def film_of(*, segment_s: float, bitrates_bps: list[float], sizes_bits: Floats) -> Film:
    """Return the film of this ladder and these sizes.

    Raises:
        ValueError: fewer than two rungs, rates that do not rise, sizes of
            another shape or not above 0, a segment without length.
    """
    bitrates = np.asarray(bitrates_bps, np.float64)
    sizes = np.ascontiguousarray(sizes_bits, np.float64)
    if len(bitrates) < 2 or bitrates[0] <= 0 or (np.diff(bitrates) <= 0).any():
        raise ValueError(
            f"rates of {bitrates_bps}; a ladder has two rungs or more, and its rates rise from above 0"
        )
    if sizes.ndim != 2 or sizes.shape[1] != len(bitrates) or not len(sizes) or not (sizes > 0).all():
        raise ValueError(
            f"sizes of shape {sizes.shape} for {len(bitrates)} rungs; they are [segments, rungs], all above 0"
        )
    if not segment_s > 0:
        raise ValueError(f"segments of {segment_s} s; they last longer than 0 s")
    utilities = np.asarray([ln(float(bitrate / bitrates[0])) for bitrate in bitrates])
    return Film(float(segment_s), bitrates, utilities, sizes)


def reference_film(*, segments: int = 199, segment_s: float = 3.0, seed: int = 1) -> Film:
    """Return ten minutes with the reference ladder and seeded variable rates.

    A scene that is hard in one rung is hard in all; over the film each rung
    keeps to its mean rate.
    """
    draw = np.random.default_rng(seed)
    scenes = np.repeat(draw.normal(0.0, 0.25, segments // 4 + 1), 4)[:segments]
    noise = scenes[:, None] + draw.normal(0.0, 0.06, (segments, len(REFERENCE_LADDER_BPS)))
    shares = np.exp(noise)
    shares /= shares.mean(axis=0)
    sizes = np.round(shares * np.asarray(REFERENCE_LADDER_BPS) * segment_s)
    return film_of(segment_s=segment_s, bitrates_bps=list(REFERENCE_LADDER_BPS), sizes_bits=sizes)


def ln(x: float) -> float:
    """Return the natural logarithm of `x` >= 1, by sums and products alone.

    The C library's and a browser's may differ in the last bit; this one is the
    same everywhere, within 4e-16 of the true one.

    Source: ln m = 2 artanh((m - 1) / (m + 1)), after halving `x` to m <= 1.5.

    Example:
        >>> ln(1.0), round(ln(10.0), 12)
        (0.0, 2.302585092994)
    """
    halvings = 0
    while x > 1.5:
        x *= 0.5
        halvings += 1
    share = (x - 1.0) / (x + 1.0)
    square, total = share * share, 0.0
    for odd in range(41, 0, -2):
        total = total * square + 1.0 / odd
    return halvings * 0.6931471805599453 + 2.0 * share * total
