"""Uploads, in process, over HTTP, and beside other versions."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from bijou.catalog import NewTitle
from bijou.catalog.service import CatalogService
from bijou.encoding import JobState
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest import Ingest, NewUpload, UploadState
from bijou.ingest import store as tables
from bijou.ingest.arrival import SILENCE_S
from bijou.ingest.http import IngestClient, routes
from bijou.ingest.service import IngestService
from bijou.ports import BijouError, Conflict, EngineUnavailable, InvalidRequest, NotFound, VirtualClock
from tests.contract.conftest import Doorway, Faces, Told

pytestmark = pytest.mark.anyio

FILM = b"\0\0\0\x18ftyp" + bytes(range(256)) * 10_000  # 2.56 MB: several writes and a rest
LETTER = b"Dear operator, this is a letter.\n" * 1000
ROOM_BYTES = 10_000_000


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
        max_bytes=64 * 1024**3,
        keep_free_bytes=1_000_000,
        free_bytes=lambda: ROOM_BYTES,
    )


@pytest.fixture
def ingest(faces: Faces, service: IngestService) -> Ingest:
    plain: Ingest = service
    return faces.of(plain, routes(service), IngestClient)


async def pieces(content: bytes, piece_bytes: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece_bytes):
        yield content[start : start + piece_bytes]


async def moment() -> None:
    """Let other tasks and the loop's selector run once."""
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def nothing_left(folder: Path, tmp_path: Path, service: IngestService) -> Iterator[None]:
    yield
    assert files_in(folder) + files_in(tmp_path / "blobs" / "uploads") == []


async def test_received_bytes_become_a_blob_and_a_job(
    ingest: Ingest, encoding: EncodingService, blobs: FileBlobs, folder: Path
) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM), NewTitle("Sintel", year=2010)))
    received = await ingest.receive(opened.id, pieces(FILM))

    assert (opened.state, opened.received_bytes) == (UploadState.OPEN, 0)
    assert (received.state, received.received_bytes) == (UploadState.RECEIVED, len(FILM))
    assert await ingest.upload(opened.id) == received
    job = await encoding.job(received.job)
    assert (job.state, job.filename, job.new) == (
        JobState.QUEUED,
        "sintel.mp4",
        NewTitle("Sintel", year=2010),
    )
    assert b"".join([piece async for piece in blobs.read(job.source)]) == FILM
    assert files_in(folder) == []


async def test_the_fingerprint_is_that_of_the_bytes(service: IngestService, records: SqliteRecords) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    await service.receive(opened.id, pieces(FILM))

    kept = await records.read(lambda db: db.scalar(select(tables.UPLOADS.c.sha256)))
    assert kept == hashlib.sha256(FILM).hexdigest()


@pytest.mark.parametrize("sent", [b"", FILM[:-1], FILM + b"x"])
async def test_fewer_or_more_bytes_than_announced_are_refused(
    ingest: Ingest, nothing_left: None, sent: bytes
) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.receive(opened.id, pieces(sent))

    assert refusal.value.code == "ingest.wrong_size"
    assert f"{len(FILM)} bytes were announced" in refusal.value.detail
    assert (await ingest.upload(opened.id)).state is UploadState.OPEN


async def test_a_refused_upload_can_be_sent_again(ingest: Ingest) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    with pytest.raises(InvalidRequest):
        await ingest.receive(opened.id, pieces(FILM[:5]))

    assert (await ingest.receive(opened.id, pieces(FILM))).state is UploadState.RECEIVED


