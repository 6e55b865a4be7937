"""One append: whose bytes go into which file, and when they are promised."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from bijou.encoding import HEAD_BYTES
from bijou.ingest import parts, store
from bijou.ingest.api import Checksum, Upload
from bijou.ingest.arrival import Arrival, abandoned, uncut
from bijou.ingest.store import Part
from bijou.ports import Clock, Conflict, Instant, InvalidRequest, Records

if TYPE_CHECKING:
    from hashlib import _Hash


Look = Callable[[bytes], object]
"""Refuses what begins like nothing that is wanted, by its first `HEAD_BYTES`."""


class ChecksumMismatch(InvalidRequest):
    """The bytes are not those that were meant."""

    status = 460
    title = "Checksum mismatch"


class Appending:
    """Bytes of one sender from an offset on, in a file that nobody else writes.

    Whoever moves the upload's offset in the records first has won: the other
    of two senders finds it moved when it wants to promise its own bytes, and
    what it wrote stays without a promise.

    Args:
        part: What of the file is promised already; of size 0 where it is new.
        running: SHA-256 of all bytes before the offset, where it is known.
        whole: Whether all bytes that are missing must come, or none is kept.
        expiry: Tells when an upload that gets no more bytes is to be forgotten.
        look: At the first bytes, as soon as they are here.
    """

    def __init__(
        self,
        upload: Upload,
        part: Part,
        file: parts.PartFile,
        records: Records,
        clock: Clock,
        *,
        running: "_Hash | None",
        checksum: Checksum | None,
        whole: bool,
        expiry: Callable[[], Instant],
        look: Look,
    ) -> None:
        self.running = running
        self.start_bytes = part.end_bytes
        self.offset_bytes = part.end_bytes
        self._upload = upload
        self._part = part
        self._file = file
        self._records = records
        self._checksum = checksum
        self._sum = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self._whole = whole
        self._expiry = expiry
        self._look_at = look
        self._is_empty = part.size_bytes == 0
        self.arrival = Arrival(
            file,
            upload.size_bytes - self.start_bytes,
            clock,
            note=self._note,
            keep=None if whole or checksum else self._keep,
        )

    async def take(self, content: AsyncIterator[bytes]) -> None:
        """Return when the content is on disk and the records say so; see `Ingest.append`."""
        try:
            await self.arrival.take(content)
            self._check()
            await uncut(self._keep(self.arrival.received_bytes))
        finally:
            await uncut(asyncio.to_thread(self._let_go))

    def _let_go(self) -> None:
        """Leave no file behind of which it is certain that nothing is promised."""
        if self._is_empty:
            self._file.path.unlink(missing_ok=True)
        self._file.close()

    def _note(self, content: bytes) -> None:
        if self.running:
            self.running.update(content)
        if self._sum:
            self._sum.update(content)

    def _check(self) -> None:
        if self._whole and self.arrival.missing_bytes:
            raise wrong_size(self._upload, f"{self.arrival.received_bytes} came")
        if self._checksum and self._sum and self._sum.digest() != self._checksum.digest:
            found = base64.b64encode(self._sum.digest()).decode()
            raise ChecksumMismatch(
                "ingest.checksum",
                f"the {self._checksum.algorithm} of the {self.arrival.received_bytes} bytes that came is "
                f"{found}, and not what was announced; they are not kept, send them again",
            )

    async def _keep(self, count: int) -> None:
        """Promise the first `count` bytes of this append, which are on disk."""
        end = self.start_bytes + count
        if end == self.offset_bytes:
            return
        self._look(end)
        part = msgspec.structs.replace(self._part, size_bytes=end - self._part.start_bytes)
        upload_id, at, expires_at = self._upload.id, self.offset_bytes, self._expiry()
        was_empty, self._is_empty = self._is_empty, False
        if not await self._records.write(
            lambda db: store.advance(db, upload_id, part, at=at, expires_at=expires_at)
        ):
            self._is_empty = was_empty
            kept = await self._records.read(lambda db: store.upload(db, upload_id))
            raise elsewhere(kept.upload, at) if kept else abandoned()
        self.offset_bytes = end

    def _look(self, end: int) -> None:
        """Refuse what begins like nothing that is wanted as soon as enough of it is here."""
        seen = self.offset_bytes >= HEAD_BYTES or self._part.start_bytes > 0
        if not seen and (end >= HEAD_BYTES or end == self._upload.size_bytes):
            self._look_at(self._file.head(min(end, HEAD_BYTES)))


async def writable(
    records: Records, folder: Path, upload: Upload, chance: Random
) -> tuple[Part, parts.PartFile]:
    """Return the file in which an upload goes on: its last one, or a new one.

    A new one where the last one's writer still holds it, be it that it has not
    noticed yet that its sender is gone.

    Raises:
        Conflict: `ingest.offset`, another sender has moved it meanwhile.
    """
    kept = await records.read(lambda db: store.parts(db, upload.id))
    if kept and (file := await asyncio.to_thread(parts.locked, folder / kept[-1].file)):
        # Read again: whoever held the lock until now may have promised more.
        kept = await records.read(lambda db: store.parts(db, upload.id))
        if kept and kept[-1].end_bytes == upload.offset_bytes and folder / kept[-1].file == file.path:
            await asyncio.to_thread(file.cut, kept[-1].size_bytes)
            return kept[-1], file
        file.close()
    name = f"{upload.id}-{upload.offset_bytes}-{chance.getrandbits(64):016x}{parts.SUFFIX}"
    file = await asyncio.to_thread(parts.created, folder / name)
    return Part(upload.offset_bytes, 0, name), file


def elsewhere(upload: Upload, offset_bytes: int) -> Conflict:
    """Return the error for bytes that do not go on where the upload stands."""
    return Conflict(
        "ingest.offset",
        f"the upload stands at byte {upload.offset_bytes} and not at {offset_bytes}; go on from there",
    )


def wrong_size(upload: Upload, found: str) -> InvalidRequest:
    """Return the error for a PUT of fewer or more bytes than were announced."""
    return InvalidRequest(
        "ingest.wrong_size", f"{upload.size_bytes} bytes were announced and {found}; nothing was kept"
    )
