"""The services of an installation, each with what it is told where it does not run with the others."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from bijou.app.rules import edges_of
from bijou.app.settings import House, Settings
from bijou.runtime import settings as spelling

WRITTEN: Final = "# Written by `bijou deploy {kind}`; change the settings and write it again.\n"
IMAGE: Final = "bijou:latest"
DATA_DIR: Final = "/var/lib/bijou"
DRAIN_S: Final = 20.0
"""Seconds that an edge's viewers have to finish a segment; longer than any player waits for one."""
ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - within a container, which is published on purpose


class Part(msgspec.Struct, frozen=True):
    """One service.

    Args:
        name: Of the process, such as `edge-east`; also where others find it.
        service: What `bijou run` is given.
        port: Where it answers, `/healthz` too.
        environment: What differs from the defaults.
        needs: Names of the services without which it is no use.
        cores: It is given.
        memory_bytes: It is given.
        public: Whether people reach it.
    """

    name: str
    service: str
    port: int
    environment: dict[str, str]
    needs: tuple[str, ...] = ()
    cores: float = 1.0
    memory_bytes: int = 1024**3
    public: bool = False

    @property
    def stops_within_s(self) -> int:
        """Seconds it has to end by itself."""
        return round(DRAIN_S) + 10 if self.service == "edge" else 30


def parts_of(settings: Settings) -> list[Part]:
    """Return every service: control, encoder, origin, and an edge a region.

    What is secret, such as the address of a database with its password, stands
    in none of their environments.
    """
    replace = msgspec.structs.replace
    base = replace(
        settings,
        house=replace(settings.house, data_dir=DATA_DIR, service_key="", records=""),
        control=replace(settings.control, host=ANYWHERE),
        accounts=replace(settings.accounts, operator_password=""),
        encoder=replace(settings.encoder, host=ANYWHERE),
        origin=replace(settings.origin, host=ANYWHERE),
    )
    encoder_bytes = settings.encoder.child_memory_bytes + settings.encoder.probe_memory_bytes
    return [
        Part("control", "control", base.control.port, _told(base, "control"), public=True),
        Part("origin", "origin", base.origin.port, _told(base, "origin"), ("control",)),
        Part(
            "encoder", "encoder", base.encoder.port, _told(base, "encoder"), ("control",), 4.0, encoder_bytes
        ),
        *(_edge(base, region, address) for region, address in edges_of(settings)),
    ]


def _edge(settings: Settings, region: str, address: str) -> Part:
    edge = msgspec.structs.replace(
        settings.edge,
        region=region,
        host=ANYWHERE,
        port=settings.edge.port
        if address.startswith("https://")
        else urlsplit(address).port or settings.edge.port,
        origin_url=f"http://origin:{settings.origin.port}",
        drain_s=max(settings.edge.drain_s, DRAIN_S),
    )
    told = _told(msgspec.structs.replace(settings, edge=edge), "edge")
    memory = edge.cache_bytes + 256 * 1024**2 + edge.connections * 4096
    return Part(f"edge-{region}", "edge", edge.port, told, ("origin",), 1.0, memory, public=True)


def _told(settings: Settings, service: str) -> dict[str, str]:
    """Return what a service must be told; what stands at its default, or is secret, is left out."""
    default = spelling.environ_of(Settings, Settings(house=House()))
    told = spelling.environ_of(Settings, settings)
    wanted: tuple[str, ...] = ("BIJOU_HOUSE_", "BIJOU_S3_", "BIJOU_DELIVERY_", f"BIJOU_{service.upper()}_")
    if service == "control":
        wanted += ("BIJOU_ACCOUNTS_", "BIJOU_INGEST_", "BIJOU_ENCODER_", "BIJOU_ENCODING_")
    if service == "encoder":
        wanted += ("BIJOU_ENCODING_",)
    if service == "edge":
        wanted += ("BIJOU_ORIGIN_PORT",)
    if service in {"control", "edge"}:
        wanted += ("BIJOU_TLS_",)
    return {
        name: value
        for name, value in told.items()
        if name.startswith(wanted) and (value != default[name] or name == "BIJOU_HOUSE_DATA_DIR")
    }
