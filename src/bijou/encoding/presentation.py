"""How large a film's picture is seen, and the clock that its renditions go by; pure."""

from fractions import Fraction

from msgspec import Struct

from bijou.encoding.inspection import Film


class Timescale(Struct, frozen=True):
    """Ticks a second of the renditions, and how long a frame is where all are alike.

    Args:
        frame_ticks: 0 where the frame rate varies.
    """

    per_s: int
    frame_ticks: int


def seen_size(film: Film) -> tuple[int, int]:
    """Return width and height as a viewer sees them: square pixels, turned upright."""
    picture = film.picture
    aspect = Fraction(*picture.aspect) if all(part > 0 for part in picture.aspect) else Fraction(1)
    aspect = aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1)
    width, height = (
        round(picture.width * max(aspect, Fraction(1))),
        round(picture.height / min(aspect, Fraction(1))),
    )
    return (height, width) if picture.rotation_degrees in {90, 270} else (width, height)


def timescale(film: Film) -> Timescale:
    """Return a clock in which every frame's time is a whole number.

    Even frames are put exactly in their places: a Matroska file rounds them to
    milliseconds, and players' buffers would show the jitter as gaps.
    """
    if not film.cadence.variable:
        rate = film.cadence.rate
        factor = 1 if rate.numerator >= 10_000 else 1000
        return Timescale(rate.numerator * factor, rate.denominator * factor)
    whole = film.tick.numerator == 1 and 1000 <= film.tick.denominator <= 1_000_000
    return Timescale(film.tick.denominator if whole else 90_000, 0)
