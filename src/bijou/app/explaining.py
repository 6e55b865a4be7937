"""Why line items may not serve, put together on an installation's own records and profiles."""

import asyncio
import contextlib
from pathlib import Path
from random import SystemRandom
from typing import Final

from bijou.ads import AdOperations
from bijou.ads.matching.configured import Sizes
from bijou.ads.matching.service import Answer, ExplainingService, Question
from bijou.ads.matching.shards import Profile
from bijou.ads.service import AdOperationsService
from bijou.app import schema
from bijou.app.audiences import open_audiences
from bijou.app.sample_campaign import Sample, make_sample_campaign
from bijou.app.settings import Settings
from bijou.app.stores import open_records, records_place
from bijou.audience.turns import Turns
from bijou.ports import Clock, EngineUnavailable, Instant, SystemClock

_PATIENCE_S: Final = 5.0


async def explained(
    settings: Settings, viewer: str, break_id: str, facts: dict[str, str], at: Instant | None
) -> Answer:
    """Return the verdict on every line item; see `Question` for the arguments.

    Raises:
        EngineUnavailable: `ads.no_installation`, there is no data folder, or
            no table of this version in it.
        NotFound: `ads.no_record`.
        InvalidRequest: `audience.no_dimension`, `ads.bad_fact`.
    """
    _check_installation(settings)
    clock, chance = SystemClock(), SystemRandom()

    turns = Turns(lambda: open_audiences(settings, clock, chance))
    records = open_records(settings)
    try:
        ads = AdOperationsService(records, clock, chance)
        question = Question(viewer, break_id, spelled=facts, at=at)
        return await explaining_with(ads, clock, turns).explain(question)
    finally:
        await records.close()


async def sampled(settings: Settings, audience: str) -> Sample:
    """Make the sample campaign on an installation's own records; see `make_sample_campaign`."""
    _check_installation(settings)
    clock = SystemClock()
    records = open_records(settings)
    try:
        ads = AdOperationsService(records, clock, SystemRandom())
        await ads.prepare()
        return await make_sample_campaign(ads, clock.now(), audience=audience, author="sample")
    finally:
        await records.close()


def explaining_with(ads: AdOperations, clock: Clock, turns: Turns) -> ExplainingService:
    """Return what explains over a configuration, and the audiences that this process has opened."""

    async def profile_of(viewer: str) -> Profile:
        try:
            # What is opened and compiled takes its time once; a build, each time, and nobody waits for that.
            await turns.ask(lambda audiences: audiences.store.hasher.one(viewer))
            async with asyncio.timeout(_PATIENCE_S):
                known = await turns.change(lambda audiences: audiences.known(viewer))
        except (TimeoutError, EngineUnavailable):
            return Profile({}, [], "unavailable")
        return Profile(known.features, known.audiences, known.degraded)

    async def sizes() -> Sizes | None:
        with contextlib.suppress(EngineUnavailable):
            return await turns.ask(lambda audiences: audiences.sizes())
        return None

    return ExplainingService(ads, clock, profile_of, sizes=sizes)


def _check_installation(settings: Settings) -> None:
    """Refuse to make an installation where none is."""
    folder = Path(settings.house.data_dir)
    lack = "is not there" if not folder.is_dir() else ""
    if not lack and not schema.is_current(records_place(settings)):
        lack = "holds no records of this bijou"
    if lack:
        raise EngineUnavailable(
            "ads.no_installation", f"{folder} {lack}; start bijou, or name --house-data-dir"
        )
