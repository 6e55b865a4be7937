"""Waiting for whichever comes first."""

import asyncio
from typing import Any

from bijou.ports import Clock

Runner = asyncio.Future[Any]


async def first(*runners: Runner) -> None:
    """Return when one of `runners` is done; none is cancelled and none raises here."""
    await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)


async def roused(event: asyncio.Event, clock: Clock, within_s: float) -> None:
    """Return when `event` is set, or after `within_s` seconds."""
    stirred, slept = asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(within_s))
    try:
        await first(stirred, slept)
    finally:
        stirred.cancel()
        slept.cancel()
        await asyncio.wait((stirred, slept))
