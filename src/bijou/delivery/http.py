"""The rows that origin and edge have in the table of all routes.

They are answered by a protocol of our own instead of handlers (a hit costs a
third of what it does behind a framework); a contract test holds the two to
each other.
"""

from typing import Any

from bijou.delivery.fill_orders import (
    FILL_PATH,
    HISTORY_PATH,
    ORDER_BYTES,
    FillStanding,
    FillSummary,
    FillWish,
)
from bijou.delivery.stock import STOCK_PATH, Stock
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

FILLING: list[Endpoint] = [
    Endpoint(
        method="GET",
        path=FILL_PATH,
        role=Role.SERVICE,
        gives=FillStanding,
        summary="How far an edge is with what it fetches ahead of demand; the call is sealed (Bijou-Seal).",
    ),
    Endpoint(
        method="POST",
        path=FILL_PATH,
        role=Role.SERVICE,
        takes=FillWish,
        gives=FillSummary,
        limit_bytes=ORDER_BYTES,
        summary="Has an edge plan what to fetch ahead of demand, and carry it out; the call is sealed.",
    ),
    Endpoint(
        method="GET",
        path=HISTORY_PATH,
        role=Role.SERVICE,
        gives=dict[str, Any],
        summary="What an edge was asked for: by title and hour, position and rendition; the call is sealed.",
    ),
]
STOCK: list[Endpoint] = [
    Endpoint(
        method="GET",
        path=STOCK_PATH,
        role=Role.SERVICE,
        gives=Stock,
        summary="All segments that there are to fill from; the call is sealed.",
    ),
]
