"""Origin and edges, as other rooms see them."""

import msgspec

from bijou.delivery.steering.pathways import PathwayStatus
from bijou.delivery.steering.steerer import SteeringStatistics


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
    disk: int = 0
    stale: int = 0
    revalidated: int = 0


class FetchedBytes(msgspec.Struct, frozen=True):
    """Bytes of bodies that an edge had to fetch, by the reason."""

    cold: int = 0
    capacity: int = 0
    expired: int = 0
    health: int = 0
    steering: int = 0
    ahead: int = 0


class EdgeStatistics(msgspec.Struct, frozen=True):
    """What an edge has done since it started.

    Args:
        requests: All, also those that no cache decides.
        hits: Answered from memory, a known absence too.
        fills: Each began a fetch that others could join.
        joined: Each waited on a fetch that another had begun.
        passed: Only handed on: too large to keep, or HEAD of what is not here.
        hit_ratio: Share of all these that needed no fetch of their own; 0 before the first.
        sent_bytes: By what the cache did.
        origin_fetches: Requests sent to the origin.
        cached_bytes: Memory that objects take, with 1 KiB each for their keep.
        connections: Open now.
        disk_hits: Answered from disk.
        stale_hits: Answered with what had expired, because the origin failed.
        fetched_bytes: Why bytes came from elsewhere.
        disk_bytes: What files take now.
        shed: Sessions turned away at their beginning, so that those that play go on.
        slow: Connections ended because their peers read too slowly.
        refused: Requests that were not served, by the problem's code.
        filled_objects: On the part of the disk that only plans change.
        filled_hits: Times that part was read for viewers.
        policy: What decides who leaves memory.
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
    disk_hits: int = 0
    stale_hits: int = 0
    fetched_bytes: FetchedBytes = FetchedBytes()
    disk_objects: int = 0
    disk_bytes: int = 0
    shed: int = 0
    slow: int = 0
    refused: dict[str, int] = {}
    policy: str = ""
    filled_objects: int = 0
    filled_bytes: int = 0
    filled_hits: int = 0
    filled_hit_bytes: int = 0


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
    pathways: list[PathwayStatus] = []
    steering: SteeringStatistics = SteeringStatistics()


class SteeringHealth(msgspec.Struct, frozen=True):
    """What `/healthz` of steering that runs alone answers."""

    service: str
    version: str
    healthy: bool
    pathways: list[PathwayStatus]
    steering: SteeringStatistics
