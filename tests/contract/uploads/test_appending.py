"""Uploads that go on: cut, raced, starved, expired, and whole in the end."""

import asyncio
import fcntl
import hashlib
import os
import resource
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest import Checksum, Ingest, NewUpload, UploadState, parts
from bijou.ingest import store as tables
from bijou.ingest.arrival import KEEP_EVERY_S, SILENCE_S
from bijou.ingest.http import IngestClient, routes
from bijou.ingest.service import IngestService
from bijou.ports import (
    BijouError,
    Conflict,
    EngineUnavailable,
    InvalidRequest,
    NotFound,
    Overloaded,
    VirtualClock,
)
from tests.contract.conftest import Faces
from tests.contract.uploads.conftest import Tap, film, moment, pieces

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

pytestmark = pytest.mark.anyio

FILM = film(2_500_000)
CUT = ConnectionResetError("the train went into a tunnel")


@pytest.fixture
def ingest(faces: Faces, service: IngestService) -> Ingest:
    plain: Ingest = service
    return faces.of(plain, routes(service), IngestClient)


async def whole(service: IngestService, blobs: FileBlobs, upload_id: str) -> bytes:
    return b"".join([piece async for piece in blobs.read(f"uploads/{upload_id}")])


async def sent(service: IngestService, upload_id: str, count: int) -> None:
    async with asyncio.timeout(10):
        while (await service.upload(upload_id)).received_bytes < count:
            await moment()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_bytes_in_three_appends_are_the_film_and_one_job(
    ingest: Ingest, service: IngestService, encoding: EncodingService, blobs: FileBlobs, folder: Path
) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    for start, stop in ((0, 1), (1, 1_500_000)):
        kept = await ingest.append(opened.id, start, pieces(FILM[start:stop]))
        assert (kept.state, kept.offset_bytes) == (UploadState.OPEN, stop)

    received = await ingest.append(opened.id, 1_500_000, pieces(FILM[1_500_000:]))

    assert (received.state, received.offset_bytes) == (UploadState.RECEIVED, len(FILM))
    assert await whole(service, blobs, opened.id) == FILM
    assert [job.id for job in await encoding.jobs()] == [received.job]
    assert files_in(folder) == []


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_fingerprint_is_that_of_all_bytes_whoever_saw_them_pass(
    service: IngestService, records: SqliteRecords, *, restarted: bool
) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    await service.append(opened.id, 0, pieces(FILM[:1_000_000]))
    if restarted:
        service._running.clear()
    await service.append(opened.id, 1_000_000, pieces(FILM[1_000_000:]))

    kept = await records.read(lambda db: db.scalar(select(tables.UPLOADS.c.sha256)))
    assert kept == hashlib.sha256(FILM).hexdigest()


async def test_the_wrong_offset_changes_nothing_and_is_told_the_right_one(ingest: Ingest) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    await ingest.append(opened.id, 0, pieces(FILM[:1000]))
    for wrong in (0, 999, 1001, len(FILM)):
        with pytest.raises(Conflict) as refusal:
            await ingest.append(opened.id, wrong, pieces(FILM[wrong:]))
        assert (refusal.value.code, "byte 1000" in refusal.value.detail) == ("ingest.offset", True)

    assert (await ingest.upload(opened.id)).offset_bytes == 1000


@pytest.mark.parametrize("seed", range(4))
async def test_a_connection_that_is_cut_at_random_bytes_ends_with_the_same_film(
    service: IngestService, blobs: FileBlobs, folder: Path, seed: int
) -> None:
    chance = Random(seed)
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    for _ in range(6):
        at = (await service.upload(opened.id)).offset_bytes
        tap, stop = Tap(), chance.randint(at, at + 600_000)
        for start in range(at, stop, 70_001):
            tap.give(FILM[start : min(stop, start + 70_001)])
        tap.give(CUT)
        with pytest.raises(ConnectionResetError):
            await service.append(opened.id, at, tap.flow())
        assert (await service.upload(opened.id)).offset_bytes == stop, "what came is kept"

    at = (await service.upload(opened.id)).offset_bytes
    await service.append(opened.id, at, pieces(FILM[at:]))

    assert await whole(service, blobs, opened.id) == FILM
    assert files_in(folder) == []


