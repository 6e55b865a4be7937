"""Resumable uploads: a service on real engines, and senders that do as they are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from bijou.catalog.service import CatalogService
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest.service import IngestService
from bijou.ports import VirtualClock
from tests.contract.conftest import Told

ROOM_BYTES = 100_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


@pytest.fixture
def encoding(
    records: SqliteRecords, blobs: FileBlobs, clock: VirtualClock, chance: Random, told: Told
) -> EncodingService:
    catalog = CatalogService(records, clock, chance, told)
    queue = RecordsQueue(records, clock, chance)
    return EncodingService(records, queue, blobs, catalog, clock, chance, told)


@pytest.fixture
def service(
    records: SqliteRecords,
    blobs: FileBlobs,
    encoding: EncodingService,
    clock: VirtualClock,
    chance: Random,
    folder: Path,
) -> IngestService:
    return IngestService(
        records,
        blobs,
        encoding,
        clock,
        chance,
        folder=folder,
        max_bytes=50_000_000,
        unfinished_bytes=80_000_000,
        unfinished_bytes_per_person=60_000_000,
        keep_free_bytes=0,
        abandon_after_s=3600,
        free_bytes=lambda: ROOM_BYTES,
    )


def film(size_bytes: int, seed: int = 1) -> bytes:
    """Return bytes that begin like a film and are like no others."""
    return b"\0\0\0\x18ftypisom" + Random(seed).randbytes(size_bytes - 12)


async def pieces(content: bytes, piece_bytes: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece_bytes):
        yield content[start : start + piece_bytes]


async def moment() -> None:
    """Let other tasks and the loop's selector run once."""
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)


class Tap:
    """Content that flows when the test says so; an exception ends it."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def give(self, piece: bytes | Exception | None) -> None:
        self._pieces.put_nowait(piece)

    async def flow(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
