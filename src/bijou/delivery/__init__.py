"""Origin and edges: where viewers fetch media from.

The origin reads published blobs; edges keep them in memory, one a region. Both
are the same small HTTP/1.1 server: bytes to requests (`wire`), which part of
what (`selection`), heads (`answers`), and only then sockets (`connection`,
`server`). An edge fetches a cold object once, however many ask, and streams it
to all of them while it comes (`fill`). It speaks cleartext HTTP/1.1 only: TLS
and HTTP/2 are a proxy's work. Who may fetch
what stands in a signed token (`tokens`, `gate`); which objects stay is decided
by who is about to watch them (`playheads`). Which edge a viewer uses is decided
by `steering`, which every edge answers beside its media.
"""

from bijou.delivery.api import (
    EdgeAddress,
    EdgeHealth,
    EdgeStatistics,
    FetchedBytes,
    OriginHealth,
    OriginStatistics,
    SentBytes,
)
from bijou.delivery.fill_orders import FillStanding, FillSummary, FillWish
from bijou.delivery.fills import Fills
from bijou.delivery.sealed import Seals
from bijou.delivery.service import serve_edge, serve_origin, serve_steering
from bijou.delivery.signed_playlists import (
    PATHWAY_PARAMETER,
    STEERING_PARAMETER,
    signed_path,
    steered_path,
)
from bijou.delivery.slots import SlotTable, slot_of
from bijou.delivery.steering import (
    REPORT_PATH,
    STEER_PREFIX,
    Pathway,
    Pathways,
    Patience,
    Standing,
    States,
    Steerer,
    Tempo,
)
from bijou.delivery.tokens import TOKEN_PARAMETER, Grant, Route, TokenKey, TokenKeys, parse_keys

__all__ = [
    "PATHWAY_PARAMETER",
    "REPORT_PATH",
    "STEERING_PARAMETER",
    "STEER_PREFIX",
    "TOKEN_PARAMETER",
    "EdgeAddress",
    "EdgeHealth",
    "EdgeStatistics",
    "FetchedBytes",
    "FillStanding",
    "FillSummary",
    "FillWish",
    "Fills",
    "Grant",
    "OriginHealth",
    "OriginStatistics",
    "Pathway",
    "Pathways",
    "Patience",
    "Route",
    "Seals",
    "SentBytes",
    "SlotTable",
    "Standing",
    "States",
    "Steerer",
    "Tempo",
    "TokenKey",
    "TokenKeys",
    "parse_keys",
    "serve_edge",
    "serve_origin",
    "serve_steering",
    "signed_path",
    "slot_of",
    "steered_path",
]