async def test_of_two_senders_at_once_one_wins_each_byte_and_the_film_is_whole(
    service: IngestService, blobs: FileBlobs, clock: VirtualClock
) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    taps = Tap(), Tap()
    senders = [asyncio.create_task(service.append(opened.id, 0, tap.flow())) for tap in taps]
    await moment()
    taps[0].give(FILM[:10_000])
    taps[1].give(FILM[:900_000])
    await sent(service, opened.id, 900_000)
    taps[0].give(None)
    assert (await senders[0]).offset_bytes == 10_000

    taps[1].give(FILM[900_000:])
    taps[1].give(None)

    with pytest.raises(Conflict) as refusal:
        await senders[1]
    assert refusal.value.code == "ingest.offset"
    await service.append(opened.id, 10_000, pieces(FILM[10_000:]))
    assert await whole(service, blobs, opened.id) == FILM


async def test_a_sender_whose_old_connection_still_hangs_goes_on_beside_it(
    service: IngestService, blobs: FileBlobs, clock: VirtualClock, folder: Path
) -> None:
    opened, hanging = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    zombie = asyncio.create_task(service.append(opened.id, 0, hanging.flow()))
    hanging.give(FILM[:1_200_000])
    await sent(service, opened.id, 1_200_000)
    clock.advance(KEEP_EVERY_S)
    async with asyncio.timeout(10):
        while (await service.upload(opened.id)).offset_bytes < 1_200_000:
            await moment()
    hanging.give(b"rubbish" * 50_000)
    await sent(service, opened.id, 1_500_000)

    await service.append(opened.id, 1_200_000, pieces(FILM[1_200_000:]))

    hanging.give(None)
    with pytest.raises(BijouError):
        await zombie
    assert await whole(service, blobs, opened.id) == FILM
    await service.repair()
    assert files_in(folder) == []


async def test_two_processes_on_one_folder_and_one_upload_keep_it_whole(
    service: IngestService,
    records: SqliteRecords,
    blobs: FileBlobs,
    encoding: EncodingService,
    clock: VirtualClock,
    folder: Path,
) -> None:
    other = IngestService(records, blobs, encoding, clock, Random(8), folder=folder, keep_free_bytes=0)
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    chance, lost = Random(3), list[str]()

    async def push(through: IngestService) -> None:
        while (at := (await through.upload(opened.id)).offset_bytes) < len(FILM):
            stop = min(len(FILM), at + chance.randint(1, 300_000))
            try:
                await through.append(opened.id, at, pieces(FILM[at:stop]))
            except Conflict as error:
                lost.append(error.code)

    await asyncio.gather(push(service), push(other))

    assert set(lost) <= {"ingest.offset"}
    assert await whole(service, blobs, opened.id) == FILM
    await service.repair()
    assert files_in(folder) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
async def test_bytes_that_do_not_come_to_their_checksum_are_not_kept(ingest: Ingest, algorithm: str) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    right = Checksum(algorithm, hashlib.new(algorithm, FILM).digest())
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.append(opened.id, 0, pieces(FILM[:-1] + b"!"), checksum=right)
    assert (refusal.value.code, (await ingest.upload(opened.id)).offset_bytes) == ("ingest.checksum", 0)

    assert (await ingest.append(opened.id, 0, pieces(FILM), checksum=right)).job


async def test_an_append_that_breaks_off_before_its_checksum_keeps_nothing(
    service: IngestService, folder: Path
) -> None:
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    tap.give(FILM[:1_500_000])
    tap.give(CUT)
    with pytest.raises(ConnectionResetError):
        await service.append(
            opened.id, 0, tap.flow(), checksum=Checksum("sha256", hashlib.sha256(FILM).digest())
        )

    assert (await service.upload(opened.id)).offset_bytes == 0
    assert files_in(folder) == []


