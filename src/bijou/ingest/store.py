"""The tables of uploads: what was announced, how far it is, and the pieces of it that lie here."""

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from bijou.catalog import NewTitle
from bijou.ingest.api import Upload, UploadState
from bijou.ports import Conflict, Instant
from bijou.runtime import codec

METADATA = MetaData()
_Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone

UPLOADS = Table(
    "ingest_uploads",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("size_bytes", _Int64, nullable=False),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", _Int64, nullable=False),
    Column("received_bytes", _Int64, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("job", Text, nullable=False),
    CheckConstraint("id LIKE 'upl\\_%' ESCAPE '\\'", name="ingest_uploads_id"),
    CheckConstraint("length(filename) BETWEEN 1 AND 255", name="ingest_uploads_filename"),
    CheckConstraint("size_bytes > 0", name="ingest_uploads_size"),
    CheckConstraint(
        "(state = 'open' AND received_bytes = 0 AND sha256 = '' AND job = '') OR "
        "(state = 'received' AND received_bytes = size_bytes AND length(sha256) = 64)",
        name="ingest_uploads_received",
    ),
    Index("ingest_uploads_state", "state", "created_at"),
    sqlite_strict=True,
)

PROGRESS = Table(
    "ingest_progress",
    METADATA,
    Column("upload_id", Text, ForeignKey("ingest_uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("offset_bytes", _Int64, nullable=False),
    Column("expires_at", _Int64, nullable=False),
    Column("metadata", Text, nullable=False),
    CheckConstraint("offset_bytes >= 0", name="ingest_progress_offset"),
    CheckConstraint("length(metadata) <= 8192", name="ingest_progress_metadata"),
    Index("ingest_progress_owner", "owner"),
    sqlite_strict=True,
)

PARTS = Table(
    "ingest_parts",
    METADATA,
    Column("upload_id", Text, ForeignKey("ingest_uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("start_bytes", _Int64, primary_key=True),
    Column("size_bytes", _Int64, nullable=False),
    Column("file", Text, nullable=False),
    CheckConstraint("start_bytes >= 0 AND size_bytes > 0", name="ingest_parts_range"),
    CheckConstraint("length(file) BETWEEN 1 AND 255", name="ingest_parts_file"),
    sqlite_strict=True,
)

_JOINED = select(UPLOADS, PROGRESS).join(PROGRESS, PROGRESS.c.upload_id == UPLOADS.c.id)


class Part(msgspec.Struct, frozen=True):
    """Bytes [start, start + size) of an upload, at the beginning of a file.

    What is in the file beyond them was never promised to anybody.
    """

    start_bytes: int
    size_bytes: int
    file: str

    @property
    def end_bytes(self) -> int:
        """Where the next part begins."""
        return self.start_bytes + self.size_bytes


class Kept(msgspec.Struct, frozen=True):
    """An upload, and the title that its encode is to make."""

    upload: Upload
    title: NewTitle


def add(db: Connection, upload: Upload, title: NewTitle, *, owner: str) -> None:
    """Keep an announced upload."""
    db.execute(
        insert(UPLOADS).values(
            id=upload.id,
            filename=upload.filename,
            size_bytes=upload.size_bytes,
            title=codec.encode(title).decode(),
            state=upload.state.value,
            created_at=int(upload.created_at),
            received_bytes=0,
            sha256="",
            job="",
        )
    )
    db.execute(
        insert(PROGRESS).values(
            upload_id=upload.id,
            owner=owner,
            offset_bytes=0,
            expires_at=int(upload.expires_at),
            metadata=upload.metadata,
        )
    )


def unfinished_bytes(db: Connection, owner: str | None = None) -> int:
    """Return what open uploads have announced, in all or of one person."""
    total = select(func.coalesce(func.sum(UPLOADS.c.size_bytes), 0)).join(
        PROGRESS, PROGRESS.c.upload_id == UPLOADS.c.id
    )
    total = total.where(UPLOADS.c.state == UploadState.OPEN.value)
    if owner is not None:
        total = total.where(PROGRESS.c.owner == owner)
    return int(db.scalar(total) or 0)


def upload(db: Connection, upload_id: str) -> Kept | None:
    """Return one upload."""
    row = db.execute(_JOINED.where(UPLOADS.c.id == upload_id)).first()
    return _kept(row) if row else None


def parts(db: Connection, upload_id: str) -> list[Part]:
    """Return the pieces of an upload that are here, in order."""
    found = select(PARTS).where(PARTS.c.upload_id == upload_id).order_by(PARTS.c.start_bytes)
    return [Part(row.start_bytes, row.size_bytes, row.file) for row in db.execute(found)]


def files(db: Connection) -> set[str]:
    """Return the names of all files that hold a promised byte."""
    return set(db.scalars(select(PARTS.c.file)))


def advance(db: Connection, upload_id: str, part: Part, *, at: int, expires_at: Instant) -> bool:
    """Move an upload's offset from `at` to the end of `part`; False where it is not at `at` any more.

    The one place where two senders of the same bytes meet: one of them wins.
    """
    moved = db.execute(
        update(PROGRESS)
        .where(PROGRESS.c.upload_id == upload_id, PROGRESS.c.offset_bytes == at)
        .values(offset_bytes=part.end_bytes, expires_at=int(expires_at))
    )
    if moved.rowcount != 1:
        return False
    grown = db.execute(
        update(PARTS)
        .where(
            PARTS.c.upload_id == upload_id,
            PARTS.c.start_bytes == part.start_bytes,
            PARTS.c.file == part.file,
        )
        .values(size_bytes=part.size_bytes)
    )
    if grown.rowcount == 0 and at > part.start_bytes:
        raise Conflict("ingest.offset", f"upload {upload_id} was begun anew while these bytes came")
    if grown.rowcount == 0:
        db.execute(insert(PARTS).values(upload_id=upload_id, **msgspec.structs.asdict(part)))
    return True


def restart(db: Connection, upload_id: str) -> list[str]:
    """Put an upload back to its first byte; returns the files that nobody needs now."""
    freed = list(db.scalars(select(PARTS.c.file).where(PARTS.c.upload_id == upload_id)))
    db.execute(delete(PARTS).where(PARTS.c.upload_id == upload_id))
    db.execute(update(PROGRESS).where(PROGRESS.c.upload_id == upload_id).values(offset_bytes=0))
    return freed


def received(db: Connection, upload_id: str, sha256: str) -> bool:
    """Note that all bytes are in the blobs; False where the upload has been forgotten."""
    noted = db.execute(
        update(UPLOADS)
        .where(UPLOADS.c.id == upload_id)
        .values(state=UploadState.RECEIVED.value, received_bytes=UPLOADS.c.size_bytes, sha256=sha256)
    )
    db.execute(
        update(PROGRESS)
        .where(PROGRESS.c.upload_id == upload_id)
        .values(offset_bytes=select(UPLOADS.c.size_bytes).where(UPLOADS.c.id == upload_id).scalar_subquery())
    )
    db.execute(delete(PARTS).where(PARTS.c.upload_id == upload_id))
    return noted.rowcount == 1


def queued(db: Connection, upload_id: str, job_id: str) -> None:
    """Note which job encodes it."""
    db.execute(update(UPLOADS).where(UPLOADS.c.id == upload_id).values(job=job_id))


def forget(db: Connection, upload_id: str) -> list[str]:
    """Keep it no longer; returns the files that nobody needs now."""
    freed = list(db.scalars(select(PARTS.c.file).where(PARTS.c.upload_id == upload_id)))
    db.execute(delete(UPLOADS).where(UPLOADS.c.id == upload_id))
    return freed


def still_open(db: Connection) -> list[Kept]:
    """Return uploads whose bytes are not all in the blobs, the oldest first."""
    waiting = _JOINED.where(UPLOADS.c.state == UploadState.OPEN.value).order_by(UPLOADS.c.created_at)
    return [_kept(row) for row in db.execute(waiting)]


def without_job(db: Connection) -> list[Kept]:
    """Return uploads whose bytes are here and whose encode was never queued."""
    cut_short = and_(UPLOADS.c.state == UploadState.RECEIVED.value, UPLOADS.c.job == "")
    return [_kept(row) for row in db.execute(_JOINED.where(cut_short).order_by(UPLOADS.c.created_at))]


def _kept(row: Row[Any]) -> Kept:
    upload = Upload(
        id=row.id,
        filename=row.filename,
        size_bytes=row.size_bytes,
        state=UploadState(row.state),
        created_at=Instant(row.created_at),
        received_bytes=row.offset_bytes,
        offset_bytes=row.offset_bytes,
        expires_at=Instant(row.expires_at),
        job=row.job,
        metadata=row.metadata,
    )
    return Kept(upload, codec.decode(row.title, NewTitle))
