"""Pathways: which edges, in which order."""

from bijou.catalog import Publication
from bijou.delivery.api import EdgeAddress
from bijou.playback.api import Pathway
from bijou.ports import InvalidRequest


def preferred(edges: list[EdgeAddress], region: str) -> list[EdgeAddress]:
    """Return the edges with that of `region` first; as they are where it is empty.

    Raises:
        InvalidRequest: `playback.no_region`.
    """
    if region and region not in (edge.region for edge in edges):
        regions = ", ".join(edge.region for edge in edges)
        raise InvalidRequest("playback.no_region", f"there is no region {region!r}; regions are {regions}")
    return sorted(edges, key=lambda edge: edge.region != region)


def pathway(edge: EdgeAddress, publication: Publication) -> Pathway:
    """Return the way to an asset through an edge."""
    address = edge.base_url.rstrip("/")
    return Pathway(
        id=edge.region,
        hls=f"{address}/{publication.hls}",
        dash=f"{address}/{publication.dash}",
        poster=publication.poster and f"{address}/{publication.poster}",
    )
