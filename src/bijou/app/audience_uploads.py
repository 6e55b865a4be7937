"""Audiences of a control plane put together: uploads of features, batches, updates."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bijou.app import schema
from bijou.app.audiences import audience_key, key_place, turns_of
from bijou.app.settings import Settings
from bijou.app.stores import blobs_at
from bijou.audience.batches import FeatureSource
from bijou.audience.http import routes as audience_routes
from bijou.audience.streaming import Updates
from bijou.audience.turns import Turns
from bijou.audience.uploads import Batches
from bijou.audience.uploads_head import look_at_head
from bijou.audience.uploads_http import TUS
from bijou.audience.uploads_http import routes as batch_routes
from bijou.audience.uploads_kept import Order
from bijou.audience.uploads_progress import Heard
from bijou.catalog import NewTitle
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest import NewUpload
from bijou.ingest.http import routes_of_announced
from bijou.ingest.service import IngestService
from bijou.ports import BijouError, Blobs, Clock, EngineUnavailable, InvalidRequest, Role
from bijou.runtime import codec
from bijou.runtime.children import Limits, run_child
from bijou.runtime.confinement import Confinement, interpreter
from bijou.runtime.http import Route
from bijou.runtime.logs import get_logger

_LIMITS = Limits(
    wall_s=24 * 3600.0, cpu_s=24 * 3600, memory_bytes=64 << 30, file_bytes=1 << 40, open_files=4096, nice=5
)

_log = get_logger()


class AudienceRooms(msgspec.Struct, frozen=True):
    """What a control plane has of audiences."""

    turns: Turns
    files: "FeatureFiles"
    batches: Batches
    updates: Updates


def audience_rooms(settings: Settings, blobs: Blobs, clock: Clock, chance: Random) -> AudienceRooms:
    """Put audiences together; what they need is opened when they are first asked for."""
    folder = Path(settings.house.data_dir) / "audience"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    turns = turns_of(settings, clock, chance)
    files = FeatureFiles(folder, settings, clock, chance)
    bringing = ChildBringing(folder, turns, settings, clock, chance)
    batches = Batches(folder, turns, files, fetching(settings, blobs, clock, chance), bringing, clock)
    files.hand_over_to(batches)
    return AudienceRooms(turns, files, batches, Updates(folder, turns, _rows_source, clock))


def routes_of_audiences(rooms: AudienceRooms, max_bytes: int) -> list[Route]:
    """Return everything about audiences that a control plane serves."""
    return [
        *audience_routes(rooms.turns),
        *batch_routes(rooms.batches, rooms.updates, rooms.turns),
        *routes_of_announced(rooms.files.ingest, max_bytes, TUS, Role.ADOPS),
    ]


class _Batch(msgspec.Struct, frozen=True):
    id: str


class FeatureFiles:
    """Uploads of features: a second `IngestService`, on a folder and records of its own.

    So whoever may upload features reaches no film's upload, and their bytes,
    which name people, lie in one place and are gone as soon as a batch is in.
    """

    def __init__(self, folder: Path, settings: Settings, clock: Clock, chance: Random) -> None:
        place = folder / "uploads.db"
        schema.upgrade(place)
        self._stored = folder / "files"
        self._batches: Batches | None = None
        self.records = SqliteRecords(place)
        bounds = settings.ingest
        self.ingest = IngestService(
            self.records,
            FileBlobs(self._stored, clock),
            self,
            clock,
            chance,
            folder=folder / "arriving",
            max_bytes=bounds.max_bytes,
            unfinished_bytes=bounds.unfinished_bytes,
            unfinished_bytes_per_person=bounds.unfinished_bytes_per_person,
            keep_free_bytes=bounds.keep_free_bytes,
            abandon_after_s=bounds.abandon_after_s,
            look=look_at_head,
        )

    def hand_over_to(self, batches: Batches) -> None:
        """Say who takes files whose bytes are all here."""
        self._batches = batches

    async def submit(self, source: str, filename: str, new: NewTitle) -> _Batch:  # noqa: ARG002 - see `Destination`
        """Hand a file over to its batch."""
        return _Batch(await self._there().arrived(source.rpartition("/")[2], self._stored / source))

    async def cancel(self, job_id: str) -> None:
        """Call a batch off."""
        await self._there().call_off(job_id)

    async def open(self, filename: str, size_bytes: int, owner: str) -> str:
        """Announce a file."""
        return (await self.ingest.open(NewUpload(filename, size_bytes), owner=owner)).id

    async def received_bytes(self, upload_id: str) -> int:
        """Return how many bytes have come."""
        return (await self.ingest.upload(upload_id)).received_bytes

    async def release(self, upload_id: str) -> None:
        """Delete the bytes."""
        await self.ingest.release(upload_id)

    def _there(self) -> Batches:
        assert self._batches is not None, "nothing is served before the rooms are put together"
        return self._batches


class ChildBringing:
    """Brings a batch in in a child that sees the folder of audiences and its key, and no network.

    Users in shards are reached over the network, and looked at there: then it
    is done in a thread, which cannot be stopped on its way.

    Args:
        limits: Of the child.
    """

    def __init__(
        self,
        folder: Path,
        turns: Turns,
        settings: Settings,
        clock: Clock,
        chance: Random,
        *,
        limits: Limits = _LIMITS,
    ) -> None:
        self._folder, self._turns, self._limits = folder, turns, limits
        self._settings, self._clock, self._chance = settings, clock, chance

    async def __call__(self, order: Path, tell: Callable[[Heard], None]) -> None:
        """Return when the batch is in, or is not; see `Bringing`."""
        if await self._turns.ask(lambda audiences: audiences.is_sharded):
            await self._in_a_thread(order, tell)
        else:
            await self._in_a_child(order, tell)

    async def _in_a_child(self, order: Path, tell: Callable[[Heard], None]) -> None:
        audience_key(self._settings, self._chance)
        key, folder = key_place(self._settings).resolve(), self._folder.resolve()
        scratch = folder / "scratch"
        scratch.mkdir(exist_ok=True, mode=0o700)
        places = [folder, key, folder / "orders" / order.name]
        finished = await run_child(
            [sys.executable, "-I", "-m", "bijou.app.audience_child", *map(str, places)],
            limits=self._limits,
            clock=self._clock,
            on_line=lambda line: tell(codec.decode(line, Heard)),
            cwd=scratch,
            confinement=Confinement(read=(key, *interpreter()), write=(folder,)),
        )
        if not finished.ok:
            _log.warning(
                "audience.child_died",
                code=finished.code,
                signal=finished.signal,
                last_words=finished.last_words[-1000:],
            )

    async def _in_a_thread(self, order: Path, tell: Callable[[Heard], None]) -> None:
        from bijou.app.audience_child import bring_in  # noqa: PLC0415 - an extra, where it is used

        loop = asyncio.get_running_loop()
        wanted = codec.decode(await asyncio.to_thread(order.read_bytes), Order)

        def say(heard: Heard) -> None:
            loop.call_soon_threadsafe(tell, heard)

        try:
            report = await self._turns.change(lambda audiences: bring_in(audiences, wanted, say))
        except BijouError as error:
            tell(Heard(problem=error.problem()))
        else:
            tell(Heard(report=report))


def fetching(
    settings: Settings, blobs: Blobs, clock: Clock, chance: Random
) -> Callable[[str, Path], Awaitable[None]]:
    """Return what makes a blob of the installation, or of a bucket, a local file."""
    bounds = settings.ingest

    async def fetch(source: str, file: Path) -> None:
        place, _, key = source.rpartition("/") if source.startswith("s3://") else ("", "", source)
        store = blobs_at(place, settings, clock, chance) if place else blobs
        info = await store.info(key)
        if info.size_bytes > bounds.max_bytes:
            raise InvalidRequest(
                "audience.too_large",
                f"{source} has {info.size_bytes:,} bytes; at most {bounds.max_bytes:,} are taken",
            )
        volume = os.statvfs(file.parent)
        room = volume.f_bavail * volume.f_frsize - bounds.keep_free_bytes
        if info.size_bytes > room:
            raise EngineUnavailable(
                "audience.disk_full",
                f"{source} has {info.size_bytes:,} bytes and there is room for {max(0, room):,}; make room on"
                " the volume, then order the batch again",
            )
        await store.fetch(key, file)

    return fetch


def _rows_source(rows: list[dict[str, Any]]) -> FeatureSource:
    from bijou.engines.audience_files import RowsSource  # noqa: PLC0415 - an extra, where it is used

    return RowsSource(rows)