async def test_more_than_was_announced_is_refused_and_what_was_promised_stays(ingest: Ingest) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    await ingest.append(opened.id, 0, pieces(FILM[:1000]))
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.append(opened.id, 1000, pieces(FILM))

    assert refusal.value.code == "ingest.overrun"
    assert (await ingest.upload(opened.id)).offset_bytes == 1000


@pytest.mark.parametrize("first", [40, 5000])
async def test_what_begins_like_no_film_is_refused_as_soon_as_that_can_be_seen(
    ingest: Ingest, encoding: EncodingService, folder: Path, first: int
) -> None:
    letter = b"Dear operator, this is a letter.\n" * 1000
    opened = await ingest.open(NewUpload("README.md", len(letter)))
    at = 0
    if first < 4096:  # too few to tell
        at = (await ingest.append(opened.id, 0, pieces(letter[:first]))).offset_bytes
    with pytest.raises(InvalidRequest) as refusal:
        await ingest.append(opened.id, at, pieces(letter[at : at + 5000]))

    assert refusal.value.code == "encoding.text"
    assert (await encoding.jobs(), files_in(folder)) == ([], [])


async def test_a_slow_sender_has_its_bytes_kept_every_two_seconds_and_a_silent_one_is_given_up(
    service: IngestService, clock: VirtualClock
) -> None:
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    sending = asyncio.create_task(service.append(opened.id, 0, tap.flow()))
    for count in range(1, 4):
        tap.give(FILM[count - 1 : count])
        await sent(service, opened.id, count)
        async with asyncio.timeout(10):
            while clock.sleepers < 2:  # what keeps, and what listens for silence
                await moment()
        clock.advance(KEEP_EVERY_S)
        async with asyncio.timeout(10):
            while (await service.upload(opened.id)).offset_bytes < count:
                await moment()

    clock.advance(SILENCE_S)

    with pytest.raises(InvalidRequest) as refusal:
        await sending
    assert refusal.value.code == "ingest.silent"
    assert (await service.upload(opened.id)).offset_bytes == 3


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_runs_full_keeps_what_fitted_and_the_upload_goes_on_when_there_is_room(
    service: IngestService, blobs: FileBlobs
) -> None:
    long = film(6_000_000)
    opened = await service.open(NewUpload("sintel.mp4", len(long)))
    with files_of_at_most(4_000_000), pytest.raises(EngineUnavailable) as refusal:
        await service.append(opened.id, 0, pieces(long))
    assert refusal.value.code == "ingest.disk_full"
    at = (await service.upload(opened.id)).offset_bytes
    assert 2_000_000 <= at <= 4_000_000

    await service.append(opened.id, at, pieces(long[at:]))

    assert await whole(service, blobs, opened.id) == long


async def test_an_abandoned_upload_expires_an_hour_after_its_last_byte(
    service: IngestService, clock: VirtualClock, folder: Path
) -> None:
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    clock.advance(3000)
    kept = await service.append(opened.id, 0, pieces(FILM[:1000]))
    assert kept.expires_at == clock.now().plus_s(3600)
    clock.advance(3599)
    await service.repair()
    assert (await service.upload(opened.id)).offset_bytes == 1000

    clock.advance(1)

    with pytest.raises(NotFound) as refusal:
        await service.append(opened.id, 1000, pieces(FILM[1000:]))
    assert refusal.value.code == "ingest.no_upload"
    tidying = asyncio.create_task(service.keep_tidy())
    async with asyncio.timeout(10):
        while files_in(folder):
            await moment()
    tidying.cancel()


async def complete_but_for_its_end(service: IngestService, records: SqliteRecords, folder: Path) -> str:
    """Leave an upload as a process does that is killed when its last byte is promised."""
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    await service.append(opened.id, 0, pieces(FILM[:-1]))
    (part,) = await records.read(lambda db: tables.parts(db, opened.id))
    with (folder / part.file).open("ab") as file:
        file.write(FILM[-1:])
    ended, at = replace(part, size_bytes=len(FILM)), len(FILM) - 1
    await records.write(lambda db: tables.advance(db, opened.id, ended, at=at, expires_at=opened.expires_at))
    return opened.id


