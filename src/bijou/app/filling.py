"""Filling ahead as settings describe it, and calls to the edges that do it."""

from pathlib import Path
from random import Random
from typing import Any

from bijou.app.rules import edges_of, fill_hours_of
from bijou.app.settings import Settings
from bijou.app.steering import steering_keys
from bijou.delivery import Fills, FillStanding, FillSummary, FillWish, Seals
from bijou.delivery.fill_orders import FILL_PATH, HISTORY_PATH
from bijou.delivery.http import FILLING
from bijou.delivery.sealed import SEAL_FIELD
from bijou.ports import Clock, InvalidRequest, NotFound
from bijou.runtime import codec
from bijou.runtime.http import Wire

_PLANNING_S = 300.0
_ROWS = {(row.method, row.path): row for row in FILLING}


def seals_of(settings: Settings, clock: Clock, chance: Random) -> Seals:
    """Return that by which services prove their calls to each other."""
    return Seals(steering_keys(settings, clock, chance), clock)


def fills_of(settings: Settings, clock: Clock, chance: Random) -> Fills | None:
    """Return how this edge fills ahead; None where it does not."""
    edge = settings.edge
    if not edge.filled_disk_bytes:
        return None
    return Fills(
        folder=Path(settings.house.data_dir) / f"edge-{edge.region}" / "filled",
        capacity_bytes=edge.filled_disk_bytes,
        seals=seals_of(settings, clock, chance),
        rate_bps=edge.fill_bps,
        quiet=edge.fill_quiet,
        hours=fill_hours_of(settings),
    )


class FillCalls:
    """Calls to edges about what they fetch ahead, each with a seal.

    Args:
        settings: Name the edges, and hold the keys.
        regions: Whose edges; none: all.

    Raises:
        InvalidRequest: `settings.no_region`: there is no such region.
    """

    def __init__(self, settings: Settings, regions: tuple[str, ...], clock: Clock, chance: Random) -> None:
        edges = dict(edges_of(settings))
        if strange := [region for region in regions if region not in edges]:
            raise InvalidRequest(
                "settings.no_region", f"there is no region {', '.join(strange)}; there are {', '.join(edges)}"
            )
        self._edges = {region: edges[region] for region in regions or edges}
        self._seals = seals_of(settings, clock, chance)

    @property
    def regions(self) -> list[str]:
        """Whose edges are called."""
        return list(self._edges)

    async def standing(self, region: str) -> FillStanding:
        """Ask how far an edge is; raises as `Wire.call` does."""
        told: FillStanding = await self._call(region, "GET", FILL_PATH)
        return told

    async def order(self, region: str, wish: FillWish) -> FillSummary:
        """Have an edge plan; raises as `Wire.call` does."""
        told: FillSummary = await self._call(region, "POST", FILL_PATH, wish)
        return told

    async def history(self, region: str) -> dict[str, Any]:
        """Ask what an edge was asked for; raises as `Wire.call` does."""
        told: dict[str, Any] = await self._call(region, "GET", HISTORY_PATH)
        return told

    async def _call(self, region: str, method: str, path: str, body: FillWish | None = None) -> Any:
        content = codec.encode(body) if body else b""
        wire = Wire(self._edges[region], timeout_s=_PLANNING_S)
        try:
            return await wire.call(
                _ROWS[method, path], body, headers={SEAL_FIELD: self._seals.seal(method, path, content)}
            )
        except NotFound as error:
            rule = "set [edge] filled_disk_bytes and start it anew"
            raise NotFound("fill.off", f"the edge of {region} fetches nothing ahead; {rule}") from error
        finally:
            await wire.close()
