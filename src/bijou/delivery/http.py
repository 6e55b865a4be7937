"""The rows that origin and edge have in the table of all routes.

They are answered by a protocol of our own instead of handlers (a hit costs a
third of what it does behind a framework); a contract test holds the two to
each other.
"""

from bijou.ports import Role
from bijou.runtime.http import Endpoint

_MEDIA = "/media/{key:path}"
_HEALTH = "/healthz"
_STEER = "/steer/{state}"
_REPORTS = "/cmcd"
_ALLOWED = "/allowed/media/{key:path}"

ENDPOINTS: list[Endpoint] = [
    Endpoint(
        method="GET", path=_MEDIA, role=Role.ANYONE, summary="A published blob, or one range of its bytes."
    ),
    Endpoint(
        method="HEAD", path=_MEDIA, role=Role.ANYONE, summary="Size, type and ETag of a published blob."
    ),
    Endpoint(
        method="OPTIONS",
        path=_MEDIA,
        role=Role.ANYONE,
        status=204,
        summary="Tells browsers that every page may read media.",
    ),
    Endpoint(
        method="GET",
        path=_ALLOWED,
        role=Role.ANYONE,
        status=204,
        summary="Whether the query's token allows a blob: for caches that cannot check it themselves.",
    ),
    Endpoint(
        method="GET",
        path=_HEALTH,
        role=Role.ANYONE,
        gives=dict[str, object],
        summary="Whether the service is well, its version, and what it counts.",
    ),
    Endpoint(method="HEAD", path=_HEALTH, role=Role.ANYONE, summary="Whether the service is well."),
    Endpoint(
        method="OPTIONS",
        path=_HEALTH,
        role=Role.ANYONE,
        status=204,
        summary="Tells browsers that every page may read health.",
    ),
]

HEALTH: list[Endpoint] = [row for row in ENDPOINTS if row.path == _HEALTH]
STEERING: list[Endpoint] = [
    Endpoint(
        method="GET",
        path=_STEER,
        role=Role.ANYONE,
        gives=dict[str, object],
        summary="Which pathway a session should use (HLS and DASH content steering); its state is signed.",
    ),
    Endpoint(method="HEAD", path=_STEER, role=Role.ANYONE, summary="Whether a session is steered still."),
    Endpoint(
        method="OPTIONS",
        path=_STEER,
        role=Role.ANYONE,
        status=204,
        summary="Tells browsers that every page may ask for its pathway.",
    ),
    Endpoint(
        method="POST",
        path=_REPORTS,
        role=Role.ANYONE,
        status=204,
        summary="Takes what a player saw: CMCD events, one a line (application/cmcd).",
    ),
    Endpoint(
        method="OPTIONS",
        path=_REPORTS,
        role=Role.ANYONE,
        status=204,
        summary="Tells browsers that every page may send what its player saw.",
    ),
]