async def test_an_upload_that_breaks_while_it_is_taken_up_does_not_hold_up_those_behind_it(
    service: IngestService, blobs: FileBlobs, records: SqliteRecords, folder: Path
) -> None:
    ids = [await complete_but_for_its_end(service, records, folder) for _ in range(3)]
    (part,) = await records.read(lambda db: tables.parts(db, ids[1]))
    (folder / part.file).unlink()
    (folder / part.file).mkdir()

    await service.repair()

    states = [(await service.upload(id_)).state for id_ in ids]
    assert states == [UploadState.RECEIVED, UploadState.OPEN, UploadState.RECEIVED]
    assert await whole(service, blobs, ids[2]) == FILM


async def test_what_nobody_can_tidy_away_keeps_nothing_else_from_being_tidied(
    service: IngestService, clock: VirtualClock, folder: Path
) -> None:
    (folder / "a-folder.part").mkdir()
    tidying = asyncio.create_task(service.keep_tidy())
    async with asyncio.timeout(10):
        while not clock.sleepers and not tidying.done():
            await moment()
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    await service.append(opened.id, 0, pieces(FILM[:1000]))

    clock.advance(3600)

    async with asyncio.timeout(10):
        while len(files_in(folder)) > 1 and not tidying.done():
            await moment()
    tidying.cancel()
    assert [path.name for path in files_in(folder)] == ["a-folder.part"]


