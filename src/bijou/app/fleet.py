"""Which processes make the service, and how each is started."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bijou.app.settings import Settings
from bijou.ports import InvalidRequest
from bijou.runtime import settings as spelling
from bijou.runtime.supervisor import Child


def fleet(settings: Settings) -> list[Child]:
    """Return every process of an installation: control, encoder, origin, and an edge a region.

    Raises:
        InvalidRequest: `delivery.bad_edge`, an edge is not `region=http://host:port`.
    """
    return [
        _child("control", "control", settings, settings.control.host, settings.control.port),
        _child("encoder", "encoder", settings, settings.encoder.host, settings.encoder.port),
        _child("origin", "origin", settings, settings.origin.host, settings.origin.port),
        *(_edge(settings, *edge) for edge in edges_of(settings)),
    ]


def edges_of(settings: Settings) -> list[tuple[str, str]]:
    """Return (region, address) of every edge, the preferred first."""
    pairs = [entry.partition("=")[::2] for entry in settings.delivery.edges]
    for region, address in pairs:
        place = urlsplit(address)
        if not region or place.scheme not in {"http", "https"} or not place.hostname:
            raise InvalidRequest(
                "delivery.bad_edge",
                f"[delivery] edges holds {region}={address}; it takes region=http://host:port",
            )
    return pairs


def _edge(settings: Settings, region: str, address: str) -> Child:
    place = urlsplit(address)
    host, port = place.hostname or "", place.port or 80
    own = msgspec.structs.replace(settings.edge, region=region, host=host, port=port)
    return _child(f"edge-{region}", "edge", msgspec.structs.replace(settings, edge=own), host, port)


def _child(name: str, service: str, settings: Settings, host: str, port: int) -> Child:
    house = msgspec.structs.replace(settings.house, data_dir=str(Path(settings.house.data_dir).resolve()))
    environment = spelling.environ_of(Settings, msgspec.structs.replace(settings, house=house))
    argv = (sys.executable, "-m", "bijou", "run", service)
    return Child(name=name, argv=argv, env=environment | {"BIJOU_CONFIG": ""}, health=(host, port))
