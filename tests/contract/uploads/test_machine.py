"""Uploads against a plain model, killed between any two durable steps.

A kill is what is on the disk at that moment: the folder is copied there and
then, bytes that nobody was promised are spoiled in the copy, and a new process
goes on with it. Nothing of the old one's cleaning up is in it.
"""

import asyncio
import functools
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from bijou.catalog.service import CatalogService
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest import Checksum, NewUpload, Upload, UploadState
from bijou.ingest import store as tables
from bijou.ingest.service import IngestService
from bijou.ports import BijouError, BlobInfo, Conflict, Instant, InvalidRequest, NotFound
from tests.contract.machines import SHORT, ServiceMachine
from tests.contract.uploads.conftest import film, pieces

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
ABANDON_S = 1000


class Believed(msgspec.Struct):
    """What the model holds to be true of an upload."""

    film: bytes
    expires_at: Instant
    offset: int = 0
    sent: int = 0
    received: bool = False
    gone: bool = False


class Shutter:
    """Copies a folder at the n-th durable step from when it was set."""

    def __init__(self) -> None:
        self.left = 0
        self.taken = False
        self.copy: Callable[[], object] = lambda: None

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.copy()
            self.taken = True


class WatchedRecords(SqliteRecords):
    """Records whose every write is a moment to be killed before and after."""

    shutter: Shutter

    async def write(self, work: "Callable[[Connection], T]") -> T:
        self.shutter.step()
        done = await super().write(work)
        self.shutter.step()
        return done


class WatchedBlobs(FileBlobs):
    """The same for blobs."""

    shutter: Shutter

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        self.shutter.step()
        info = await super().put(key, content)
        self.shutter.step()
        return info