async def test_a_sweep_that_comes_between_a_new_file_and_its_lock_costs_nothing(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    names, done = [folder / f"{number}.part" for number in range(500)], threading.Event()
    next_one = iter(names)

    def sweep() -> None:
        path = next(next_one)
        while not done.is_set():
            if file := parts.locked(path):
                done.wait(0.001)  # it looks into the records
                file.path.unlink(missing_ok=True)
                file.close()
                path = next(next_one, path)

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    try:
        for name in names:
            made = await asyncio.to_thread(parts.created, name)
            assert made.path.exists()
            made.close()
    finally:
        done.set()
        sweeping.join()


def test_a_new_file_that_a_sweep_holds_is_made_again_when_the_sweep_has_let_go(tmp_path: Path) -> None:
    path, sweeping = tmp_path / "new.part", list[threading.Thread]()

    def let_go(file: parts.PartFile) -> None:
        threading.Event().wait(0.05)  # it looks into the records
        file.path.unlink()
        file.close()

    def sweep(_: FrameType | None, event: str, called: object) -> None:
        if event == "c_call" and called is fcntl.flock:
            sys.setprofile(None)
            file = parts.locked(path)
            assert file is not None
            sweeping.append(threading.Thread(target=let_go, args=[file]))
            sweeping[0].start()

    sys.setprofile(sweep)
    try:
        made = parts.created(path)
    finally:
        sys.setprofile(None)
    sweeping[0].join()

    assert os.path.samestat(os.fstat(made._descriptor), path.stat())
    assert parts.locked(path) is None
    made.close()


async def test_what_is_unfinished_is_bounded_for_a_person_and_for_all(service: IngestService) -> None:
    first = await service.open(NewUpload("a.mp4", 50_000_000), owner="ada")
    with pytest.raises(Overloaded) as own:
        await service.open(NewUpload("b.mp4", 10_000_001), owner="ada")
    with pytest.raises(Overloaded) as everybody:
        await service.open(NewUpload("b.mp4", 30_000_001), owner="ben")
    await service.open(NewUpload("b.mp4", 30_000_000), owner="ben")

    assert (own.value.code, everybody.value.code) == ("ingest.quota", "ingest.quota")
    assert "your unfinished uploads hold 50 MB and the file is 10 MB; at most 60 MB" in own.value.detail
    assert "all unfinished uploads hold 50 MB and the file is 30 MB; at most 80 MB" in everybody.value.detail
    await service.abandon(first.id)
    await service.open(NewUpload("a.mp4", 50_000_000), owner="ada")


async def test_what_has_expired_takes_no_room_of_the_quota(
    service: IngestService, clock: VirtualClock
) -> None:
    await service.open(NewUpload("a.mp4", 50_000_000), owner="ada")
    clock.advance(3599)
    with pytest.raises(BijouError, match="your unfinished uploads hold 50 MB"):
        await service.open(NewUpload("b.mp4", 50_000_000), owner="ada")
    clock.advance(1)

    opened = await service.open(NewUpload("b.mp4", 50_000_000), owner="ada")
    assert (await service.upload(opened.id)).size_bytes == 50_000_000


async def test_an_upload_whose_last_answer_was_lost_is_finished_by_asking_again_with_nothing(
    ingest: Ingest, encoding: EncodingService
) -> None:
    opened = await ingest.open(NewUpload("sintel.mp4", len(FILM)))
    received = await ingest.append(opened.id, 0, pieces(FILM))

    again = await ingest.append(opened.id, len(FILM), pieces(b""))

    assert again == received
    with pytest.raises(InvalidRequest):
        await ingest.append(opened.id, len(FILM), pieces(b"x"))
    assert len(await encoding.jobs()) == 1


async def test_an_upload_that_is_abandoned_while_it_comes_leaves_nothing(
    service: IngestService, clock: VirtualClock, folder: Path
) -> None:
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    await service.append(opened.id, 0, pieces(FILM[:5000]))
    sending = asyncio.create_task(service.append(opened.id, 5000, tap.flow()))
    tap.give(FILM[5000:2_000_000])
    await sent(service, opened.id, 2_000_000)

    await service.abandon(opened.id)

    with pytest.raises(Conflict) as refusal:
        await sending
    assert refusal.value.code == "ingest.abandoned"
    assert files_in(folder) == []


async def test_a_put_begins_anew_and_an_older_sender_cannot_spoil_it(
    service: IngestService,
    records: SqliteRecords,
    blobs: FileBlobs,
    encoding: EncodingService,
    clock: VirtualClock,
    folder: Path,
) -> None:
    other = IngestService(records, blobs, encoding, clock, Random(8), folder=folder, keep_free_bytes=0)
    opened, tap = await service.open(NewUpload("sintel.mp4", len(FILM))), Tap()
    older = asyncio.create_task(other.append(opened.id, 0, tap.flow()))
    tap.give(b"\0\0\0\x18ftyp" + b"x" * 9992)
    await sent(other, opened.id, 10_000)
    clock.advance(KEEP_EVERY_S)
    async with asyncio.timeout(10):
        while (await service.upload(opened.id)).offset_bytes < 10_000:
            await moment()
    await records.write(lambda db: tables.restart(db, opened.id))
    await service.append(opened.id, 0, pieces(FILM[:10_000]))

    tap.give(b"x" * 5)
    tap.give(None)

    with pytest.raises(Conflict, match="begun anew"):
        await older
    assert (await service.receive(opened.id, pieces(FILM))).job
    assert await whole(service, blobs, opened.id) == FILM


class Overtaken(SqliteRecords):
    """Records of a process that another one overtakes just before it writes."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def write(self, work: "Callable[[Connection], T]") -> T:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            await meanwhile()
        return await super().write(work)


async def test_a_put_that_comes_as_another_one_ends_does_not_begin_a_received_upload_anew(
    service: IngestService,
    blobs: FileBlobs,
    encoding: EncodingService,
    clock: VirtualClock,
    folder: Path,
    tmp_path: Path,
) -> None:
    late_records = Overtaken(tmp_path / "records.db", durable=False)
    late = IngestService(late_records, blobs, encoding, clock, Random(8), folder=folder, keep_free_bytes=0)
    opened = await service.open(NewUpload("sintel.mp4", len(FILM)))
    late_records.meanwhile = lambda: service.receive(opened.id, pieces(FILM))

    with pytest.raises(Conflict) as refusal:
        await late.receive(opened.id, pieces(film(len(FILM), seed=2)))

    assert refusal.value.code == "ingest.already_received"
    kept = await service.upload(opened.id)
    assert (kept.state, kept.offset_bytes) == (UploadState.RECEIVED, len(FILM))
    assert await whole(service, blobs, opened.id) == FILM
    assert files_in(folder) == []
    await late_records.close()
