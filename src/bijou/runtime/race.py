"""Waiting for whichever comes first."""

import asyncio
from typing import Any

Runner = asyncio.Future[Any]


async def first(*runners: Runner) -> None:
    """Return when one of `runners` is done; none is cancelled and none raises here."""
    await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
