"""In which order one session should try the pathways.

Source: D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit
rates", IEEE/ACM Transactions on Networking, 1998 (rendezvous hashing).
"""

import hashlib
import math
from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Final

import msgspec

_UNIT: Final = 2.0**-64


class Level(IntEnum):
    """How well a pathway is, the best first.

    `RETURNING`: it was not well, and a growing share of the sessions tries it.
    `IMPAIRED`: it answers, but worse than the others. `DOWN`: it does not answer.
    """

    UP = 0
    RETURNING = 1
    IMPAIRED = 2
    DOWN = 3


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A pathway as it is weighed.

    Args:
        weight: Its claim on sessions: capacity for its cost, > 0.
        share: Of the sessions that are elsewhere, those that may use it, 0 to 1; the rest waits.
        full: Whether only those that are there already should stay.
    """

    region: str
    weight: float = 1.0
    level: Level = Level.UP
    share: float = 1.0
    full: bool = False


def order(
    session: str,
    candidates: Sequence[Candidate],
    *,
    home: str = "",
    current: str = "",
    avoid: Collection[str] = (),
    locality: float = 1.0,
) -> list[str]:
    """Return all regions, the one to be used first.

    What is well comes before what is not; among those that are well decide
    weights, the same way every time for the same session. A region that goes
    moves only its own sessions. A share that grows only ever adds sessions.

    Cost: one BLAKE2 a candidate (1 us).

    Args:
        current: Region that the session uses now.
        avoid: Regions that failed this session.
        locality: How many times as much the home region weighs.

    Example:
        >>> order("ses_1", [Candidate("east", level=Level.DOWN), Candidate("west")], home="east")
        ['west', 'east']
    """
    ranked = []
    for one in candidates:
        place, ticket = _lots(session, one.region)
        weight = one.weight * locality if one.region == home else one.weight
        ranked.append((_class(one, ticket, current, avoid), math.log(place) / weight, one.region))
    # The logarithm is negative: the larger its quotient, the better; hence the sign below.
    return [region for _, _, region in sorted((rank, -quotient, region) for rank, quotient, region in ranked)]


def lot(session: str, region: str) -> float:
    """Return the session's ticket for a region's return: it may go there when the share is above it.

    Example:
        >>> 0 < lot("ses_1", "east") < 1
        True
    """
    return _lots(session, region)[1]


def _class(one: Candidate, ticket: float, current: str, avoid: Collection[str]) -> int:
    if one.level >= Level.IMPAIRED:
        return int(one.level)
    # Who is there already stays: edges differ for seconds on how far a region is back, and how full.
    enters = one.region != current
    waits = one.region in avoid or (enters and (one.full or ticket >= one.share))
    return 1 if waits else 0


def _lots(session: str, region: str) -> tuple[float, float]:
    digest = hashlib.blake2b(f"{session}.{region}".encode(), digest_size=16).digest()
    place, ticket = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    return (place + 0.5) * _UNIT, ticket * _UNIT
