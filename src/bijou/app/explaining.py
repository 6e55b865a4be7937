"""Why line items may not serve, put together on an installation's own records and profiles."""

from pathlib import Path
from random import SystemRandom

from bijou.ads.matching.service import Answer, ExplainingService, Question
from bijou.ads.matching.shards import Profile
from bijou.ads.service import AdOperationsService
from bijou.app import schema
from bijou.app.audiences import open_audiences
from bijou.app.settings import Settings
from bijou.app.stores import open_records, records_place
from bijou.ports import EngineUnavailable, Instant, SystemClock


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

    def profile_of(key: str) -> Profile:
        known = open_audiences(settings, clock, chance).known(key)
        return Profile(known.features, known.audiences, known.degraded)

    records = open_records(settings)
    try:
        ads = AdOperationsService(records, clock, chance)
        question = Question(viewer, break_id, spelled=facts, at=at)
        return await ExplainingService(ads, clock, profile_of).explain(question)
    finally:
        await records.close()


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
