"""Identifiers: UUIDv7 with a prefix that says what kind of thing it names."""

import uuid
from random import Random

from bijou.ports.clock import Clock

ID_KINDS = {
    "adv": "advertiser",
    "ast": "asset: an uploaded file and what was encoded from it",
    "brd": "brand of an advertiser",
    "brk": "ad break",
    "cmp": "campaign",
    "crv": "creative",
    "evt": "event envelope",
    "inv": "invoice",
    "ior": "insertion order",
    "job": "encode job",
    "lin": "line item",
    "plc": "placement of ads",
    "prf": "viewer profile",
    "ses": "playback session",
    "ttl": "title",
    "upl": "upload",
    "usr": "user",
}


def new_id(kind: str, clock: Clock, chance: Random) -> str:
    """Return `kind`, an underscore and a fresh UUIDv7: sorts by time of birth.

    Source: RFC 9562, section 5.7.

    Args:
        kind: A key of `ID_KINDS`.
        clock: Gives the 48 bits of milliseconds.
        chance: Gives the 74 random bits; `random.SystemRandom` in production.

    Raises:
        KeyError: `kind` is not in `ID_KINDS`.

    Example:
        >>> from bijou.ports import Instant, VirtualClock
        >>> new_id("ttl", VirtualClock(Instant(1_000_000)), Random(1))
        'ttl_00000000-03e8-7226-b63c-5ab791b7584a'
    """
    if kind not in ID_KINDS:
        raise KeyError(f"{kind!r} is no kind of id; the kinds are {', '.join(sorted(ID_KINDS))}")
    milliseconds = clock.now() // 1000 & (1 << 48) - 1
    head = milliseconds << 16 | 7 << 12 | chance.getrandbits(12)
    tail = 0b10 << 62 | chance.getrandbits(62)
    return f"{kind}_{uuid.UUID(int=head << 64 | tail)}"
