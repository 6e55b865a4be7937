"""Uploads: bytes come in, an encode job goes out."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Protocol

import msgspec

from bijou.catalog import NewTitle
from bijou.ports import Instant


class UploadState(StrEnum):
    """Whether the bytes are here yet."""

    OPEN = "open"
    RECEIVED = "received"


class NewUpload(msgspec.Struct, frozen=True):
    """What a caller says before sending the bytes."""

    filename: str
    size_bytes: int
    title: NewTitle | None = None


class Upload(msgspec.Struct, frozen=True):
    """One file on its way in.

    Args:
        job: `job_…` once the bytes are here.
    """

    id: str
    filename: str
    size_bytes: int
    state: UploadState
    created_at: Instant
    received_bytes: int = 0
    job: str = ""


class Ingest(Protocol):
    """Receives files; knows nothing of what is in them."""

    async def open(self, new: NewUpload) -> Upload:
        """Announce a file.

        Raises:
            InvalidRequest: `ingest.empty`, `ingest.too_large` (the limit is a
                setting), `ingest.bad_filename`.
            EngineUnavailable: `ingest.disk_full`, the volume has not the room.
        """
        ...

    async def receive(self, upload_id: str, content: AsyncIterator[bytes]) -> Upload:
        """Take the bytes and queue the encode; all or nothing.

        Raises:
            InvalidRequest: `ingest.wrong_size`, more or fewer bytes than announced;
                `ingest.silent`, nothing came for a minute; `ingest.interrupted`.
            Conflict: `ingest.already_received`, here or under way;
                `ingest.abandoned` meanwhile.
            EngineUnavailable: `ingest.disk_full`.
            NotFound: `ingest.no_upload`.
        """
        ...

    async def upload(self, upload_id: str) -> Upload:
        """Return one upload; NotFound `ingest.no_upload`."""
        ...

    async def abandon(self, upload_id: str) -> None:
        """Forget an upload and whatever has come of it.

        Raises:
            Conflict: `ingest.already_received`, its encode is queued.
            NotFound: `ingest.no_upload`.
        """
        ...
