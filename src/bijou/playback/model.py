"""Pathways: which edges, in which order."""

from bijou.catalog import Publication
from bijou.delivery import TOKEN_PARAMETER, signed_path
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


def pathway(edge: EdgeAddress, publication: Publication, token: str = "") -> Pathway:
    """Return the way to an asset through an edge.

    Args:
        token: Empty: the edge asks for none.
    """
    address = edge.base_url.rstrip("/")
    plain = f"{address}/t/{token}" if token else address
    return Pathway(
        id=edge.region,
        hls=f"{address}/{signed_path(publication.hls)}?{TOKEN_PARAMETER}={token}"
        if token
        else f"{address}/{publication.hls}",
        dash=f"{plain}/{publication.dash}",
        poster=publication.poster and f"{address}/{publication.poster}",
        plain_hls=f"{plain}/{publication.hls}",
    )
