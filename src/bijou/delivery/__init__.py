"""Origin and edges: where viewers fetch media from.

The origin reads published blobs; edges keep them in memory, one a region. Both
are the same small HTTP/1.1 server: bytes to requests (`wire`), which part of
what (`selection`), heads (`answers`), and only then sockets (`connection`,
`server`). An edge fetches a cold object once, however many ask, and streams it
to all of them while it comes (`fill`). It speaks cleartext HTTP/1.1 only: TLS
and HTTP/2 are a proxy's work. Which edge a viewer uses is not decided here.
"""

from bijou.delivery.api import (
    EdgeAddress,
    EdgeHealth,
    EdgeStatistics,
    OriginHealth,
    OriginStatistics,
    SentBytes,
)
from bijou.delivery.service import serve_edge, serve_origin

__all__ = [
    "EdgeAddress",
    "EdgeHealth",
    "EdgeStatistics",
    "OriginHealth",
    "OriginStatistics",
    "SentBytes",
    "serve_edge",
    "serve_origin",
]
