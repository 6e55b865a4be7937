"""The calling end of a control plane's audiences; apart, for its types need numpy."""

import msgspec

from bijou.audience.uploads_http import TUS, BatchesClient
from bijou.ingest.http import AnnouncedClient
from bijou.ports import Role
from bijou.runtime.http import Wire


class AudienceClients(msgspec.Struct, frozen=True):
    """Batches, and the bytes of their files."""

    batches: BatchesClient
    files: AnnouncedClient


def audience_clients(wire: Wire) -> AudienceClients:
    """Speak to audiences on a wire."""
    return AudienceClients(BatchesClient(wire), AnnouncedClient(wire, TUS, Role.ADOPS))
