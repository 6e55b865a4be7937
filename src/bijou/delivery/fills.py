"""Whether and how an edge fills ahead, and that for as long as it serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bijou.delivery.edge import Edge
from bijou.delivery.fill_orders import FILL_PATH, ORDER_BYTES
from bijou.delivery.reserve import KEEP_FREE_BYTES, Reserve
from bijou.delivery.sealed import Seals
from bijou.delivery.shields import Source
from bijou.ports import Clock
from bijou.runtime.logs import get_logger

_log = get_logger()

POSTS = {FILL_PATH: ORDER_BYTES}
"""What an edge that fills takes besides."""


class Fills(msgspec.Struct, frozen=True):
    """How an edge fills.

    Args:
        folder: For what was fetched ahead, and the notes beside it; of this edge alone.
        capacity_bytes: Of that folder, >= 1.
        seals: By which services prove their calls, and the edge its own.
        rate_bps: How fast at most; 0: a share of the peak of demand.
        quiet: Share of the peak of demand up to which it is quiet.
        hours: Of the day, in UTC, at which to plan; none: only when told to.
        clock: By which all of that is kept; None: the edge's own.
        keep_free_bytes: Of the volume.
    """

    folder: Path
    capacity_bytes: int
    seals: Seals
    rate_bps: int = 0
    quiet: float = 0.6
    hours: tuple[int, ...] = (1, 5, 9, 13)
    clock: Clock | None = None
    keep_free_bytes: int = KEEP_FREE_BYTES

    def reserve(self) -> Reserve:
        """Return the filled part, which looks empty until `filling` has found what is there.

        Raises:
            OSError: its folder cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Reserve(self.folder, self.capacity_bytes, self.keep_free_bytes)


@contextlib.asynccontextmanager
async def filling(
    fills: Fills | None, reserve: Reserve | None, edge: Edge, source: Source, region: str, clock: Clock
) -> AsyncIterator[None]:
    """Count, plan and fill for as long as the block lasts; viewers are served while files are looked at."""
    if fills is None or reserve is None:
        yield
        return
    from bijou.delivery.fill_door import FillDoor  # noqa: PLC0415 - brings numpy, which only edges that fill pay for
    from bijou.delivery.fill_executor import FillExecutor  # noqa: PLC0415 - as above
    from bijou.delivery.fill_planning import FillPlanning  # noqa: PLC0415 - as above
    from bijou.delivery.filling.planner import Habits  # noqa: PLC0415 - as above

    told = fills.clock or clock
    executor = FillExecutor(edge.fetching, reserve, told, lambda: edge.is_crowded)
    habits = Habits(region, fills.capacity_bytes, fills.rate_bps, fills.quiet)
    planning = FillPlanning(executor, reserve, source, fills.seals, habits, fills.hours, told)
    await planning.open()
    edge.ledger = planning
    edge.doors = FillDoor(planning, fills.seals, clock, edge.tally).doors

    async def fill() -> None:
        try:
            await reserve.open()
            await executor.open()
            await asyncio.gather(executor.run(), planning.run())
        except Exception:  # noqa: BLE001 - viewers are served without it too
            _log.exception("fill.ended")

    running = asyncio.create_task(fill())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        planning.close()
