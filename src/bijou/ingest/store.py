"""The table of uploads."""

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from bijou.catalog import NewTitle
from bijou.ingest.api import Upload, UploadState
from bijou.ports import Instant
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


class Kept(msgspec.Struct, frozen=True):
    """An upload, and the title that its encode is to make."""

    upload: Upload
    title: NewTitle


def add(db: Connection, upload: Upload, title: NewTitle) -> None:
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


def upload(db: Connection, upload_id: str) -> Kept | None:
    """Return one upload."""
    row = db.execute(select(UPLOADS).where(UPLOADS.c.id == upload_id)).first()
    return _kept(row) if row else None


def received(db: Connection, upload_id: str, sha256: str) -> bool:
    """Note that all bytes are here; False where the upload has been forgotten."""
    noted = db.execute(
        update(UPLOADS)
        .where(UPLOADS.c.id == upload_id)
        .values(state=UploadState.RECEIVED.value, received_bytes=UPLOADS.c.size_bytes, sha256=sha256)
    )
    return noted.rowcount == 1


def queued(db: Connection, upload_id: str, job_id: str) -> None:
    """Note which job encodes it."""
    db.execute(update(UPLOADS).where(UPLOADS.c.id == upload_id).values(job=job_id))


def forget(db: Connection, upload_id: str) -> None:
    """Keep it no longer."""
    db.execute(delete(UPLOADS).where(UPLOADS.c.id == upload_id))


def still_open(db: Connection) -> list[Kept]:
    """Return uploads whose bytes are not here, the oldest first."""
    waiting = select(UPLOADS).where(UPLOADS.c.state == UploadState.OPEN.value).order_by(UPLOADS.c.created_at)
    return [_kept(row) for row in db.execute(waiting)]


def without_job(db: Connection) -> list[Kept]:
    """Return uploads whose bytes are here and whose encode was never queued."""
    cut_short = and_(UPLOADS.c.state == UploadState.RECEIVED.value, UPLOADS.c.job == "")
    return [_kept(row) for row in db.execute(select(UPLOADS).where(cut_short).order_by(UPLOADS.c.created_at))]


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    upload = Upload(
        id=row.id,
        filename=row.filename,
        size_bytes=row.size_bytes,
        state=UploadState(row.state),
        created_at=Instant(row.created_at),
        received_bytes=row.received_bytes,
        job=row.job,
    )
    return Kept(upload, codec.decode(row.title, NewTitle))
