"""Uploads on records, a folder and blobs."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from bijou.encoding import sniff
from bijou.ingest import model, parts, store
from bijou.ingest.api import Checksum, Destination, NewUpload, Upload, UploadState
from bijou.ingest.appending import Appending, Look, elsewhere, writable, wrong_size
from bijou.ingest.finishing import Finishing
from bijou.ports import (
    BijouError,
    Blobs,
    Clock,
    Conflict,
    EngineUnavailable,
    Instant,
    InvalidRequest,
    Records,
    new_id,
)
from bijou.runtime.logs import get_logger

if TYPE_CHECKING:
    from hashlib import _Hash

    from sqlalchemy import Connection

_TIDY_EVERY_S = 300.0
_RUNNING = 64

_log = get_logger()


class IngestService:
    """`Ingest` that keeps bytes in a folder until they are all here, then in blobs.

    The order is: bytes to the folder, the offset to the records; when the last
    are here, file to blobs, note in records, job in the queue. After a crash
    anywhere between, `repair` takes up what was complete and drops what was
    promised to nobody; a sender goes on at the offset.

    Threads: one event loop. Processes: several may share records and folder.

    Args:
        folder: Where files grow; on the volume of the blobs, so that they are
            moved and not copied. Made where it is missing.
        max_bytes: Longest file that is taken.
        unfinished_bytes: Most that open uploads may have announced, in all.
        unfinished_bytes_per_person: The same for the uploads of one person.
        keep_free_bytes: Room that uploads leave on the volume.
        abandon_after_s: Silence after which an open upload is forgotten.
        free_bytes: Tells the volume's free room; the machine's own answer
            unless another is handed in.
        look: Refuses a file for its first bytes, with an InvalidRequest of
            another room's; it is forgotten then.
    """

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        destination: Destination,
        clock: Clock,
        chance: Random,
        *,
        folder: Path,
        max_bytes: int = 64 * 1024**3,
        unfinished_bytes: int = 512 * 1024**3,
        unfinished_bytes_per_person: int = 128 * 1024**3,
        keep_free_bytes: int = 1024**3,
        abandon_after_s: float = 86400.0,
        free_bytes: Callable[[], int] | None = None,
        look: Look = sniff,
    ) -> None:
        self.max_bytes = max_bytes
        self._records = records
        self._blobs = blobs
        self._destination = destination
        self._look = look
        self._clock = clock
        self._chance = chance
        self._folder = folder
        self._quota = model.Quota(unfinished_bytes, unfinished_bytes_per_person)
        self._keep_free_bytes = keep_free_bytes
        self._abandon_after_s = abandon_after_s
        self._free_bytes = free_bytes or (lambda: _free_bytes(folder))
        self._appending: dict[str, list[Appending]] = {}
        self._running: dict[str, tuple[int, _Hash]] = {}
        self._finishing = Finishing(records, blobs, destination, chance, folder, look)
        folder.mkdir(parents=True, exist_ok=True)

    async def open(self, new: NewUpload, *, owner: str = "", metadata: str = "") -> Upload:
        """Announce a file."""
        filename = model.checked_filename(new.filename)
        model.check_size(new.size_bytes, self.max_bytes)
        title = model.title_of(new, filename)
        await self._expire()
        self._check_room(new.size_bytes)
        upload = Upload(
            id=new_id("upl", self._clock, self._chance),
            filename=filename,
            size_bytes=new.size_bytes,
            state=UploadState.OPEN,
            created_at=self._clock.now(),
            expires_at=self._expiry(),
            metadata=metadata,
        )

        def work(db: "Connection") -> None:
            own = store.unfinished_bytes(db, owner)
            self._quota.check(new.size_bytes, own=own, all_=store.unfinished_bytes(db))
            store.add(db, upload, title, owner=owner)

        await self._records.write(work)
        return upload

    async def append(
        self,
        upload_id: str,
        offset_bytes: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Upload:
        """Take some of the bytes, from an offset on; the last ones queue the encode."""
        model.check_algorithm(checksum)
        upload = (await self._kept(upload_id)).upload
        if offset_bytes != upload.offset_bytes:
            raise elsewhere(upload, offset_bytes)
        if upload.offset_bytes < upload.size_bytes:
            try:
                offset_bytes = await self._take(upload, content, checksum=checksum)
            except InvalidRequest as error:
                if not error.code.startswith("ingest."):  # it is no such file, whatever more comes
                    await self._forget(upload_id)
                raise
        else:
            await _nothing_more(content)
        if offset_bytes < upload.size_bytes:
            return await self.upload(upload_id)
        return await self._finishing.finish(upload_id, self._running_at(upload_id, offset_bytes))

    async def receive(self, upload_id: str, content: AsyncIterator[bytes]) -> Upload:
        """Take all the bytes in one go and queue the encode; all or nothing."""
        upload = (await self._kept(upload_id)).upload
        if upload_id in self._appending:
            raise _already(upload)

        def begin_anew(db: "Connection") -> list[str]:
            kept = store.upload(db, upload_id)
            if kept is None:
                raise model.no_upload(upload_id)
            if kept.upload.offset_bytes == kept.upload.size_bytes:
                raise _already(kept.upload)
            return store.restart(db, upload_id)

        freed = await self._records.write(begin_anew)
        await asyncio.to_thread(parts.remove, self._folder, freed)
        upload = msgspec.structs.replace(upload, offset_bytes=0, received_bytes=0)
        try:
            await self._take(upload, content, whole=True)
        except InvalidRequest as error:
            raise wrong_size(upload, "more came") if error.code == "ingest.overrun" else error from error
        return await self._finishing.finish(upload_id, self._running_at(upload_id, upload.size_bytes))

    async def upload(self, upload_id: str) -> Upload:
        """Return one upload, with the bytes that have come so far."""
        return self._with_arriving((await self._kept(upload_id)).upload)

    async def abandon(self, upload_id: str) -> None:
        """Forget an upload; one whose encode is queued or at work is cancelled."""
        upload = (await self._kept(upload_id)).upload
        if upload.state is UploadState.RECEIVED:
            queued = upload if upload.job else await self._finishing.finish(upload_id)
            await self._destination.cancel(queued.job)
        else:
            await self._forget(upload_id)

    async def release(self, upload_id: str) -> None:
        """Forget an upload and all of its bytes, stored ones too; no error where there is none."""
        await self._forget(upload_id)
        await self._blobs.delete(f"uploads/{upload_id}")

    async def repair(self) -> None:
        """Take up what a crash cut short; safe at any time, meant for every start and then now and then.

        Uploads that got nothing for too long go, as do files of which nothing
        is promised; files that are complete are queued.
        """
        await self._finishing.take_up()
        await self._expire()
        needed = await self._records.read(store.files)
        locked = await asyncio.to_thread(parts.strays, self._folder, needed)
        needed = await self._records.read(store.files)  # a file may have got its promise before it was locked
        for file in locked:
            if file.path.name not in needed:
                file.path.unlink(missing_ok=True)
            file.close()

    async def keep_tidy(self) -> None:
        """Repair now and every few minutes, until cancelled."""
        while True:
            try:
                await self.repair()
            except BijouError as error:
                _log.warning("ingest.untidy", code=error.code, detail=error.detail)
            except Exception:  # noqa: BLE001 - whatever it is, what is left behind next is tidied all the same
                _log.exception("ingest.untidy")
            await self._clock.sleep(_TIDY_EVERY_S)

    async def _take(
        self,
        upload: Upload,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
        whole: bool = False,
    ) -> int:
        """Return the offset after the content."""
        self._check_room(upload.size_bytes - upload.offset_bytes, beside=upload.id)
        part, file = await writable(self._records, self._folder, upload, self._chance)
        appending = Appending(
            upload,
            part,
            file,
            self._records,
            self._clock,
            running=self._running_at(upload.id, upload.offset_bytes),
            checksum=checksum,
            whole=whole,
            expiry=self._expiry,
            look=self._look,
        )
        with self._noted(upload.id, appending):
            await appending.take(content)
        if appending.running:
            self._running[upload.id] = appending.offset_bytes, appending.running
            while len(self._running) > _RUNNING:
                del self._running[next(iter(self._running))]
        return appending.offset_bytes

    @contextmanager
    def _noted(self, upload_id: str, appending: Appending) -> Iterator[None]:
        beside = self._appending.setdefault(upload_id, [])
        beside.append(appending)
        try:
            yield
        finally:
            beside.remove(appending)
            if not beside:
                self._appending.pop(upload_id, None)

    def _running_at(self, upload_id: str, offset_bytes: int) -> "_Hash | None":
        """Return the SHA-256 of the first bytes, where this process has seen them all pass."""
        known, running = self._running.pop(upload_id, (0, None))
        if running and known == offset_bytes:
            return running
        return model.no_bytes() if offset_bytes == 0 else None

    def _with_arriving(self, upload: Upload) -> Upload:
        came = [each.start_bytes + each.arrival.received_bytes for each in self._appending.get(upload.id, ())]
        return msgspec.structs.replace(upload, received_bytes=max([upload.offset_bytes, *came]))

    async def _kept(self, upload_id: str) -> store.Kept:
        kept = await self._records.read(lambda db: store.upload(db, upload_id))
        if kept is None or self._has_expired(kept.upload):
            raise model.no_upload(upload_id)
        return kept

    def _has_expired(self, upload: Upload) -> bool:
        waits = upload.state is UploadState.OPEN and upload.offset_bytes < upload.size_bytes
        silent = upload.id not in self._appending
        return waits and silent and self._clock.now() >= upload.expires_at

    async def _expire(self) -> None:
        for kept in await self._records.read(store.still_open):
            if self._has_expired(kept.upload):
                await self._forget(kept.upload.id)

    async def _forget(self, upload_id: str) -> None:
        for appending in self._appending.get(upload_id, ()):
            appending.arrival.abandon()
        freed = await self._records.write(lambda db: store.forget(db, upload_id))
        await asyncio.to_thread(parts.remove, self._folder, freed)
        self._running.pop(upload_id, None)

    def _expiry(self) -> Instant:
        return self._clock.now().plus_s(self._abandon_after_s)

    def _check_room(self, size_bytes: int, *, beside: str = "") -> None:
        coming = sum(
            max(each.arrival.missing_bytes for each in appending)
            for upload_id, appending in self._appending.items()
            if upload_id != beside
        )
        room = max(0, self._free_bytes() - self._keep_free_bytes - coming)
        if size_bytes > room:
            raise EngineUnavailable(
                "ingest.disk_full",
                f"the file is {model.human_size(size_bytes)} and there is room for {model.human_size(room)}; "
                "make room on the volume, then send it again",
            )


async def _nothing_more(content: AsyncIterator[bytes]) -> None:
    async for piece in content:
        if piece:
            raise model.TooLarge(
                "ingest.overrun", "the upload is complete and more came; the file has changed"
            )


def _already(upload: Upload) -> Conflict:
    what = f"queued as {upload.job}" if upload.job else "being received or queued"
    return Conflict("ingest.already_received", f"upload {upload.id} is {what}; announce another one")


def _free_bytes(folder: Path) -> int:
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize
