"""Which stores hold media, records and the queue: files of this machine, or a bucket and a database."""

import asyncio
import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bijou.app import schema
from bijou.app.settings import Settings
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import Blobs, Clock, Queue, Records

if TYPE_CHECKING:
    from bijou.app.schema import Place

_TABLES_AGAIN_S = 0.1


def open_blobs(settings: Settings, clock: Clock, chance: Random) -> Blobs:
    """Return the blobs that `[house] blobs` names; the bucket itself is met by the first call.

    Raises:
        EngineUnavailable: `blobs.no_driver`, the bucket's driver is not installed.
        InvalidRequest: `blobs.bad_address` or `blobs.bad_key_file`.
    """
    if not settings.house.blobs:
        return FileBlobs(Path(settings.house.data_dir) / "blobs", clock)
    return blobs_at(settings.house.blobs, settings, clock, chance)


def blobs_at(place_of_blobs: str, settings: Settings, clock: Clock, chance: Random) -> Blobs:
    """Return the blobs at `s3://bucket/prefix`, at the endpoint and with the key of `[s3]`.

    Raises:
        EngineUnavailable: `blobs.no_driver`.
        InvalidRequest: `blobs.bad_address` or `blobs.bad_key_file`.
    """
    from bijou.engines.s3 import S3Blobs  # noqa: PLC0415 - where it is used alone
    from bijou.engines.s3_place import S3Key, S3Place  # noqa: PLC0415 - as above

    s3 = settings.s3
    place = S3Place.parse(place_of_blobs, endpoint=s3.endpoint, region=s3.region)
    key = S3Key.load(Path(s3.key_file)) if s3.key_file else None
    return S3Blobs(place, clock, chance, key)


def records_place(settings: Settings) -> "Place":
    """Return where the rooms' records are."""
    return settings.house.records or Path(settings.house.data_dir) / "records.db"


def queue_place(settings: Settings) -> "Place":
    """Return where the queue is: in the same database, or in a file of its own.

    On SQLite control plane and encoders both write to the queue, and a file
    has one writer at a time: so the rooms' records are another file, which
    only the control plane writes, and no frozen encoder can hold up a sign-in.
    """
    return settings.house.records or Path(settings.house.data_dir) / "queue.db"


def open_records(settings: Settings) -> Records:
    """Return the rooms' records; their tables are there.

    Raises:
        EngineUnavailable: `records.no_driver`, PostgreSQL's driver is not installed.
        InvalidRequest: `records.bad_address`.
    """
    return _open(records_place(settings), serial=True)


def open_queue_records(settings: Settings) -> Records:
    """Return the records that the queue lies in; on PostgreSQL it locks its rows itself."""
    return _open(queue_place(settings), serial=False)


def queue_on(records: Records, settings: Settings, clock: Clock, chance: Random) -> Queue:
    """Return the queue of encode tasks."""
    return RecordsQueue(records, clock, chance, lease_s=settings.encoder.lease_s)


def encode_slots(settings: Settings) -> int:
    """Return how many encodes one encoder does at the same time."""
    return settings.encoder.slots or len(os.sched_getaffinity(0))


async def tables_are_there(place: "Place", clock: Clock) -> None:
    """Return once the control plane has made the tables that this version knows.

    Raises:
        EngineUnavailable: `records.too_new`, a later bijou has upgraded them.
    """
    while not await asyncio.to_thread(schema.is_current, place):
        await clock.sleep(_TABLES_AGAIN_S)


def _open(place: "Place", *, serial: bool) -> Records:
    if isinstance(place, Path):
        from bijou.engines.sqlite import SqliteRecords  # noqa: PLC0415 - where it is used alone

        return SqliteRecords(place)
    from bijou.engines.postgres import PostgresRecords  # noqa: PLC0415 - as above

    return PostgresRecords(place, serial=serial)
