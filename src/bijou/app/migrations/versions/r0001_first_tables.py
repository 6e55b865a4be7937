"""The first tables: people, titles, jobs, uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the first rooms."""
    _accounts()
    _catalog()
    _encoding()
    _ingest()


def downgrade() -> None:
    """Drop them, those that refer to others first."""
    for table in (
        "ingest_uploads",
        "encoding_jobs",
        "catalog_titles",
        "accounts_profiles",
        "accounts_sessions",
        "accounts_roles",
        "accounts_users",
    ):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "accounts_users",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", _Int64, nullable=False),
        sa.CheckConstraint("id LIKE 'usr\\_%' ESCAPE '\\'", name="accounts_users_id"),
        sa.CheckConstraint(
            "length(name) BETWEEN 1 AND 254 AND name = lower(name)", name="accounts_users_name"
        ),
        sa.CheckConstraint("password_hash LIKE '$argon2id$%'", name="accounts_users_password_hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "accounts_profiles",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column(
            "user_id", sa.Text(), sa.ForeignKey("accounts_users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.CheckConstraint("colour LIKE '#______'", name="accounts_profiles_colour"),
        sa.CheckConstraint("id LIKE 'prf\\_%' ESCAPE '\\'", name="accounts_profiles_id"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 40", name="accounts_profiles_name"),
        sa.UniqueConstraint("user_id", "name", name="accounts_profiles_once"),
        sqlite_strict=True,
    )
    op.create_table(
        "accounts_roles",
        sa.Column(
            "user_id", sa.Text(), sa.ForeignKey("accounts_users.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("role", sa.Text(), primary_key=True),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'adops', 'operator')", name="accounts_roles_role"),
        sqlite_strict=True,
    )
    op.create_table(
        "accounts_sessions",
        sa.Column("token_sha256", sa.Text(), primary_key=True),
        sa.Column(
            "user_id", sa.Text(), sa.ForeignKey("accounts_users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("created_at", _Int64, nullable=False),
        sa.Column("expires_at", _Int64, nullable=False),
        sa.CheckConstraint("expires_at > created_at", name="accounts_sessions_expiry"),
        sa.CheckConstraint("length(token_sha256) = 64", name="accounts_sessions_token"),
        sqlite_strict=True,
    )
    op.create_index("accounts_sessions_expires_at", "accounts_sessions", ["expires_at"])


def _catalog() -> None:
    op.create_table(
        "catalog_titles",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("slug", sa.Text(), nullable=False, unique=True),
        sa.Column("asset", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("synopsis", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("accent", sa.Text(), nullable=False),
        sa.Column("published_at", _Int64, nullable=False),
        sa.Column("withdrawn_at", _Int64),
        sa.Column("publication_version", sa.Integer(), nullable=False),
        sa.Column("publication", sa.Text(), nullable=False),
        sa.CheckConstraint("accent = '' OR accent LIKE '#______'", name="catalog_titles_accent"),
        sa.CheckConstraint("id LIKE 'ttl\\_%' ESCAPE '\\'", name="catalog_titles_id"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name="catalog_titles_name"),
        sa.CheckConstraint("publication_version >= 1", name="catalog_titles_publication_version"),
        sa.CheckConstraint('length("row") BETWEEN 1 AND 80', name="catalog_titles_row"),
        sa.CheckConstraint("length(slug) BETWEEN 1 AND 100", name="catalog_titles_slug"),
        sa.CheckConstraint("length(synopsis) <= 5000", name="catalog_titles_synopsis"),
        sa.CheckConstraint("withdrawn_at >= published_at", name="catalog_titles_withdrawn"),
        sa.CheckConstraint("year = 0 OR year BETWEEN 1870 AND 2200", name="catalog_titles_year"),
        sqlite_strict=True,
    )
    op.create_index("catalog_titles_published_at", "catalog_titles", ["published_at"])


def _encoding() -> None:
    op.create_table(
        "encoding_jobs",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("asset", sa.Text(), nullable=False, unique=True),
        sa.Column("source", sa.Text(), nullable=False, unique=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", _Int64, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("progress", sa.REAL(), nullable=False),
        sa.Column("speed", sa.REAL(), nullable=False),
        sa.Column("epoch", _Int64, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("lease_until_at", _Int64),
        sa.Column("problem", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source_deleted", sa.Integer(), nullable=False),
        sa.CheckConstraint("asset LIKE 'ast\\_%' ESCAPE '\\'", name="encoding_jobs_asset"),
        sa.CheckConstraint("epoch >= attempts AND attempts >= 0", name="encoding_jobs_epoch"),
        sa.CheckConstraint("id LIKE 'job\\_%' ESCAPE '\\'", name="encoding_jobs_id"),
        sa.CheckConstraint("(state = 'running') = (lease_until_at IS NOT NULL)", name="encoding_jobs_lease"),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'failed') OR problem IS NOT NULL", name="encoding_jobs_problem"
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name="encoding_jobs_progress"),
        sa.CheckConstraint(
            "source_deleted = 0 OR (source_deleted = 1 AND state = 'refused')", name="encoding_jobs_source"
        ),
        sa.CheckConstraint("speed >= 0", name="encoding_jobs_speed"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'refused', 'failed')", name="encoding_jobs_state"
        ),
        sa.CheckConstraint("(state = 'done') = (title <> '')", name="encoding_jobs_title"),
        sqlite_strict=True,
    )
    op.create_index("encoding_jobs_waiting", "encoding_jobs", ["state", "created_at"])


def _ingest() -> None:
    op.create_table(
        "ingest_uploads",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", _Int64, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", _Int64, nullable=False),
        sa.Column("received_bytes", _Int64, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.CheckConstraint("length(filename) BETWEEN 1 AND 255", name="ingest_uploads_filename"),
        sa.CheckConstraint("id LIKE 'upl\\_%' ESCAPE '\\'", name="ingest_uploads_id"),
        sa.CheckConstraint(
            "(state = 'open' AND received_bytes = 0 AND sha256 = '' AND job = '') OR "
            "(state = 'received' AND received_bytes = size_bytes AND length(sha256) = 64)",
            name="ingest_uploads_received",
        ),
        sa.CheckConstraint("size_bytes > 0", name="ingest_uploads_size"),
        sqlite_strict=True,
    )
    op.create_index("ingest_uploads_state", "ingest_uploads", ["state", "created_at"])
