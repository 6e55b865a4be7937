"""Which renditions a source is worth: sizes and bit rates, the best first.

A rung is the largest picture of the source's shape that fits a 16:9 box of
1080, 720, 480, 360 or 240 lines (turned for portrait), so that a wide film and
a narrow one of the same rung cost about the same. The first rung is the source
itself where it fits the largest box; rungs that lie closer than `SPACING` to
the one above are left out, because a player gains nothing by the switch, and so
are strips thinner than `MIN_SIDE_PX`.

Quality is asked for by a constant rate factor; the rate that it may take is
capped at `bits = PEAK_BPS * (pixels / 1080p) ** 0.75`: pixels of smaller
pictures hold more detail each, hence less than proportional. Above 30 frames a
second it grows by the square root of their number, for they resemble each other.
"""

from fractions import Fraction
from math import ceil

from msgspec import Struct

LINES = (1080, 720, 480, 360, 240)
SPACING = 0.85
MIN_LINES = 96
MIN_SIDE_PX = 32
CRF = 23
PEAK_BPS = 5_000_000
_PIXELS = 1920 * 1080
_ASPECT = Fraction(16, 9)


class Rung(Struct, frozen=True):
    """One rendition of the picture to be made.

    Args:
        name: Path part and identity, such as `v360`.
        crf: x264's constant rate factor.
        peak_bps: Cap of the rate, over a buffer of `buffer_bits`.
    """

    name: str
    width: int
    height: int
    crf: int
    peak_bps: int

    @property
    def lines(self) -> int:
        """Which rung it is, whatever its height: its name ends with that.

        Example:
            >>> Rung("av1-480", 854, 356, 23, 1).lines, Rung("hevc720", 1280, 720, 23, 1).lines
            (480, 720)
        """
        return int(self.name[len(self.name.rstrip("0123456789")) :])

    @property
    def buffer_bits(self) -> int:
        """The decoder's buffer: one and a half seconds at the peak."""
        return self.peak_bps * 3 // 2


def ladder(width: int, height: int, frame_rate: float) -> list[Rung]:
    """Return the rungs for a picture as it is seen, the largest first.

    Args:
        width: Square pixels, after rotation, >= 2.
        height: Square pixels, after rotation, >= 2.
        frame_rate: Frames a second.

    Example:
        >>> [(r.name, r.width, r.height) for r in ladder(854, 480, 24)]
        [('v480', 854, 480), ('v360', 640, 360), ('v240', 426, 240)]
        >>> [r.name for r in ladder(320, 180, 24)]
        ['v180', 'v120']
        >>> [ladder(*size, rate)[0].peak_bps for size, rate in [((1920, 1080), 24), ((1280, 720), 60)]]
        [5000000, 3849000]
        >>> round(5_000_000 * (1280 * 720 / (1920 * 1080)) ** 0.75 * 2**0.5, -3)
        3849000.0
    """
    own = max(Fraction(min(width, height)), max(width, height) / _ASPECT)
    top = min(own, Fraction(LINES[0]))
    lines = [top]
    for standard in LINES:
        if standard <= lines[-1] * SPACING:
            lines.append(Fraction(standard))
    if len(lines) == 1 and top * 2 / 3 >= MIN_LINES:
        lines.append(top * 2 / 3)
    rungs = [_rung(width, height, line / own, round(line), frame_rate) for line in lines]
    return [rungs[0], *(rung for rung in rungs[1:] if min(rung.width, rung.height) >= MIN_SIDE_PX)]


def fit(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """Return the largest even size of a picture's shape in a box, not larger than the picture."""
    scale = min(Fraction(1), Fraction(box_width, width), Fraction(box_height, height))
    return _even(width * scale), _even(height * scale)


def _rung(width: int, height: int, scale: Fraction, lines: int, frame_rate: float) -> Rung:
    wide, high = _even(width * scale), _even(height * scale)
    effort = (wide * high / _PIXELS) ** 0.75 * max(1.0, frame_rate / 30) ** 0.5
    return Rung(
        name=f"v{lines}",
        width=wide,
        height=high,
        crf=CRF,
        peak_bps=max(64_000, round(PEAK_BPS * effort / 1000) * 1000),
    )


def _even(side: Fraction) -> int:
    """The nearest even number, the lower of two."""
    return max(2, ceil((side - 1) / 2) * 2)
