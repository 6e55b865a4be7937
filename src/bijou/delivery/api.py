"""Origin and edges, as other rooms see them."""

import msgspec


class EdgeAddress(msgspec.Struct, frozen=True):
    """Where a region's edge answers."""

    region: str
    base_url: str


class OriginStatistics(msgspec.Struct, frozen=True):
    """What an origin has done since it started.

    Args:
        sent_bytes: Of bodies.
        connections: Open now.
    """

    requests: int
    sent_bytes: int
    connections: int


class SentBytes(msgspec.Struct, frozen=True):
    """Bytes of bodies that an edge sent, by what its cache did."""

    hit: int
    fill: int
    joined: int
    passed: int


class EdgeStatistics(msgspec.Struct, frozen=True):
    """What an edge has done since it started.

    Args:
        requests: All, also those that no cache decides.
        hits: Answered from memory, a known absence too.
        fills: Each began a fetch that others could join.
        joined: Each waited on a fetch that another had begun.
        passed: Only handed on: too large to keep, or HEAD of what is not here.
        hit_ratio: (hits + joined) / (hits + fills + joined + passed); 0 before the first.
        sent_bytes: By what the cache did.
        origin_fetches: Requests sent to the origin.
        cached_bytes: Memory that objects take, with 1 KiB each for their keep.
        connections: Open now.
    """

    requests: int
    hits: int
    fills: int
    joined: int
    passed: int
    hit_ratio: float
    sent_bytes: SentBytes
    origin_fetches: int
    objects: int
    cached_bytes: int
    evictions: int
    connections: int


class OriginHealth(msgspec.Struct, frozen=True):
    """What an origin's `/healthz` answers."""

    service: str
    version: str
    healthy: bool
    statistics: OriginStatistics


class EdgeHealth(msgspec.Struct, frozen=True):
    """What an edge's `/healthz` answers; an edge without its origin is healthy, for it still serves."""

    service: str
    version: str
    healthy: bool
    region: str
    statistics: EdgeStatistics
