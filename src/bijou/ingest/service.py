"""Uploads on records, a folder and blobs."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import msgspec

from bijou.encoding import Encoding
from bijou.ingest import model, store
from bijou.ingest.api import NewUpload, Upload, UploadState
from bijou.ingest.arrival import Arrival
from bijou.ports import Blobs, Clock, Conflict, EngineUnavailable, NotFound, Records, new_id


class IngestService:
    """`Ingest` that keeps bytes in a folder until they are all here, then in blobs.

    The order is: bytes to the folder, file to blobs, note in records, job in
    the queue. After a crash anywhere between, `repair` takes up what was
    complete and drops what was not.

    Threads: one event loop.

    Args:
        folder: Where files grow; on the volume of the blobs, so that they are
            moved and not copied. Made where it is missing.
        max_bytes: Longest file that is taken.
        keep_free_bytes: Room that uploads leave on the volume.
        abandon_after_s: Age after which `repair` forgets an upload without bytes.
        free_bytes: Tells the volume's free room; the machine's own answer
            unless another is handed in.
    """

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        encoding: Encoding,
        clock: Clock,
        chance: Random,
        *,
        folder: Path,
        max_bytes: int = 64 * 1024**3,
        keep_free_bytes: int = 1024**3,
        abandon_after_s: float = 86400.0,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._encoding = encoding
        self._clock = clock
        self._chance = chance
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep_free_bytes = keep_free_bytes
        self._abandon_after_s = abandon_after_s
        self._free_bytes = free_bytes or (lambda: _free_bytes(folder))
        self._arriving: dict[str, Arrival] = {}
        folder.mkdir(parents=True, exist_ok=True)

    async def open(self, new: NewUpload) -> Upload:
        """Announce a file."""
        filename = model.checked_filename(new.filename)
        model.check_size(new.size_bytes, self._max_bytes)
        title = model.title_of(new, filename)
        self._check_room(new.size_bytes)
        upload = Upload(
            id=new_id("upl", self._clock, self._chance),
            filename=filename,
            size_bytes=new.size_bytes,
            state=UploadState.OPEN,
            created_at=self._clock.now(),
        )
        await self._records.write(lambda db: store.add(db, upload, title))
        return upload

    async def receive(self, upload_id: str, content: AsyncIterator[bytes]) -> Upload:
        """Take the bytes and queue the encode; all or nothing."""
        kept = await self._kept(upload_id)
        if kept.upload.state is UploadState.RECEIVED or upload_id in self._arriving:
            raise _already(kept.upload)
        self._check_room(kept.upload.size_bytes)
        part = self._folder / f"{upload_id}.part"
        arrival = Arrival(part, kept.upload.size_bytes, self._clock)
        self._arriving[upload_id] = arrival
        try:
            sha256 = await arrival.take(content)
            await self._store(kept.upload, part, sha256)
        finally:
            del self._arriving[upload_id]
        return await self._queue(kept)

    async def upload(self, upload_id: str) -> Upload:
        """Return one upload, with the bytes that have come so far."""
        upload = (await self._kept(upload_id)).upload
        arrival = self._arriving.get(upload_id)
        return msgspec.structs.replace(upload, received_bytes=arrival.received_bytes) if arrival else upload

    async def abandon(self, upload_id: str) -> None:
        """Forget an upload whose bytes are not all here, and those that are."""
        upload = (await self._kept(upload_id)).upload
        if upload.state is UploadState.RECEIVED:
            raise _already(upload)
        if arrival := self._arriving.get(upload_id):
            arrival.abandon()
        await self._records.write(lambda db: store.forget(db, upload_id))

    async def repair(self) -> None:
        """Take up what a crash cut short; safe at any time, meant for every start.

        Half-made files go, as do uploads that nobody has sent for too long;
        files that were complete are queued.
        """
        for part in self._folder.glob("*.part"):
            if part.stem not in self._arriving:
                part.unlink(missing_ok=True)
        for kept in await self._records.read(store.still_open):
            if kept.upload.id not in self._arriving:
                await self._take_up(kept.upload)
        for kept in await self._records.read(store.without_job):
            await self._queue(kept)

    async def _take_up(self, upload: Upload) -> None:
        """Note bytes that reached the blobs just before a crash, or forget an old upload."""
        try:
            await self._blobs.info(_source(upload))
        except NotFound:
            if self._clock.now() >= upload.created_at.plus_s(self._abandon_after_s):
                await self._records.write(lambda db: store.forget(db, upload.id))
            return
        digest = hashlib.sha256()
        async for piece in self._blobs.read(_source(upload)):
            await asyncio.to_thread(digest.update, piece)
        await self._records.write(lambda db: store.received(db, upload.id, digest.hexdigest()))

    async def _store(self, upload: Upload, part: Path, sha256: str) -> None:
        try:
            await self._blobs.put(_source(upload), part)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        if not await self._records.write(lambda db: store.received(db, upload.id, sha256)):
            await self._blobs.delete(_source(upload))
            raise Conflict("ingest.abandoned", "the upload was abandoned while it was being received")

    async def _queue(self, kept: store.Kept) -> Upload:
        upload = kept.upload
        job = await self._encoding.submit(_source(upload), upload.filename, kept.title)
        await self._records.write(lambda db: store.queued(db, upload.id, job.id))
        return await self.upload(upload.id)

    async def _kept(self, upload_id: str) -> store.Kept:
        kept = await self._records.read(lambda db: store.upload(db, upload_id))
        if kept is None:
            raise NotFound(
                "ingest.no_upload", f"there is no upload {upload_id!r}; it may have been abandoned"
            )
        return kept

    def _check_room(self, size_bytes: int) -> None:
        coming = sum(arrival.missing_bytes for arrival in self._arriving.values())
        room = max(0, self._free_bytes() - self._keep_free_bytes - coming)
        if size_bytes > room:
            raise EngineUnavailable(
                "ingest.disk_full",
                f"the file is {model.human_size(size_bytes)} and there is room for {model.human_size(room)}; "
                "make room on the volume, then send it again",
            )


def _source(upload: Upload) -> str:
    return f"uploads/{upload.id}"


def _already(upload: Upload) -> Conflict:
    what = f"queued as {upload.job}" if upload.job else "being received or queued"
    return Conflict("ingest.already_received", f"upload {upload.id} is {what}; announce another one")


def _free_bytes(folder: Path) -> int:
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize
