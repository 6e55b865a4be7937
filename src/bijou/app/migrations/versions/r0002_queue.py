"""The queue: tasks in a graph, what they need, parts of what they made."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Float64: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    """Make the queue's tables."""
    _tasks()
    op.create_table(
        "queue_needs",
        sa.Column("task", sa.Text(), sa.ForeignKey("queue_tasks.id"), primary_key=True),
        sa.Column("need", sa.Text(), sa.ForeignKey("queue_tasks.id"), primary_key=True),
        sqlite_strict=True,
    )
    op.create_index("queue_needs_need", "queue_needs", ["need"])
    op.create_table(
        "queue_parts",
        sa.Column("task", sa.Text(), sa.ForeignKey("queue_tasks.id"), primary_key=True),
        sa.Column("sequence", sa.Integer(), primary_key=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sequence >= 0", name="queue_parts_sequence"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop them, those that refer to others first."""
    for table in ("queue_parts", "queue_needs", "queue_tasks"):
        op.drop_table(table)


def _tasks() -> None:
    op.create_table(
        "queue_tasks",
        sa.Column("number", _Int64, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("needs", sa.Text(), nullable=False),
        sa.Column("unmet", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("deadline_at", _Int64),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("work_s", _Float64, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", _Int64, nullable=False),
        sa.Column("ready_at", _Int64, nullable=False),
        sa.Column("turn_at", _Int64, nullable=False),
        sa.Column("begin_at", _Int64, nullable=False),
        sa.Column("rank", _Int64, nullable=False),
        sa.Column("not_before_at", _Int64, nullable=False),
        sa.Column("epoch", _Int64, nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("lease_until_at", _Int64),
        sa.Column("progress", _Float64, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("last_words", sa.Text(), nullable=False),
        sa.Column("ended_at", _Int64),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'running', 'done', 'dead', 'cancelled')", name="queue_tasks_state"
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name="queue_tasks_priority"),
        sa.CheckConstraint("attempts >= 1 AND tried >= 0 AND epoch >= tried", name="queue_tasks_tried"),
        sa.CheckConstraint(
            "CASE state WHEN 'waiting' THEN unmet > 0 WHEN 'cancelled' THEN unmet >= 0 ELSE unmet = 0 END",
            name="queue_tasks_unmet",
        ),
        sa.CheckConstraint("(state = 'running') = (lease_until_at IS NOT NULL)", name="queue_tasks_lease"),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name="queue_tasks_progress"),
        sa.CheckConstraint(
            "(state IN ('done', 'dead', 'cancelled')) = (ended_at IS NOT NULL)", name="queue_tasks_ended"
        ),
        sa.CheckConstraint("(state = 'done') = (sha256 <> '')", name="queue_tasks_sha256"),
        sqlite_strict=True,
    )
    op.create_index("queue_tasks_group", "queue_tasks", ["group", "number"])
    _index("queue_tasks_next", "ready", ["kind", "rank", "number"])
    _index("queue_tasks_turn", "ready", ["group", "priority", "turn_at", "number"])
    _index("queue_tasks_lapsing", "running", ["lease_until_at"])
    _index("queue_tasks_waiting", "waiting", ["number"])


def _index(name: str, state: str, columns: list[str]) -> None:
    where = sa.text(f"state = '{state}'")
    op.create_index(name, "queue_tasks", columns, sqlite_where=where, postgresql_where=where)
