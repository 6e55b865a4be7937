"""From pieces that are all here to one blob and one job; each step can be done again."""

import asyncio
import hashlib
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bijou.encoding import HEAD_BYTES
from bijou.ingest import model, parts, store
from bijou.ingest.api import Destination, Upload, UploadState
from bijou.ingest.appending import Look
from bijou.ingest.arrival import abandoned
from bijou.ports import BijouBug, BijouError, Blobs, InvalidRequest, NotFound, Records
from bijou.runtime.logs import get_logger

if TYPE_CHECKING:
    from hashlib import _Hash

_log = get_logger()


class Finishing:
    """Ends uploads: joins their parts, stores the file, hands it over.

    It goes on when whoever asked for it has gone away, and those who ask for
    the same upload meanwhile share one answer.

    Cost: an upload that came without a break is moved and not read again. One
    that was interrupted while this process was not there is read once; parts
    after the first are copied.

    Threads: one event loop.
    """

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        destination: Destination,
        chance: Random,
        folder: Path,
        look: Look,
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._destination = destination
        self._look_at = look
        self._chance = chance
        self._folder = folder
        self._at_work: dict[str, asyncio.Task[Upload]] = {}

    async def finish(self, upload_id: str, running: "_Hash | None" = None) -> Upload:
        """Return the upload with its job.

        Args:
            running: SHA-256 of all of its bytes, where it is known.

        Raises:
            InvalidRequest: it is no film after all, and has been forgotten.
            Conflict: `ingest.abandoned`.
        """
        task = self._at_work.get(upload_id)
        if task is None:
            task = asyncio.create_task(self._finish(upload_id, running))
            self._at_work[upload_id] = task
            task.add_done_callback(lambda done: self._ended(upload_id, done))
        return await asyncio.shield(task)

    async def take_up(self) -> None:
        """Finish what has all its bytes, and queue what is stored; what cannot be now is left."""
        for kept in await self._records.read(store.still_open):
            if kept.upload.offset_bytes == kept.upload.size_bytes or await self._is_stored(kept.upload):
                await self._try(kept.upload)
        for kept in await self._records.read(store.without_job):
            await self._try(kept.upload)

    async def _try(self, upload: Upload) -> None:
        try:
            await self.finish(upload.id)
        except BijouError as error:
            _log.warning("ingest.unfinished", upload=upload.id, code=error.code, detail=error.detail)
        except Exception:  # noqa: BLE001 - one upload's trouble, which those behind it must not have
            _log.exception("ingest.unfinished", upload=upload.id)

    def _ended(self, upload_id: str, task: "asyncio.Task[Upload]") -> None:
        del self._at_work[upload_id]
        if not task.cancelled():
            task.exception()  # told to whoever still listens

    async def _finish(self, upload_id: str, running: "_Hash | None") -> Upload:
        kept = await self._kept(upload_id)
        if kept.upload.state is UploadState.OPEN:
            await self._store(kept.upload, running)
        if not kept.upload.job:
            job = await self._destination.submit(source_of(kept.upload), kept.upload.filename, kept.title)
            await self._records.write(lambda db: store.queued(db, upload_id, job.id))
        return (await self._kept(upload_id)).upload

    async def _store(self, upload: Upload, running: "_Hash | None") -> None:
        source = source_of(upload)
        pieces = await self._records.read(lambda db: store.parts(db, upload.id))
        if await self._is_stored(upload):
            sha256 = await self._sha256_of_blob(source)
        else:
            joined = await asyncio.to_thread(self._join, upload, pieces)
            try:
                await self._look(joined, upload)
                sha256 = running.hexdigest() if running else await asyncio.to_thread(joined.sha256)
                await self._blobs.put(source, joined.path)
            finally:
                joined.close()
            await asyncio.to_thread(joined.path.unlink, missing_ok=True)
        if not await self._records.write(lambda db: store.received(db, upload.id, sha256)):
            await self._blobs.delete(source)
            raise abandoned()
        await asyncio.to_thread(parts.remove, self._folder, [piece.file for piece in pieces])

    async def _look(self, joined: parts.PartFile, upload: Upload) -> None:
        try:
            self._look_at(joined.head(HEAD_BYTES))
        except InvalidRequest:
            joined.path.unlink(missing_ok=True)
            freed = await self._records.write(lambda db: store.forget(db, upload.id))
            await asyncio.to_thread(parts.remove, self._folder, freed)
            raise

    def _join(self, upload: Upload, pieces: list[store.Part]) -> parts.PartFile:
        """Return one file with all the bytes, on disk: the first part's own, where nobody holds that."""
        ends = [0, *(piece.end_bytes for piece in pieces)]
        if [piece.start_bytes for piece in pieces] != ends[:-1] or ends[-1] != upload.size_bytes:
            raise BijouBug("ingest.gap", f"{upload.id}: its parts do not make its {upload.size_bytes} bytes")
        first, *others = pieces
        joined = parts.locked(self._folder / first.file)
        if joined is None:
            spare = f"{upload.id}-all-{self._chance.getrandbits(64):016x}{parts.SUFFIX}"
            joined, others = parts.created(self._folder / spare), pieces
        else:
            joined.cut(first.size_bytes)
        try:
            for piece in others:
                joined.copy_in(self._folder / piece.file, piece.size_bytes, piece.start_bytes)
            joined.sync()
        except BaseException:
            joined.close()
            raise
        return joined

    async def _is_stored(self, upload: Upload) -> bool:
        try:
            await self._blobs.info(source_of(upload))
        except NotFound:
            return False
        return True

    async def _sha256_of_blob(self, key: str) -> str:
        digest = hashlib.sha256()
        async for piece in self._blobs.read(key):
            await asyncio.to_thread(digest.update, piece)
        return digest.hexdigest()

    async def _kept(self, upload_id: str) -> store.Kept:
        kept = await self._records.read(lambda db: store.upload(db, upload_id))
        if kept is None:
            raise model.no_upload(upload_id)
        return kept


def source_of(upload: Upload) -> str:
    """Return the key of an upload's blob."""
    return f"uploads/{upload.id}"
