"""The table of all routes of all services, as data."""

import asyncio
import tempfile
from pathlib import Path
from random import SystemRandom

import msgspec

from bijou.app import schema
from bijou.app.control import rooms_of, routes_of
from bijou.app.health import HEALTH
from bijou.app.keys import Keys
from bijou.app.settings import House, Settings
from bijou.audience.shards.http import ENDPOINTS as SHARD
from bijou.delivery.http import ENDPOINTS as MEDIA
from bijou.delivery.http import FILLING, STEERING, STOCK
from bijou.delivery.http import HEALTH as ITS_HEALTH
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import VirtualClock
from bijou.runtime.http import Endpoint


def all_endpoints() -> dict[str, list[Endpoint]]:
    """Return every route of every service, by service, in the order in which it is tried.

    The control plane's rows are those of one that is really put together, in a
    folder that is thrown away.
    """
    return {
        "control": _control(),
        "encoder": [HEALTH],
        "origin": [*MEDIA, *STOCK],
        "edge": [*MEDIA, *STEERING, *FILLING],
        "steering": [*STEERING, *ITS_HEALTH],
        "audience-shard": [HEALTH, *SHARD],
    }


def _control() -> list[Endpoint]:
    with tempfile.TemporaryDirectory() as folder:
        settings = msgspec.structs.replace(Settings(), house=House(data_dir=folder))
        schema.upgrade(Path(folder) / "records.db")
        records = SqliteRecords(Path(folder) / "records.db")
        clock, chance = VirtualClock(), SystemRandom()
        rooms = rooms_of(
            settings, records, FileBlobs(Path(folder) / "blobs", clock), clock, chance, Keys("k", "p")
        )
        rows = routes_of(settings, rooms, clock, asyncio.Event())
        asyncio.run(records.close())
    return [row.endpoint for row in rows]
