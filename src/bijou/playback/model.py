"""Pathways: which edges, in which order."""

from urllib.parse import urlencode

from bijou.catalog import Publication
from bijou.delivery import (
    PATHWAY_PARAMETER,
    STEERING_PARAMETER,
    TOKEN_PARAMETER,
    signed_path,
    steered_path,
)
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


def pathway(edge: EdgeAddress, publication: Publication, token: str = "", steering: str = "") -> Pathway:
    """Return the way to an asset through an edge.

    Args:
        token: Empty: the edge asks for none.
        steering: Address of the session's steering manifest, or empty.
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
        steered_hls=f"{address}/{steered_path(publication.hls)}?{_query(token, steering, edge.region)}"
        if token and steering
        else "",
    )


def _query(token: str, steering: str, region: str) -> str:
    return urlencode({TOKEN_PARAMETER: token, STEERING_PARAMETER: steering, PATHWAY_PARAMETER: region})
