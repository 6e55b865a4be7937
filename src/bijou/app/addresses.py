"""Where the parts of an installation are, as its settings and its status say."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit

from bijou.app.settings import House, Settings
from bijou.app.status import read_status

_REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104 - where it is asked for
_PORTS = {"http": 80, "https": 443}


def control_address(settings: Settings) -> str:
    """Return where processes of this machine reach the control plane."""
    return reached(settings.control.host, settings.control.port)


def site_address(settings: Settings) -> str:
    """Return the address under which people reach the site."""
    return (settings.control.public_url or control_address(settings)).rstrip("/")


def edge_fetches(settings: Settings) -> str:
    """Return where an edge fetches what it does not have."""
    return settings.edge.origin_url or reached(settings.origin.host, settings.origin.port)


def own_server(settings: Settings) -> str:
    """Return where the control plane runs, or would run."""
    for service in read_status(Path(settings.house.data_dir)):
        if service.name == "control":
            place = urlsplit(service.address)
            return reached(place.hostname or "", place.port or 0)
    return control_address(settings)


def is_own(settings: Settings, server: str) -> bool:
    """Tell whether an address is this installation's own, so that its keys may be shown there."""
    own = {_origin(own_server(settings)), _origin(control_address(settings)), _origin(site_address(settings))}
    return _origin(server) in own - {None}


def flags_to_find(settings: Settings) -> str:
    """Return what a command must say to find this installation; its address stands in its folder."""
    data_dir = settings.house.data_dir
    return "" if data_dir == House().data_dir else f" --house-data-dir {shlex.quote(data_dir)}"


def reached(host: str, port: int) -> str:
    """Return the address of what listens there, as this machine calls it."""
    host = _REACHED.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _origin(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None where it is no address."""
    try:
        place = urlsplit(address)
        host, port = place.hostname, place.port or _PORTS.get(place.scheme)
    except ValueError:
        return None
    return (place.scheme, _REACHED.get(host, host), port) if host and port and not place.username else None
