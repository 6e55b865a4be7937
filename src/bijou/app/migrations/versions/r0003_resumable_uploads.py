"""Resumable uploads: how far each one is, and the pieces of it that lie here."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the two tables; uploads that were announced before begin at their first byte."""
    op.create_table(
        "ingest_progress",
        _upload(),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("offset_bytes", _Int64, nullable=False),
        sa.Column("expires_at", _Int64, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.CheckConstraint("offset_bytes >= 0", name="ingest_progress_offset"),
        sa.CheckConstraint("length(metadata) <= 8192", name="ingest_progress_metadata"),
        sqlite_strict=True,
    )
    op.create_index("ingest_progress_owner", "ingest_progress", ["owner"])
    op.create_table(
        "ingest_parts",
        _upload(),
        sa.Column("start_bytes", _Int64, primary_key=True),
        sa.Column("size_bytes", _Int64, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.CheckConstraint("start_bytes >= 0 AND size_bytes > 0", name="ingest_parts_range"),
        sa.CheckConstraint("length(file) BETWEEN 1 AND 255", name="ingest_parts_file"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO ingest_progress (upload_id, owner, offset_bytes, expires_at, metadata) "
        "SELECT id, '', received_bytes, created_at + 86400000000, '' FROM ingest_uploads"
    )


def downgrade() -> None:
    """Drop them; what was sent half is to be sent again."""
    op.drop_table("ingest_parts")
    op.drop_table("ingest_progress")


def _upload() -> sa.Column[str]:
    return sa.Column(
        "upload_id", sa.Text(), sa.ForeignKey("ingest_uploads.id", ondelete="CASCADE"), primary_key=True
    )
