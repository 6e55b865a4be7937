"""Which of an installation's addresses need TLS, and what is behind them."""

from collections.abc import Callable
from typing import Final

import msgspec

from bijou.app.addresses import reached
from bijou.app.deployment.parts import ANYWHERE
from bijou.app.rules import edge_listens, edges_of
from bijou.app.settings import Settings
from bijou.delivery.configs import Certificate, Front, TlsPlan

TLS: Final = "tls"
"""Name of the service that speaks it."""
NGINX: Final = "nginx:stable"

Behind = Callable[[str], str]
"""Returns host and port of the process with a name; empty where it is not run."""


def certificate_of(settings: Settings) -> Certificate | None:
    """Return with what TLS is spoken; None: it is not."""
    tls = settings.tls
    return Certificate(tls.certificate, tls.key, tls.stapling) if tls.certificate else None


def fronts_of(settings: Settings, behind: Behind) -> dict[str, Front]:
    """Return each process whose address is https:// by its name."""
    places = {"control": (settings.control.public_url, False)}
    places |= {f"edge-{region}": (address, True) for region, address in edges_of(settings)}
    places |= {"origin": (settings.edge.origin_url, True), "steering": (settings.steering.url, True)}
    return {
        name: Front(address, behind(name), media)
        for name, (address, media) in places.items()
        if address.startswith("https://") and behind(name)
    }


def plan_of(settings: Settings, behind: Behind, *, kind: str, folder: str) -> TlsPlan | None:
    """Return what nginx speaks TLS for; None where it is not to.

    Args:
        behind: As these files run the processes.
        folder: Where nginx may write.
    """
    certificate, fronts = certificate_of(settings), fronts_of(settings, behind)
    if certificate is None or not fronts:
        return None
    tls = settings.tls
    return TlsPlan(
        tuple(fronts.values()),
        certificate,
        host=tls.host,
        http_port=tls.http_port,
        hsts_s=tls.hsts_s,
        connections=max(settings.control.connections, settings.edge.connections),
        folder=folder,
        kind=kind,
    )


def contained(plan: TlsPlan) -> TlsPlan:
    """Return the plan for a container, which has one address and writes to /tmp only."""
    return msgspec.structs.replace(plan, host=ANYWHERE, alone=True, folder="/tmp")  # noqa: S108 - its own


def on_one_machine(settings: Settings) -> Behind:
    """Return where the processes are that `bijou serve` runs, or units of one machine."""

    def behind(name: str) -> str:
        if name.startswith("edge-"):
            host, port = edge_listens(settings, name.removeprefix("edge-"))
        else:
            section = getattr(settings, name)
            host, port = section.host, section.port
        return reached(host, port).removeprefix("http://")

    return behind
