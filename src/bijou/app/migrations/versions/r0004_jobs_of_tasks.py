"""Jobs whose work is tasks of the queue; what was being encoded the old way begins anew."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table that is meant now; jobs that had not ended are queued again."""
    op.create_table(
        "encoding_jobs_next",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("recipes", sa.Text(), nullable=False),
        sa.Column("base", sa.Text()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("deadline_at", _Int64),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", _Int64, nullable=False),
        sa.Column("ended_at", _Int64),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("progress", sa.REAL(), nullable=False),
        sa.Column("speed", sa.REAL(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("watchable", sa.Integer(), nullable=False),
        sa.Column("announced", sa.Integer(), nullable=False),
        sa.Column("cleaned", sa.Integer(), nullable=False),
        sa.CheckConstraint("id LIKE 'job\\_%' ESCAPE '\\'", name="encoding_jobs_id"),
        sa.CheckConstraint("asset LIKE 'ast\\_%' ESCAPE '\\'", name="encoding_jobs_asset"),
        sa.CheckConstraint("version >= 1 AND (version = 1) = (base IS NULL)", name="encoding_jobs_version"),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name="encoding_jobs_priority"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'refused', 'failed')", name="encoding_jobs_state"
        ),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (ended_at IS NULL)", name="encoding_jobs_ended"
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name="encoding_jobs_progress"),
        sa.CheckConstraint("speed >= 0", name="encoding_jobs_speed"),
        sa.CheckConstraint("attempts >= 0", name="encoding_jobs_attempts"),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'failed') OR problem IS NOT NULL", name="encoding_jobs_problem"
        ),
        sa.CheckConstraint("state <> 'done' OR title <> ''", name="encoding_jobs_title"),
        sa.CheckConstraint(
            "watchable IN (0, 1) AND announced BETWEEN 0 AND 2 AND (watchable = 0 OR announced > 0)",
            name="encoding_jobs_announced",
        ),
        sa.CheckConstraint(
            "cleaned = 0 OR (cleaned = 1 AND state IN ('done', 'refused'))", name="encoding_jobs_cleaned"
        ),
        sa.UniqueConstraint("asset", "version", name="encoding_jobs_once"),
        sa.UniqueConstraint("source", "version", name="encoding_jobs_source"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO encoding_jobs_next (id, asset, version, source, filename, new, recipes, base, priority, "
        "deadline_at, state, created_at, ended_at, step, progress, speed, attempts, problem, title, "
        "watchable, announced, cleaned) "
        """SELECT id, asset, 1, source, filename, new, '["h264_aac"]', NULL, 4, NULL, """
        "CASE state WHEN 'running' THEN 'queued' ELSE state END, created_at, "
        "CASE WHEN state IN ('queued', 'running') THEN NULL ELSE created_at END, "
        "CASE WHEN state IN ('queued', 'running') THEN '' ELSE step END, "
        "CASE WHEN state IN ('queued', 'running') THEN 0.0 ELSE progress END, speed, attempts, "
        "CASE WHEN state IN ('queued', 'running') THEN NULL ELSE problem END, title, "
        "CASE state WHEN 'done' THEN 1 ELSE 0 END, CASE state WHEN 'done' THEN 2 ELSE 0 END, source_deleted "
        "FROM encoding_jobs"
    )
    op.drop_table("encoding_jobs")
    op.rename_table("encoding_jobs_next", "encoding_jobs")
    op.create_index("encoding_jobs_state", "encoding_jobs", ["state", "created_at"])


def downgrade() -> None:
    """Go back to jobs that one worker holds; those that add codecs are lost."""
    op.create_table(
        "encoding_jobs_next",
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
    op.execute(
        "INSERT INTO encoding_jobs_next (id, asset, source, filename, new, state, created_at, step, "
        "progress, speed, epoch, attempts, worker, lease_until_at, problem, title, source_deleted) "
        "SELECT id, asset, source, filename, new, "
        "CASE state WHEN 'running' THEN 'queued' ELSE state END, created_at, step, progress, speed, "
        "0, 0, '', NULL, problem, CASE state WHEN 'done' THEN title ELSE '' END, "
        "CASE state WHEN 'refused' THEN cleaned ELSE 0 END FROM encoding_jobs WHERE version = 1"
    )
    op.drop_table("encoding_jobs")
    op.rename_table("encoding_jobs_next", "encoding_jobs")
    op.create_index("encoding_jobs_waiting", "encoding_jobs", ["state", "created_at"])
