"""Audiences put together: their folder, their secret key, and where profiles are read."""

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bijou.app.keys import kept_secret, keys_folder, keys_of
from bijou.app.settings import Settings
from bijou.audience.turns import Turns
from bijou.ports import Clock, EngineUnavailable

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService
    from bijou.audience.shards.service import ShardedAudiences

_KEY = "audience"


def open_audiences(settings: Settings, clock: Clock, chance: Random) -> "AudienceService":
    """Open the audiences of an installation's data folder.

    Raises:
        EngineUnavailable: `audience.no_engine`, a package of `bijou[audience]` lacks.
    """
    try:
        from bijou.audience import Hasher  # noqa: PLC0415 - an extra, where it is used
        from bijou.audience.service import AudienceService  # noqa: PLC0415 - as above
        from bijou.audience.shards.slots import MapFile  # noqa: PLC0415 - as above
        from bijou.engines.audience_lmdb import LmdbProfiles  # noqa: PLC0415 - as above
    except ImportError as error:
        raise EngineUnavailable(
            "audience.no_engine", f"audiences need the package {error.name}; install bijou[audience]"
        ) from error
    folder = Path(settings.house.data_dir) / "audience"
    if MapFile(folder).read() is not None:
        return sharded_audiences(settings, clock, chance)
    hasher = Hasher(audience_key(settings, chance))
    return AudienceService(folder, hasher, clock, LmdbProfiles(folder / "profiles"))


def sharded_audiences(settings: Settings, clock: Clock, chance: Random) -> "ShardedAudiences":
    """Open an installation's audiences whose users are in shards, or are to be."""
    from bijou.app.audience_shards import Reaching  # noqa: PLC0415 - an extra, where it is used
    from bijou.audience import Hasher  # noqa: PLC0415 - as above
    from bijou.audience.shards.service import ShardedAudiences  # noqa: PLC0415 - as above

    key, folder = keys_of(settings, chance).service, Path(settings.house.data_dir) / "audience"
    return ShardedAudiences(folder, Hasher(audience_key(settings, chance)), clock, lambda: Reaching(key))


def audience_key(settings: Settings, chance: Random) -> bytes:
    """Return the key of all hashes; whoever loses it loses all audiences."""
    return bytes.fromhex(kept_secret(key_place(settings), lambda: f"{chance.getrandbits(128):032x}"))


def key_place(settings: Settings) -> Path:
    """Return the file in which that key is kept."""
    return keys_folder(settings) / _KEY


def turns_of(settings: Settings, clock: Clock, chance: Random) -> Turns:
    """Return the turns at the one service of this process, which is opened when it is first asked."""
    return Turns(lambda: open_audiences(settings, clock, chance))