@pytest.mark.parametrize("size_bytes", [0, -1])
async def test_an_empty_file_is_refused(ingest: Ingest, size_bytes: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.open(NewUpload("sintel.mp4", size_bytes))

    assert refusal.value.code == "ingest.empty"


async def test_a_claimed_10_tb_is_refused_in_human_numbers(ingest: Ingest) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.open(NewUpload("sintel.mp4", 10 * 1000**4))

    assert refusal.value.code == "ingest.too_large"
    assert refusal.value.detail == "the file is 10 TB; at most 68.7 GB is taken"


async def test_a_file_that_the_volume_has_no_room_for_is_refused(ingest: Ingest) -> None:
    await ingest.open(NewUpload("fits.mp4", ROOM_BYTES - 1_000_000))
    with pytest.raises(EngineUnavailable) as refusal:
        await ingest.open(NewUpload("sintel.mp4", ROOM_BYTES))

    assert refusal.value.code == "ingest.disk_full"
    assert "10 MB" in refusal.value.detail
    assert "9 MB" in refusal.value.detail


@pytest.mark.parametrize("filename", ["", "  ", "a/", "x" * 256, "a\nb.mp4", "\u202egpj.exe"])
async def test_a_filename_that_cannot_be_shown_is_refused(ingest: Ingest, filename: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.open(NewUpload(filename, 1))

    assert refusal.value.code == "ingest.bad_filename"


async def test_folders_are_cut_from_a_filename(ingest: Ingest) -> None:
    names = [
        (await ingest.open(NewUpload(name, 1))).filename for name in ("../../etc/passwd", "C:\\films\\é.mp4")
    ]

    assert names == ["passwd", "é.mp4"]


async def test_a_title_that_could_not_be_published_is_refused_before_the_bytes(ingest: Ingest) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.open(NewUpload("a.mp4", 1, NewTitle("")))

    assert refusal.value.code == "catalog.bad_title"


async def test_an_upload_is_received_once(ingest: Ingest) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    received = await ingest.receive(opened.id, pieces(FILM))

    with pytest.raises(Conflict) as refusal:
        await ingest.receive(opened.id, pieces(FILM))

    assert refusal.value.code == "ingest.already_received"
    assert received.job in refusal.value.detail


@pytest.mark.parametrize("noted", [True, False])
async def test_an_upload_that_is_abandoned_when_it_is_here_has_its_encode_cancelled(
    ingest: Ingest, encoding: EncodingService, records: SqliteRecords, nothing_left: None, *, noted: bool
) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    received = await ingest.receive(opened.id, pieces(FILM))
    if not noted:  # between the bytes' arrival and the note of the job
        await records.write(lambda db: tables.queued(db, opened.id, ""))

    await ingest.abandon(opened.id)
    await ingest.abandon(opened.id)

    job = await encoding.job(received.job)
    assert job.problem is not None
    assert (job.state, job.problem.code) == (JobState.REFUSED, "encoding.cancelled")


@pytest.mark.parametrize("piece_bytes", [3, 100_000])
async def test_what_begins_like_no_film_is_refused_when_it_is_here_and_makes_no_job(
    ingest: Ingest, encoding: EncodingService, nothing_left: None, piece_bytes: int
) -> None:
    opened = await ingest.open(NewUpload("README.md", len(LETTER)))
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.receive(opened.id, pieces(LETTER, piece_bytes))

    assert refusal.value.code == "encoding.text"
    assert await encoding.jobs() == []


async def test_what_was_never_announced_or_was_abandoned_is_not_found(ingest: Ingest) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", 5))
    await ingest.abandon(opened.id)
    for upload_id in (opened.id, "upl_0"):
        for missing in (
            ingest.upload(upload_id),
            ingest.abandon(upload_id),
            ingest.receive(upload_id, pieces(b"")),
        ):
            with pytest.raises(NotFound) as refusal:
                await missing
            assert refusal.value.code == "ingest.no_upload"


class Tap:
    """Content that flows when the test says so."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

    def give(self, piece: bytes | None) -> None:
        self._pieces.put_nowait(piece)

    async def flow(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece


async def arrived(ingest: Ingest, upload_id: str, count: int) -> None:
    async with asyncio.timeout(10):
        while (await ingest.upload(upload_id)).received_bytes < count:
            await moment()


async def let_go(ingest: Ingest, upload_id: str) -> None:
    async with asyncio.timeout(10):
        while (await ingest.upload(upload_id)).received_bytes:
            await moment()


async def test_an_upload_that_is_abandoned_on_its_way_leaves_nothing(
    ingest: Ingest, nothing_left: None
) -> None:
    opened, tap = await ingest.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    receiving = asyncio.create_task(ingest.receive(opened.id, tap.flow()))
    tap.give(FILM[: 2 << 20])
    await arrived(ingest, opened.id, 2 << 20)

    await ingest.abandon(opened.id)
    tap.give(None)

    with pytest.raises(BijouError):
        await receiving
    with pytest.raises(NotFound):
        await ingest.upload(opened.id)


async def test_a_second_sender_is_refused_while_the_first_is_sending(ingest: Ingest) -> None:
    opened, tap = await ingest.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    receiving = asyncio.create_task(ingest.receive(opened.id, tap.flow()))
    tap.give(FILM[:5])
    await arrived(ingest, opened.id, 5)

    with pytest.raises(Conflict) as refusal:
        await ingest.receive(opened.id, pieces(FILM))
    assert refusal.value.code == "ingest.already_received"
    tap.give(FILM[5:])
    tap.give(None)
    assert (await receiving).state is UploadState.RECEIVED


async def test_files_on_their_way_take_their_room(ingest: Ingest) -> None:
    opened, tap = await ingest.open(NewUpload("sintel.mp4", 8_000_000)), Tap()
    receiving = asyncio.create_task(ingest.receive(opened.id, tap.flow()))
    tap.give(FILM)
    await arrived(ingest, opened.id, len(FILM))

    with pytest.raises(EngineUnavailable) as refusal:
        await ingest.open(NewUpload("other.mp4", 4_000_000))
    assert "3.6 MB" in refusal.value.detail
    tap.give(None)
    with pytest.raises(InvalidRequest):
        await receiving


async def test_a_slow_sender_is_waited_for_and_a_silent_one_is_dropped(
    service: IngestService, clock: VirtualClock, nothing_left: None
) -> None:
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    receiving = asyncio.create_task(service.receive(opened.id, tap.flow()))
    for count in range(1, 5):
        tap.give(b"x")
        await arrived(service, opened.id, count)
        clock.advance(SILENCE_S - 1)
        await moment()
    assert not receiving.done()

    clock.advance(1)

    with pytest.raises(InvalidRequest) as refusal:
        await receiving
    assert refusal.value.code == "ingest.silent"


async def test_a_sender_that_goes_away_leaves_nothing(
    service: IngestService, faces: Faces, doorway: Doorway, nothing_left: None
) -> None:
    plain: Ingest = service
    ingest = faces.of(plain, routes(service), IngestClient)
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    tap = Tap()
    receiving = asyncio.create_task(ingest.receive(opened.id, tap.flow()))
    tap.give(FILM[: 2 << 20])
    await arrived(service, opened.id, 2 << 20)

    receiving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await receiving
    await let_go(service, opened.id)


async def test_content_that_breaks_leaves_nothing(ingest: Ingest, nothing_left: None) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))

    async def breaking() -> AsyncIterator[bytes]:
        yield FILM[: 2 << 20]
        await arrived(ingest, opened.id, 2 << 20)
        raise RuntimeError("the camera fell into the sea")

    with pytest.raises(RuntimeError):
        await ingest.receive(opened.id, breaking())
    await let_go(ingest, opened.id)


async def test_repair_drops_half_made_files_and_old_announcements(
    service: IngestService, folder: Path, clock: VirtualClock
) -> None:
    old = await service.open(NewUpload("old.mp4", 5))
    clock.advance(86399)
    young = await service.open(NewUpload("young.mp4", 5))
    (folder / f"{old.id}.part").write_bytes(b"hal")
    clock.advance(1)

    await service.repair()

    assert files_in(folder) == []
    assert (await service.upload(young.id)).state is UploadState.OPEN
    with pytest.raises(NotFound):
        await service.upload(old.id)


async def test_repair_leaves_a_file_on_its_way_alone(service: IngestService, clock: VirtualClock) -> None:
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    receiving = asyncio.create_task(service.receive(opened.id, tap.flow()))
    tap.give(FILM[:5])
    await arrived(service, opened.id, 5)

    await service.repair()

    tap.give(FILM[5:])
    tap.give(None)
    assert (await receiving).job


async def test_repair_takes_up_bytes_that_a_crash_left_in_the_blobs(
    service: IngestService, blobs: FileBlobs, encoding: EncodingService, records: SqliteRecords
) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    await blobs.put(f"uploads/{opened.id}", FILM)  # and here the process was killed

    await service.repair()

    taken_up = await service.upload(opened.id)
    assert taken_up.state is UploadState.RECEIVED
    assert (await encoding.job(taken_up.job)).source == f"uploads/{opened.id}"
    kept = await records.read(lambda db: db.scalar(select(tables.UPLOADS.c.sha256)))
    assert kept == hashlib.sha256(FILM).hexdigest()


async def test_repair_queues_what_was_received_and_never_queued_once(
    service: IngestService, blobs: FileBlobs, encoding: EncodingService, records: SqliteRecords
) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    received = await service.receive(opened.id, pieces(FILM))
    await records.write(lambda db: tables.queued(db, opened.id, ""))  # killed before it was noted

    await service.repair()

    assert (await service.upload(opened.id)).job == received.job
    assert len(await encoding.jobs()) == 1
