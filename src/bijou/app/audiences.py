"""Audiences put together: their folder, their secret key, and where profiles are read."""

import functools
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bijou.app.keys import kept_secret, keys_folder
from bijou.app.settings import Settings
from bijou.ports import Clock, EngineUnavailable

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

_KEY = "audience"


def open_audiences(settings: Settings, clock: Clock, chance: Random) -> "AudienceService":
    """Open the audiences of an installation's data folder.

    Raises:
        EngineUnavailable: `audience.no_engine`, a package of `bijou[audience]` lacks.
    """
    try:
        from bijou.audience import Hasher  # noqa: PLC0415 - an extra, where it is used
        from bijou.audience.service import AudienceService  # noqa: PLC0415 - as above
        from bijou.engines.audience_lmdb import LmdbProfiles  # noqa: PLC0415 - as above
    except ImportError as error:
        raise EngineUnavailable(
            "audience.no_engine", f"audiences need the package {error.name}; install bijou[audience]"
        ) from error
    folder = Path(settings.house.data_dir) / "audience"
    hasher = Hasher(audience_key(settings, chance))
    return AudienceService(folder, hasher, clock, LmdbProfiles(folder / "profiles"))


def audience_key(settings: Settings, chance: Random) -> bytes:
    """Return the key of all hashes; whoever loses it loses all audiences."""
    return bytes.fromhex(kept_secret(keys_folder(settings) / _KEY, lambda: f"{chance.getrandbits(128):032x}"))


def opened_once(settings: Settings, clock: Clock, chance: Random) -> Callable[[], "AudienceService"]:
    """Return what opens the audiences when they are first asked for, and then gives the same."""
    return functools.cache(lambda: open_audiences(settings, clock, chance))
