"""The command line's end of an upload: it remembers, it waits, it goes on."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from bijou.catalog import NewTitle
from bijou.cli.resuming import PATIENCE_S, Memory, Sender, begun
from bijou.engines.files import FileBlobs
from bijou.ingest import Checksum, Ingest, Upload, UploadState
from bijou.ingest.service import IngestService
from bijou.ports import EngineUnavailable, InvalidRequest, VirtualClock
from tests.contract.uploads.conftest import film

pytestmark = pytest.mark.anyio

FILM = film(1_000_000)
TITLE = NewTitle("Sintel")


class Hurried(VirtualClock):
    """Time that passes as soon as somebody waits for it."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class Line:
    """A way to a service that is cut before, in or after an append, as a seed has it."""

    def __init__(self, service: IngestService, seed: int) -> None:
        self._service = service
        self._chance = Random(seed)
        self.open, self.abandon, self.receive = service.open, service.abandon, service.receive
        self.cuts = 0
        self.dead = False

    async def upload(self, upload_id: str) -> Upload:
        if self.dead:
            raise self._cut()
        return await self._service.upload(upload_id)

    async def append(
        self,
        upload_id: str,
        offset_bytes: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Upload:
        luck = self._chance.random()
        if luck < 0.2 or self.dead:
            raise self._cut()
        if luck < 0.4:
            content = self._torn(content)
        upload = await self._service.append(upload_id, offset_bytes, content, checksum=checksum)
        if luck < 0.6:
            raise self._cut()
        return upload

    async def _torn(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in content:
            yield piece[: len(piece) // 2]
            raise self._cut()

    def _cut(self) -> EngineUnavailable:
        self.cuts += 1
        return EngineUnavailable("http.unreachable", "the line is dead")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sintel.mp4"
    path.write_bytes(FILM)
    return path


def grown(file: Path) -> None:
    file.write_bytes(FILM + b"!")


def memory(tmp_path: Path, file: Path) -> Memory:
    return Memory(tmp_path / "state", file, "http://a", "Sintel")


def sender(line: Ingest, file: Path, seed: int = 1) -> Sender:
    return Sender(line, file, Hurried(), Random(seed), lambda _: None, chunk_bytes=70_000)


@pytest.mark.parametrize("seed", range(5))
async def test_over_a_bad_line_the_film_arrives_whole(
    service: IngestService, blobs: FileBlobs, clock: VirtualClock, tmp_path: Path, file: Path, seed: int
) -> None:
    line = Line(service, seed)
    upload = await begun(line, file, TITLE, memory(tmp_path, file), clock)

    received = await sender(line, file, seed).deliver(upload)

    assert (received.state, line.cuts > 3) == (UploadState.RECEIVED, True)
    assert b"".join([piece async for piece in blobs.read(f"uploads/{upload.id}")]) == FILM


async def test_a_second_run_goes_on_with_the_upload_of_the_first(
    service: IngestService, clock: VirtualClock, tmp_path: Path, file: Path
) -> None:
    first = await begun(service, file, TITLE, memory(tmp_path, file), clock)

    again = await begun(service, file, TITLE, memory(tmp_path, file), clock)

    (state,) = (tmp_path / "state").iterdir()
    assert (again.id, state.stat().st_mode & 0o777) == (first.id, 0o600)
    await service.abandon(first.id)
    assert (await begun(service, file, TITLE, memory(tmp_path, file), clock)).id != first.id


async def test_another_file_title_or_server_is_another_upload(tmp_path: Path, file: Path) -> None:
    memory(tmp_path, file).keep("upl_1", VirtualClock())

    assert memory(tmp_path, file).recall() == "upl_1"
    assert Memory(tmp_path / "state", file, "http://b", "Sintel").recall() == ""
    grown(file)
    assert memory(tmp_path, file).recall() == ""


async def test_an_upload_that_another_command_forgets_meanwhile_is_no_obstacle(
    tmp_path: Path, file: Path
) -> None:
    memory(tmp_path, file).keep("upl_1", VirtualClock())
    (tmp_path / "state" / "seen-and-gone").symlink_to("nowhere")

    memory(tmp_path, file).keep("upl_2", VirtualClock())

    assert memory(tmp_path, file).recall() == "upl_2"


async def test_a_server_that_stays_away_is_waited_for_two_minutes_and_the_upload_kept_in_mind(
    service: IngestService, clock: VirtualClock, tmp_path: Path, file: Path
) -> None:
    line, kept = Line(service, 1), memory(tmp_path, file)
    upload = await begun(line, file, TITLE, kept, clock)
    line.dead = True
    hurried = Hurried()
    with pytest.raises(EngineUnavailable):
        await Sender(line, file, hurried, Random(1), lambda _: None).deliver(upload)

    assert PATIENCE_S <= hurried.monotonic_ns() / 1e9 < PATIENCE_S + 4
    assert kept.recall() == upload.id


async def test_a_file_that_changes_on_the_way_is_not_sent_on(
    service: IngestService, clock: VirtualClock, tmp_path: Path, file: Path
) -> None:
    upload = await begun(service, file, TITLE, memory(tmp_path, file), clock)
    grown(file)
    with pytest.raises(InvalidRequest) as refusal:
        await sender(service, file).deliver(upload)

    assert refusal.value.code == "cli.file_changed"
