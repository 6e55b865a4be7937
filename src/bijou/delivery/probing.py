"""Looks at every pathway, again and again: does its edge answer, how fast, and what was it told."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import msgspec

from bijou.delivery.line import OriginAnswer
from bijou.delivery.model import HEALTH_PATH, BodyCut
from bijou.delivery.steering import Pathways, PathwayStatus, PeerHealth
from bijou.delivery.upstream import Upstream, within
from bijou.ports import BijouError, Clock
from bijou.runtime.logs import get_logger

PROBE_S: Final = 1.0
DEADLINE_S: Final = 0.8

_CONNECTIONS: Final = 2
_LONGEST: Final = 256 * 1024

_log = get_logger()


async def keep_probing(
    pathways: Pathways,
    clock: Clock,
    *,
    name: str,
    every_s: float = PROBE_S,
    load: Callable[[], int] | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Probe all pathways but our own once every `every_s`, each within a deadline, until cancelled.

    Args:
        load: Returns the connections of our own edge, where there is one.
        trust: Whom certificates of edges behind TLS are believed of; None: whom the system trusts.
    """
    upstreams = {
        region: Upstream(pathway.base_url, clock, connections=_CONNECTIONS, name=name, trust=trust)
        for region, pathway in pathways.all.items()
        if region != pathways.own
    }
    said: dict[str, str] = {}
    try:
        while True:
            began_ns = clock.monotonic_ns()
            try:
                troubles = await asyncio.gather(
                    *(_probe(pathways, region, each, clock) for region, each in upstreams.items())
                )
                said = _told_once(said, dict(zip(upstreams, troubles, strict=True)))
                if load is not None:
                    pathways.loaded(load())
                for change in pathways.look():
                    now = change.level.name.lower()
                    _log.warning("steering.pathway", pathway=change.region, now=now, why=change.why)
            except Exception:  # noqa: BLE001 - levels that no longer change would be worse than one look lost
                _log.exception("steering.look_failed")
            left_s = every_s - (clock.monotonic_ns() - began_ns) / 1e9
            await clock.sleep(max(left_s, every_s / 10))
    finally:
        for upstream in upstreams.values():
            upstream.close()


def _told_once(before: dict[str, str], troubles: dict[str, str]) -> dict[str, str]:
    """Log what is new about each pathway that does not answer, and return what was said by now."""
    for region, trouble in troubles.items():
        if trouble and trouble != before.get(region):
            _log.warning("steering.probe_failed", pathway=region, detail=trouble)
    return troubles


async def _probe(pathways: Pathways, region: str, upstream: Upstream, clock: Clock) -> str:
    """Ask how an edge is; return why that did not work, or empty."""
    began_ns = clock.monotonic_ns()
    try:
        told = await within(clock, DEADLINE_S, _health(upstream))
    except (BijouError, TimeoutError, OSError) as error:
        pathways.unanswered(region)
        return str(error) or f"no answer within {DEADLINE_S:g} s"
    pathways.answered(region, (clock.monotonic_ns() - began_ns) / 1e9, told)
    return ""


async def _health(upstream: Upstream) -> PeerHealth:
    """Return what an edge says of itself and of others; an edge of another make says nothing."""
    answer: OriginAnswer = await upstream.ask("GET", HEALTH_PATH)
    try:
        if answer.status != 200:
            raise upstream.failed(f"answered {answer.status} to a probe")
        if answer.size_bytes > _LONGEST:
            return PeerHealth()
        content = b"".join([bytes(piece) async for piece in answer])
    except BodyCut as cut:
        raise upstream.failed("cut its answer to a probe") from cut
    finally:
        await answer.aclose()
    try:
        health = msgspec.json.decode(content, type=_Health)
    except msgspec.MsgspecError:
        return PeerHealth()
    return PeerHealth(health.statistics.connections, health.pathways)


class _Statistics(msgspec.Struct):
    connections: int = 0


class _Health(msgspec.Struct):
    statistics: _Statistics = msgspec.field(default_factory=_Statistics)
    pathways: list[PathwayStatus] = []
