"""Which processes make the service, and how each is started."""

import sys
from itertools import combinations
from pathlib import Path

import msgspec

from bijou.app.rules import edge_listens, edges_of
from bijou.app.settings import Settings
from bijou.ports import Clock, EngineUnavailable, InvalidRequest
from bijou.runtime import settings as spelling
from bijou.runtime.probe import obstacle
from bijou.runtime.supervisor import Child

_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be recognised
_LOOK_AGAIN_S = 0.05


def fleet(settings: Settings) -> list[Child]:
    """Return every process of an installation: control, encoder, origin, and an edge a region.

    Raises:
        InvalidRequest: `settings.no_port`, `settings.one_address`: one has no
            port of its own.
    """
    children = [
        _child("control", "control", settings, settings.control.host, settings.control.port),
        _child("encoder", "encoder", settings, settings.encoder.host, settings.encoder.port),
        _child("origin", "origin", settings, settings.origin.host, settings.origin.port),
        *(_edge(settings, region) for region, _ in edges_of(settings)),
    ]
    for child in children:
        if not child.health[1]:
            raise InvalidRequest(
                "settings.no_port", f"{child.name} has no port ({_setting(child)}); a port of 0 is for tests"
            )
    for one, other in combinations(children, 2):
        if _collide(one.health, other.health):
            raise InvalidRequest(
                "settings.one_address",
                f"{one.name} and {other.name} would both listen at {other.health[0]}:{other.health[1]}; "
                f"see {_setting(one)}, {_setting(other)}",
            )
    return children


async def check_addresses(children: list[Child], clock: Clock, *, patience_s: float = 1.0) -> None:
    """Return if all children can listen, once what ran here before has let go.

    Raises:
        EngineUnavailable: `runtime.addresses`; every one that cannot be had
            after `patience_s`, with its setting.
    """
    patient_until_ns = clock.monotonic_ns() + int(patience_s * 1e9)
    while found := [f"{why} ({_setting(child)})" for child in children if (why := obstacle(*child.health))]:
        if clock.monotonic_ns() >= patient_until_ns:
            raise EngineUnavailable(
                "runtime.addresses", f"{', '.join(found)}; stop what is there, or choose other addresses"
            )
        await clock.sleep(_LOOK_AGAIN_S)


def _collide(one: tuple[str, int], other: tuple[str, int]) -> bool:
    return one[1] == other[1] and (one[0] == other[0] or not _ANYWHERE.isdisjoint({one[0], other[0]}))


def _setting(child: Child) -> str:
    return "[delivery] edges" if child.name.startswith("edge-") else f"[{child.name}] host and port"


def _edge(settings: Settings, region: str) -> Child:
    host, port = edge_listens(settings, region)
    own = msgspec.structs.replace(settings.edge, region=region, host=host, port=port)
    return _child(f"edge-{region}", "edge", msgspec.structs.replace(settings, edge=own), host, port)


def _child(name: str, service: str, settings: Settings, host: str, port: int) -> Child:
    house = msgspec.structs.replace(settings.house, data_dir=str(Path(settings.house.data_dir).resolve()))
    environment = spelling.environ_of(Settings, msgspec.structs.replace(settings, house=house))
    argv = (sys.executable, "-m", "bijou", "run", service)
    return Child(name=name, argv=argv, env=environment | {"BIJOU_CONFIG": ""}, health=(host, port))