class Uploads(ServiceMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.run(self.records.close())
        self.world = 0
        self.shutter = Shutter()
        self.believed: dict[str, Believed] = {}
        place = self._folder / "world0"
        place.mkdir()
        shutil.copy(self._folder / "records.db", place / "records.db")
        self.begin(place)

    def begin(self, place: Path) -> None:
        """Start a process on what is in a folder."""
        self.place = place
        self.records = records = WatchedRecords(place / "records.db", durable=False, readers=1)
        blobs = WatchedBlobs(place / "blobs", self.clock)
        records.shutter = blobs.shutter = self.shutter
        catalog = CatalogService(records, self.clock, self.chance, lambda _: None)
        queue = RecordsQueue(records, self.clock, self.chance)
        self.encoding = EncodingService(
            records, queue, blobs, catalog, self.clock, self.chance, lambda _: None, lease_s=15
        )
        self.blobs = blobs
        self.ingest = IngestService(
            records,
            blobs,
            self.encoding,
            self.clock,
            self.chance,
            folder=place / "incoming",
            keep_free_bytes=0,
            abandon_after_s=ABANDON_S,
        )

    @rule(target=ids, size=st.sampled_from([13, 5000, 9000]), seed=st.integers(0, 9))
    def create(self, size: int, seed: int) -> str:
        return self.opened(size, seed)

    def opened(self, size: int, seed: int) -> str:
        opened = self.run(self.ingest.open(NewUpload("a.mp4", size)))
        self.believed[opened.id] = Believed(film(size, seed), opened.expires_at)
        return opened.id

    @rule(
        id_=ids,
        share=st.sampled_from([0, 1, 3, 8, 8, 8]),
        skew=st.sampled_from([0, 0, 0, 0, 0, 0, -1, 7]),
        cut=st.sampled_from([False, False, False, True]),
        checksum=st.sampled_from(["", "", "right", "wrong"]),
        kill_at=st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
    )
    def append(self, id_: str, share: int, skew: int, *, cut: bool, checksum: str, kill_at: int) -> None:
        believed = self.believed[id_]
        at = max(0, believed.offset + skew)
        stop = min(len(believed.film), at + (len(believed.film) - at) * share // 8)
        content = believed.film[at:stop]
        right = hashlib.sha256(content + (b"!" if checksum == "wrong" else b"")).digest()
        given = Checksum("sha256", right) if checksum else None

        def told() -> None:
            flow = cut_off(content) if cut else pieces(content, 1000)
            end = self.outcome(self.ingest.append(id_, at, flow, checksum=given))
            if self.is_gone(believed):
                assert isinstance(end, NotFound)
            elif at != believed.offset:
                assert isinstance(end, Conflict)
            elif cut:
                assert isinstance(end, ConnectionResetError)
                if content and not given:
                    self.move(believed, stop)
            elif checksum == "wrong" and at < len(believed.film):
                assert isinstance(end, InvalidRequest)
            else:
                assert isinstance(end, Upload), end
                if content:
                    self.move(believed, stop)
                believed.received = stop == len(believed.film)

        self.killed(kill_at, told, {id_: believed.offset})

    @rule(id_=ids, kill_at=st.sampled_from([0, 0, 1, 2, 3, 4]))
    def terminate(self, id_: str, kill_at: int) -> None:
        believed = self.believed[id_]
        if believed.received:
            return

        def told() -> None:
            assert isinstance(self.outcome(self.ingest.abandon(id_)), NotFound) == self.is_gone(believed)
            believed.gone = True

        self.killed(kill_at, told, {id_: believed.offset})

    @rule(id_=ids, first=st.integers(1, 8), second=st.integers(1, 8))
    def race(self, id_: str, first: int, second: int) -> None:
        believed = self.believed[id_]
        if self.is_gone(believed) or believed.offset == len(believed.film):
            return
        at = believed.offset
        stops = [at + max(1, (len(believed.film) - at) * share // 8) for share in (first, second)]

        async def both() -> list[Any]:
            senders = (self.ingest.append(id_, at, pieces(believed.film[at:stop], 999)) for stop in stops)
            return await asyncio.gather(*senders, return_exceptions=True)

        ends = self.run(both())

        won = [stop for stop, end in zip(stops, ends, strict=True) if not isinstance(end, BaseException)]
        lost = [end for end in ends if isinstance(end, BaseException)]
        assert (len(won), len(lost)) == (1, 1), ends
        assert isinstance(lost[0], Conflict)
        self.move(believed, won[0])
        believed.received = won[0] == len(believed.film)

    @rule(seconds=st.sampled_from([1, 1, 1, 1, ABANDON_S - 1, ABANDON_S]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def repair(self) -> None:
        self.run(self.ingest.repair())
        self.assume_finished()
        promised = self.run(self.records.read(tables.files))
        assert {path.name for path in (self.place / "incoming").iterdir()} == promised

    @invariant()
    def every_offset_is_the_promised_one_and_every_stored_film_is_whole(self) -> None:
        for id_, believed in self.believed.items():
            try:
                upload = self.run(self.ingest.upload(id_))
            except NotFound:
                assert self.is_gone(believed)
                continue
            assert not self.is_gone(believed)
            assert upload.offset_bytes == believed.offset
            assert (upload.state is UploadState.RECEIVED) == believed.received
            if believed.received:
                assert self.run(self.stored(id_)) == believed.film

    def outcome(self, work: Coroutine[Any, Any, T]) -> T | Exception:
        """Return what comes of it, or what is raised."""
        try:
            return self.run(work)
        except (BijouError, ConnectionResetError) as error:
            return error

    def is_gone(self, believed: Believed) -> bool:
        unfinished = believed.offset < len(believed.film)
        return believed.gone or (unfinished and self.clock.now() >= believed.expires_at)

    def move(self, believed: Believed, offset: int) -> None:
        believed.offset = offset
        believed.expires_at = self.clock.now().plus_s(ABANDON_S)

    def killed(self, kill_at: int, operation: Callable[[], object], offsets: dict[str, int]) -> bool:
        """Do it; where the step is reached, go on with the disk of that moment instead."""
        self.world += 1
        place = self._folder / f"world{self.world}"
        self.shutter.left, self.shutter.taken = kill_at, False
        self.shutter.copy = functools.partial(shutil.copytree, self.place, place)
        operation()
        self.shutter.left = 0
        if not self.shutter.taken:
            return False
        self.run(self.records.close())
        shutil.rmtree(self.place)
        spoil(place, self.chance)
        self.begin(place)
        for id_, before in offsets.items():
            self.look_again(id_, before)
        return True

    def look_again(self, id_: str, before: int) -> None:
        """Take from the new process what of the killed operation was done; it is one of a few things."""
        believed = self.believed[id_]
        after, promised = believed.offset, self.is_gone(believed)
        try:
            upload = self.run(self.ingest.upload(id_))
        except NotFound:
            assert promised
            believed.gone = True
            return
        believed.gone = False
        assert upload.offset_bytes in {before, after}
        believed.offset, believed.expires_at = upload.offset_bytes, upload.expires_at
        believed.received = upload.state is UploadState.RECEIVED

    def assume_finished(self) -> None:
        for believed in self.believed.values():
            if not believed.gone and believed.offset == len(believed.film):
                believed.received = True

    async def stored(self, id_: str) -> bytes:
        return b"".join([piece async for piece in self.blobs.read(f"uploads/{id_}")])


async def cut_off(content: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(content, 1000):
        yield piece
    raise ConnectionResetError


def spoil(place: Path, chance: Random) -> None:
    """Do to bytes without a promise the worst that a power cut may do."""
    database = sqlite3.connect(place / "records.db")
    rows = database.execute("SELECT file, size_bytes FROM ingest_parts")
    promised: dict[str, int] = {str(file): int(size) for file, size in rows}
    database.close()
    for path in (place / "incoming").glob("*.part"):
        kept = path.read_bytes()[: promised.get(path.name, 0)]
        path.chmod(0o600)
        path.unlink()  # it may be a blob's link
        path.write_bytes(kept + chance.randbytes(chance.randrange(3000)))


TestUploads = Uploads.TestCase
TestUploads.settings = settings(SHORT, max_examples=20)


@pytest.mark.parametrize("repaired", [False, True])
def test_killed_at_any_step_of_its_way_an_upload_goes_on_and_ends_as_one_film_and_one_job(
    *, repaired: bool
) -> None:
    machine, step, killed = Uploads(), 0, True

    while killed:
        step += 1
        id_ = machine.opened(9000, step)
        believed = machine.believed.pop(id_)
        send = functools.partial(in_two, machine, id_, believed.film)
        killed = machine.killed(step, send, {})
        if repaired:
            machine.run(machine.ingest.repair())
        at = machine.run(machine.ingest.upload(id_)).offset_bytes
        received = machine.run(machine.ingest.append(id_, at, pieces(believed.film[at:])))

        assert machine.run(machine.stored(id_)) == believed.film, step
        assert [job.id for job in machine.run(machine.encoding.jobs())].count(received.job) == 1
        assert len(machine.run(machine.encoding.jobs())) == step
        machine.run(machine.ingest.repair())
        assert list((machine.place / "incoming").iterdir()) == []
    assert step > 12
    machine.teardown()


def in_two(machine: Uploads, id_: str, content: bytes) -> None:
    machine.run(machine.ingest.append(id_, 0, pieces(content[:3000])))
    machine.run(machine.ingest.append(id_, 3000, pieces(content[3000:])))
