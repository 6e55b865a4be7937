"""A file's bytes on their way out: remembered, so that a killed command goes on where it was."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

from bijou.algorithms.backoff import full_jitter
from bijou.app.keys import keep_secret
from bijou.catalog import NewTitle
from bijou.ingest import Checksum, Ingest, NewUpload, Upload, UploadState
from bijou.ports import BijouError, Clock, Conflict, InvalidRequest, NotFound

CHUNK_BYTES = 16 << 20
PATIENCE_S = 120.0

_PIECE_BYTES = 1 << 20
_FORGOTTEN_AFTER_S = 30 * 86400.0
# What may be over by itself: a restart, a cut, a spoiled or an overtaken chunk.
_PASSING = frozenset(
    {
        "http.fault",
        "http.not_a_problem",
        "http.too_many_connections",
        "http.unreachable",
        "ingest.checksum",
        "ingest.interrupted",
        "ingest.silent",
        "records.locked",
    }
)


class Memory:
    """Which upload a file has begun: a small file of mode 0600, gone when the film is there.

    Args:
        folder: Where such files are kept; made where it is missing.
        words: What makes an upload another one, besides the file: the server, the title.
    """

    def __init__(self, folder: Path, file: Path, *words: str) -> None:
        found = file.stat()
        what = "\n".join([str(file.resolve()), str(found.st_size), str(found.st_mtime_ns), *words])
        self._place = folder / hashlib.sha256(what.encode()).hexdigest()[:32]

    def recall(self) -> str:
        """Return the upload's id; empty where none was begun."""
        return self._place.read_text(encoding="utf-8").strip() if self._place.is_file() else ""

    def keep(self, upload_id: str, clock: Clock) -> None:
        """Remember an upload; forget those of a month ago."""
        self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest_ns = clock.now().plus_s(-_FORGOTTEN_AFTER_S) * 1000
        for other in self._place.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another command has forgotten it meanwhile
                if other.stat().st_mtime_ns < oldest_ns:
                    other.unlink()
        keep_secret(self._place, upload_id)

    def forget(self) -> None:
        """Begin anew the next time."""
        self._place.unlink(missing_ok=True)


async def begun(ingest: Ingest, file: Path, title: NewTitle, memory: Memory, clock: Clock) -> Upload:
    """Return the upload to go on with: the one that this file has begun, or a new one."""
    if upload_id := memory.recall():
        try:
            return await ingest.upload(upload_id)
        except NotFound:
            memory.forget()
    upload = await ingest.open(NewUpload(file.name, size_bytes=file.stat().st_size, title=title))
    memory.keep(upload.id, clock)
    return upload


class Sender:
    """Sends what is missing of a file, in pieces that are each summed up and kept or not.

    A server that is away is waited for, as long as it comes back within
    `PATIENCE_S`; the wait between two tries is drawn (full jitter).

    Args:
        advance: Told of bytes that the server has kept.
    """

    def __init__(
        self,
        ingest: Ingest,
        file: Path,
        clock: Clock,
        chance: Random,
        advance: Callable[[int], None],
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._ingest = ingest
        self._file = file
        self._clock = clock
        self._chance = chance
        self._advance = advance
        self._chunk_bytes = chunk_bytes
        self._shown_bytes = 0

    async def deliver(self, upload: Upload) -> Upload:
        """Return the upload when all of it is there and its encode is queued.

        Raises:
            InvalidRequest: `cli.file_changed` meanwhile; or what the server says of it.
            EngineUnavailable: the server was away for too long.
        """
        self._show(upload)
        while upload.state is not UploadState.RECEIVED:
            upload = await self._patiently(upload)
            self._show(upload)
        return upload

    async def _patiently(self, upload: Upload) -> Upload:
        patient_until_ns = self._clock.monotonic_ns() + round(PATIENCE_S * 1e9)
        failures = 0
        while True:
            try:
                known = await self._ingest.upload(upload.id) if failures else upload
                return await self._send_one(known)
            except BijouError as error:
                if error.code not in _PASSING or self._clock.monotonic_ns() >= patient_until_ns:
                    raise
            await self._clock.sleep(full_jitter(failures, base_s=0.5, cap_s=4, chance=self._chance))
            failures += 1

    async def _send_one(self, upload: Upload) -> Upload:
        chunk = await asyncio.to_thread(self._read, upload)
        checksum = Checksum("sha256", hashlib.sha256(chunk).digest()) if chunk else None
        try:
            return await self._ingest.append(
                upload.id, upload.offset_bytes, _pieces(chunk), checksum=checksum
            )
        except Conflict as error:
            if error.code != "ingest.offset":
                raise
            return await self._ingest.upload(upload.id)

    def _read(self, upload: Upload) -> bytes:
        with self._file.open("rb") as source:
            source.seek(upload.offset_bytes)
            chunk = source.read(min(self._chunk_bytes, upload.size_bytes - upload.offset_bytes))
        now_bytes = self._file.stat().st_size
        if now_bytes != upload.size_bytes:
            raise InvalidRequest(
                "cli.file_changed",
                f"{self._file} has {now_bytes} bytes and had {upload.size_bytes} when its upload began; "
                "send it again when it is complete",
            )
        return chunk

    def _show(self, upload: Upload) -> None:
        self._advance(upload.offset_bytes - self._shown_bytes)
        self._shown_bytes = upload.offset_bytes


async def _pieces(chunk: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(chunk), _PIECE_BYTES):
        yield chunk[start : start + _PIECE_BYTES]
