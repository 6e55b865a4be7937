"""Users who are divided: a shard's process, and the way to all shards."""

import asyncio
import hmac
from pathlib import Path
from random import SystemRandom

from bijou.app.health import Ready, health_route
from bijou.app.keys import keys_of
from bijou.app.settings import Settings
from bijou.audience.shards.http import HttpAudienceShard, routes
from bijou.audience.shards.shard import LocalShard
from bijou.audience.shards.slots import parse_shards
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.ports import ANONYMOUS, Credentials, Principal, Role, SystemClock
from bijou.runtime.http import Wire, serve_app, service_app

QUICK_S = 2.0
PATIENT_S = 3600.0


class Reaching:
    """Shards by address; a connection to each is kept.

    Args:
        key: What services show each other.
        quick_s: How long a viewer's question waits.
    """

    def __init__(self, key: str, *, quick_s: float = QUICK_S) -> None:
        self._key = key
        self._quick_s = quick_s
        self._shards: dict[str, HttpAudienceShard] = {}

    def __call__(self, address: str) -> HttpAudienceShard:
        """Return the shard at an address, whether or not it is there."""
        if address not in self._shards:
            quick = Wire(address, self._key, timeout_s=self._quick_s)
            self._shards[address] = HttpAudienceShard(quick, Wire(address, self._key, timeout_s=PATIENT_S))
        return self._shards[address]

    async def close(self) -> None:
        """Let connections go."""
        for shard in self._shards.values():
            await shard.close()
        self._shards.clear()


class ServicesOnly:
    """Knows who shows the installation's service key, and nobody else."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def principal(self, credentials: Credentials) -> Principal:
        """Return who is calling."""
        if hmac.compare_digest(credentials.bearer.encode(), self._key):
            return Principal("service", "service", frozenset({Role.SERVICE}))
        return ANONYMOUS


async def audience_shard(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    """Answer for some of the users until told to stop."""
    place, key = settings.audience_shard, keys_of(settings, SystemRandom()).service
    parse_shards([f"{place.name}=http://{place.host}:{place.port}"])
    folder = Path(settings.house.data_dir) / f"audience-shard-{place.name}"
    reaching = Reaching(key)
    shard = LocalShard(place.name, folder, LmdbProfiles, SystemClock(), reaching)
    table = [health_route("audience-shard", lambda: {"name": place.name}), *routes(shard)]
    try:
        await serve_app(service_app(table, ServicesOnly(key)), place.host, place.port, stop=stop, ready=ready)
    finally:
        shard.close()
        await reaching.close()
