"""Whether a pathway is worse than the others, by more than chance.

Source: E. B. Wilson, "Probable inference, the law of succession, and
statistical inference", JASA 22, 1927, for the bounds of a share.
"""

import math
from typing import Final

import msgspec

from bijou.delivery.steering.evidence import Failures, Moments, Sums

ERRORS: Final = "errors"
FIRST_BYTE: Final = "first byte"
RATE: Final = "rate"


class Tolerance(msgspec.Struct, frozen=True):
    """What is worse, and how sure one must be.

    Args:
        sessions: That must have met it; one viewer's trouble is no pathway's.
        samples: Of each thing, on each side of a comparison.
        errors: Share of session-seconds beyond twice that of the others.
        first_byte: Times as long as usual, relative to the others.
        rate: Times as fast as usual, relative to the others.
        alone: How many times the logarithm must be where there are no others to compare with.
        sigmas: Of the difference of means, and of a share of errors.
    """

    sessions: int = 3
    samples: int = 20
    errors: float = 0.005
    first_byte: float = 1.8
    rate: float = 0.67
    alone: float = 1.4
    sigmas: tuple[float, float] = (4.0, 3.3)


def worse(mine: Sums, others: Sums, tolerance: Tolerance) -> str:
    """Return in what a pathway is worse than the others together, or empty.

    Example:
        >>> mine = Sums(Failures(good=190, bad=12, failed=11), sessions=50)
        >>> worse(mine, Sums(Failures(good=300)), Tolerance())
        'errors'
        >>> worse(mine, Sums(Failures(good=280, bad=20)), Tolerance())
        ''
    """
    if mine.sessions < tolerance.sessions:
        return ""
    if any(_fails(*both, tolerance) for both in ((mine.failures, others.failures), (mine.long, others.long))):
        return ERRORS
    if _beyond(mine.first_byte, others.first_byte, math.log(tolerance.first_byte), tolerance):
        return FIRST_BYTE
    if _beyond(_turned(mine.rate), _turned(others.rate), -math.log(tolerance.rate), tolerance):
        return RATE
    return ""


def wilson_lower(bad: int, n: int, sigmas: float) -> float:
    """Return what a share is at least, given `bad` of `n`.

    Example:
        >>> round(wilson_lower(10, 200, 2.6), 4)
        0.0226
    """
    if not n:
        return 0.0
    share, square = bad / n, sigmas * sigmas
    spread = sigmas * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return (share + square / (2 * n) - spread) / (1 + square / n)


def _fails(mine: Failures, others: Failures, tolerance: Tolerance) -> bool:
    bad = mine.bad - mine.worst  # of all sessions but the one that met most
    n, others_n = mine.good + bad, others.good + others.bad
    if mine.failed < tolerance.sessions or n < tolerance.samples:
        return False
    # One more than they met: few others prove little.
    usual = (others.bad + 1) / (others_n + 1) if others_n >= tolerance.samples else 0.0
    return wilson_lower(bad, n, tolerance.sigmas[1]) > tolerance.errors + 2 * usual


def _beyond(mine: Moments, others: Moments, limit: float, tolerance: Tolerance) -> bool:
    if mine.n < tolerance.samples:
        return False
    alone = others.n < tolerance.samples
    difference = mine.mean if alone else mine.mean - others.mean
    error = math.sqrt(mine.error if alone else mine.error + others.error)
    return (
        difference > limit * (tolerance.alone if alone else 1.0) and difference > tolerance.sigmas[0] * error
    )


def _turned(moments: Moments) -> Moments:
    return Moments(moments.n, -moments.total, moments.squares)
