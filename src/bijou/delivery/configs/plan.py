"""What an edge is, whoever makes it."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from bijou.delivery.configs.tls import Certificate
from bijou.delivery.slots import SLOTS, SlotTable

ODD_TARGETS: Final = r"(?i)(%([01]|2[ef5]|5c|[89a-f])|/\.\.?(/|\?|$)|//|\\)"
"""Targets that two parties could read differently; ours refuses them, so the others must too."""
MEDIA_PATH: Final = r"^/media(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
TOKEN_CHECKED_S: Final = 30
"""Seconds that an edge of another make believes our answer about a token."""


class EdgePlan(msgspec.Struct, frozen=True):
    """One edge, as its configuration is written from it.

    Args:
        host: Address to listen on.
        origin_url: What is fetched from, and asked about tokens.
        shields: Addresses of edges that are asked first, each for its slots.
        cache_bytes: Of memory with Varnish, of disk with nginx.
        folder: Where it may write.
        tokens: Whether requests must show one.
        user: Whom a process that is started by root becomes; empty: nobody else.
        tls: With what nginx speaks TLS at its address; Varnish cannot.
    """

    host: str
    port: int
    origin_url: str
    shields: tuple[str, ...] = ()
    cache_bytes: int = 256 * 1024**2
    idle_s: float = 60.0
    connections: int = 10_000
    folder: str = "/var/cache/bijou-edge"
    tokens: bool = True
    user: str = ""
    tls: Certificate | None = None

    @property
    def origin(self) -> str:
        """Host and port of the origin."""
        return authority(self.origin_url)

    def slots_of(self) -> dict[str, list[str]]:
        """Return for every shield the slots that it keeps, as three hexadecimal digits."""
        table = SlotTable(dict.fromkeys(self.shields, 1.0))
        kept: dict[str, list[str]] = {shield: [] for shield in self.shields}
        for slot in range(SLOTS):
            kept[table.nodes(slot)[0]].append(f"{slot:03x}")
        return kept


def authority(url: str) -> str:
    """Return host and port of an address."""
    place = urlsplit(url)
    return f"{place.hostname}:{place.port or 80}"
