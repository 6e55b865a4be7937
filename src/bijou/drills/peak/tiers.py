"""Tries by tier and time, and what share of them went well; pure."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bijou.drills.swarm import percentiles

SIGN_IN: Final = "sign-in"
TIERS: Final = (SIGN_IN, "page", "session", "playlist", "segments")


class Try(msgspec.Struct, frozen=True, gc=False):
    """One request of one person.

    Args:
        at_s: When it was sent, since the drill began.
        took_s: Until its last byte, or until it was given up.
        trouble: Why it did not go well, or empty.
    """

    tier: str
    at_s: float
    took_s: float
    trouble: str = ""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What became of one person who had to sign in.

    Args:
        took_s: From pressing play until signed in, or until giving up.
        tries: Requests that it took.
    """

    took_s: float
    tries: int
    let_in: bool


class Tier(msgspec.Struct, frozen=True):
    """How one tier bore it.

    Args:
        availability: Share of the tries that went well, 0 to 1; 1 where there were none.
        took_s: Of those that did: median, 95 %, 99 %.
        troubles: What went wrong, and how often.
    """

    name: str
    tries: int
    availability: float
    took_s: tuple[float, float, float]
    troubles: dict[str, int]


def tier_of(name: str, tries: Iterable[Try]) -> Tier:
    """Add up the tries of one tier.

    Example:
        >>> tries = [Try("page", 0.0, 0.1), Try("page", 0.5, 0.3), Try("page", 1.0, 5.0, "timeout")]
        >>> tier_of("page", tries).took_s, round(tier_of("page", tries).availability, 2)
        ((0.3, 0.3, 0.3), 0.67)
    """
    own = [one for one in tries if one.tier == name]
    good = sorted(one.took_s for one in own if not one.trouble)
    troubles: dict[str, int] = {}
    for one in own:
        if one.trouble:
            troubles[one.trouble] = troubles.get(one.trouble, 0) + 1
    return Tier(
        name,
        len(own),
        len(good) / len(own) if own else 1.0,
        percentiles(good),
        troubles,
    )


def over_time(name: str, tries: Sequence[Try], every_s: float = 1.0) -> list[tuple[float, float]]:
    """Return the tier's availability in percent, of the tries begun in each span of time.

    Example:
        >>> over_time("page", [Try("page", 0.2, 1.0), Try("page", 0.7, 1.0, "503"), Try("page", 2.5, 1.0)])
        [(0.5, 50.0), (2.5, 100.0)]
    """
    spans: dict[int, list[bool]] = {}
    for one in tries:
        if one.tier == name:
            spans.setdefault(int(one.at_s // every_s), []).append(not one.trouble)
    return [((span + 0.5) * every_s, 100.0 * sum(good) / len(good)) for span, good in sorted(spans.items())]
