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
        received_bytes: Bytes that have come so far; those on their way count.
        offset_bytes: Bytes that are kept whatever happens; an interrupted
            upload goes on from here.
        expires_at: When it is forgotten unless more comes.
        metadata: `Upload-Metadata`, as a sender by tus wrote it.
        job: `job_…` once the bytes are here.
    """

    id: str
    filename: str
    size_bytes: int
    state: UploadState
    created_at: Instant
    received_bytes: int = 0
    job: str = ""
    offset_bytes: int = 0
    expires_at: Instant = Instant(0)
    metadata: str = ""


class Checksum(msgspec.Struct, frozen=True):
    """What the bytes of one `append` must come to.

    Args:
        algorithm: `sha256` or `sha1`.
    """

    algorithm: str
    digest: bytes


class Queued(Protocol):
    """What somebody does with a file."""

    @property
    def id(self) -> str:
        """By which it can be asked for."""
        ...


class Destination(Protocol):
    """Takes files whose bytes are all here; `Encoding` is one."""

    async def submit(self, source: str, filename: str, new: NewTitle) -> Queued:
        """Take over a blob; the same blob twice gives the same answer."""
        ...

    async def cancel(self, job_id: str) -> object:
        """Give up what was begun with a file."""
        ...


class Ingest(Protocol):
    """Receives files; of what is in them it looks at the first bytes alone."""

    async def open(self, new: NewUpload, *, owner: str = "", metadata: str = "") -> Upload:
        """Announce a file.

        Args:
            owner: Who sends it, for the quota; over a wire, whoever the wire speaks for.
            metadata: Kept as it is and told again; over a wire, only tus carries it.

        Raises:
            InvalidRequest: `ingest.empty`, `ingest.too_large` (the limit is a
                setting), `ingest.bad_filename`.
            Overloaded: `ingest.quota`, too much is unfinished, in all or by this person.
            EngineUnavailable: `ingest.disk_full`, the volume has not the room.
        """
        ...

    async def append(
        self,
        upload_id: str,
        offset_bytes: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Upload:
        """Take some of the bytes, from an offset on; the last ones queue the encode.

        What it returns is durable. Of an append that breaks off, what came is
        kept, or nothing where it has a checksum. Two senders at once are safe:
        of the same bytes, those of one are kept, and the other gets a Conflict.
        With no content, it finishes an upload whose bytes are all here.

        Raises:
            InvalidRequest: `ingest.overrun`, more came than was announced;
                `ingest.checksum`; `ingest.silent`, nothing came for a minute;
                `ingest.interrupted`; what begins like no film, as
                `bijou.encoding.sniff` says, and is forgotten.
            Conflict: `ingest.offset`, the upload stands elsewhere: ask `upload`
                for `offset_bytes` and go on there; `ingest.abandoned`.
            EngineUnavailable: `ingest.disk_full`.
            NotFound: `ingest.no_upload`, it has expired or never was.
        """
        ...

    async def receive(self, upload_id: str, content: AsyncIterator[bytes]) -> Upload:
        """Take all the bytes in one go and queue the encode; all or nothing.

        Whatever an `append` has brought before is forgotten.

        Raises:
            InvalidRequest: `ingest.wrong_size`, more or fewer bytes than announced;
                `ingest.silent`, nothing came for a minute; `ingest.interrupted`;
                what begins like no film, as `bijou.encoding.sniff` says.
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
        """Forget an upload; one whose encode is queued or at work is cancelled.

        Raises:
            Conflict: `encoding.already_ended`, its encode is over.
            NotFound: `ingest.no_upload`.
        """
        ...
