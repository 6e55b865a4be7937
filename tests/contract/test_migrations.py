"""The chain of table changes: up and down, equal to the rooms', and its checks."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect

from bijou.accounts.store import METADATA as ACCOUNTS
from bijou.ads.store import METADATA as ADS
from bijou.app import schema
from bijou.catalog.store import METADATA as CATALOG
from bijou.encoding.store import METADATA as ENCODING
from bijou.engines.queue_tables import METADATA as QUEUE
from bijou.ingest.store import METADATA as INGEST
from bijou.ports import EngineUnavailable
from tests.contract.ads import rows as ads_rows

ROOMS: list[MetaData] = [ACCOUNTS, ADS, CATALOG, ENCODING, INGEST, QUEUE]

USER = {"id": "usr_1", "name": "ada", "password_hash": "$argon2id$x", "created_at": 1}
TITLE = {
    "id": "ttl_1",
    "slug": "sintel",
    "asset": "ast_1",
    "name": "Sintel",
    "synopsis": "",
    "row": "New here",
    "year": 2010,
    "accent": "#ffb84d",
    "published_at": 5,
    "withdrawn_at": None,
    "publication_version": 1,
    "publication": "{}",
}
JOB = {
    "id": "job_1",
    "asset": "ast_1",
    "version": 1,
    "source": "uploads/upl_1",
    "filename": "f",
    "new": "{}",
    "recipes": "[]",
    "base": None,
    "priority": 4,
    "deadline_at": None,
    "state": "queued",
    "created_at": 1,
    "ended_at": None,
    "step": "",
    "progress": 0.0,
    "speed": 0.0,
    "attempts": 0,
    "problem": None,
    "title": "",
    "watchable": 0,
    "announced": 0,
    "cleaned": 0,
}
UPLOAD = {
    "id": "upl_1",
    "filename": "f",
    "size_bytes": 5,
    "title": "{}",
    "state": "open",
    "created_at": 1,
    "received_bytes": 0,
    "sha256": "",
    "job": "",
}
PROGRESS = {
    "upload_id": "upl_1",
    "owner": "usr_1",
    "offset_bytes": 0,
    "expires_at": 2,
    "metadata": "",
}
PART = {"upload_id": "upl_1", "start_bytes": 0, "size_bytes": 5, "file": "upl_1.0"}
SESSION = {"token_sha256": "a" * 64, "user_id": "usr_1", "created_at": 1, "expires_at": 2}
PROFILE = {"id": "prf_1", "user_id": "usr_1", "name": "Ada", "colour": "#ffb84d"}
ROLE = {"user_id": "usr_1", "role": "viewer"}
TASK = {
    "id": "film/plan",
    "group": "film",
    "kind": "plan",
    "payload": b"",
    "needs": "[]",
    "unmet": 0,
    "priority": 4,
    "deadline_at": None,
    "attempts": 5,
    "work_s": 1.0,
    "state": "ready",
    "created_at": 1,
    "ready_at": 1,
    "turn_at": 1,
    "begin_at": 1,
    "rank": 1,
    "not_before_at": 0,
    "epoch": 0,
    "tried": 0,
    "worker": "",
    "lease_until_at": None,
    "progress": 0.0,
    "note": "",
    "sha256": "",
    "result": b"",
    "problem": None,
    "last_words": "",
    "ended_at": None,
}
GOOD: dict[str, dict[str, Any]] = {
    "accounts_users": USER,
    "accounts_roles": ROLE,
    "accounts_sessions": SESSION,
    "accounts_profiles": PROFILE,
    "catalog_titles": TITLE,
    "encoding_jobs": JOB,
    "ingest_uploads": UPLOAD,
    "ingest_progress": PROGRESS,
    "ingest_parts": PART,
    "queue_tasks": TASK,
    "queue_needs": {"task": "film/plan", "need": "film/plan"},
    "queue_parts": {"task": "film/plan", "sequence": 0, "sha256": "a" * 64, "result": b""},
    **ads_rows.GOOD,
}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("accounts_users", {"id": "ada"}, "accounts_users_id"),
    ("accounts_users", {"name": "Ada"}, "accounts_users_name"),
    ("accounts_users", {"name": ""}, "accounts_users_name"),
    ("accounts_users", {"password_hash": "secret"}, "accounts_users_password_hash"),
    ("accounts_users", {"created_at": "yesterday"}, "cannot store TEXT value in INTEGER column"),
    ("accounts_roles", {"role": "service"}, "accounts_roles_role"),
    ("accounts_roles", {"user_id": "usr_2"}, "FOREIGN KEY"),
    ("accounts_sessions", {"token_sha256": "token"}, "accounts_sessions_token"),
    ("accounts_sessions", {"expires_at": 1}, "accounts_sessions_expiry"),
    ("accounts_profiles", {"id": "ada"}, "accounts_profiles_id"),
    ("accounts_profiles", {"name": "x" * 41}, "accounts_profiles_name"),
    ("accounts_profiles", {"colour": "red"}, "accounts_profiles_colour"),
    ("accounts_profiles", {"id": "prf_2"}, "UNIQUE"),
    ("catalog_titles", {"id": "sintel"}, "catalog_titles_id"),
    ("catalog_titles", {"slug": ""}, "catalog_titles_slug"),
    ("catalog_titles", {"name": "x" * 201}, "catalog_titles_name"),
    ("catalog_titles", {"synopsis": "x" * 5001}, "catalog_titles_synopsis"),
    ("catalog_titles", {"row": ""}, "catalog_titles_row"),
    ("catalog_titles", {"year": 1600}, "catalog_titles_year"),
    ("catalog_titles", {"accent": "red"}, "catalog_titles_accent"),
    ("catalog_titles", {"withdrawn_at": 4}, "catalog_titles_withdrawn"),
    ("catalog_titles", {"publication_version": 0}, "catalog_titles_publication_version"),
    ("encoding_jobs", {"id": "x"}, "encoding_jobs_id"),
    ("encoding_jobs", {"asset": "x"}, "encoding_jobs_asset"),
    ("encoding_jobs", {"state": "lost"}, "encoding_jobs_state"),
    ("encoding_jobs", {"progress": 1.5}, "encoding_jobs_progress"),
    ("encoding_jobs", {"speed": -1.0}, "encoding_jobs_speed"),
    ("encoding_jobs", {"attempts": -1}, "encoding_jobs_attempts"),
    ("encoding_jobs", {"version": 0}, "encoding_jobs_version"),
    ("encoding_jobs", {"version": 2}, "encoding_jobs_version"),
    ("encoding_jobs", {"base": "{}"}, "encoding_jobs_version"),
    ("encoding_jobs", {"priority": 10}, "encoding_jobs_priority"),
    ("encoding_jobs", {"state": "failed", "problem": "{}"}, "encoding_jobs_ended"),
    ("encoding_jobs", {"ended_at": 5}, "encoding_jobs_ended"),
    ("encoding_jobs", {"state": "done", "ended_at": 5}, "encoding_jobs_title"),
    ("encoding_jobs", {"state": "failed", "ended_at": 5}, "encoding_jobs_problem"),
    ("encoding_jobs", {"watchable": 1}, "encoding_jobs_announced"),
    ("encoding_jobs", {"announced": 3}, "encoding_jobs_announced"),
    ("encoding_jobs", {"cleaned": 1}, "encoding_jobs_cleaned"),
    ("encoding_jobs", {"id": "job_2"}, "UNIQUE"),
    ("ingest_uploads", {"id": "x"}, "ingest_uploads_id"),
    ("ingest_uploads", {"filename": ""}, "ingest_uploads_filename"),
    ("ingest_uploads", {"size_bytes": 0}, "ingest_uploads_size"),
    ("ingest_uploads", {"state": "lost"}, "ingest_uploads_received"),
    ("ingest_uploads", {"received_bytes": 3}, "ingest_uploads_received"),
    ("ingest_uploads", {"state": "received", "received_bytes": 5}, "ingest_uploads_received"),
    ("ingest_progress", {"offset_bytes": -1}, "ingest_progress_offset"),
    ("ingest_progress", {"metadata": "x" * 8193}, "ingest_progress_metadata"),
    ("ingest_parts", {"size_bytes": 0}, "ingest_parts_range"),
    ("ingest_parts", {"start_bytes": -1}, "ingest_parts_range"),
    ("ingest_parts", {"file": ""}, "ingest_parts_file"),
    ("queue_tasks", {"state": "lost"}, "queue_tasks_state"),
    ("queue_tasks", {"priority": 10}, "queue_tasks_priority"),
    ("queue_tasks", {"tried": 1}, "queue_tasks_tried"),
    ("queue_tasks", {"unmet": 1}, "queue_tasks_unmet"),
    ("queue_tasks", {"state": "waiting"}, "queue_tasks_unmet"),
    ("queue_tasks", {"state": "running"}, "queue_tasks_lease"),
    ("queue_tasks", {"progress": 1.5}, "queue_tasks_progress"),
    ("queue_tasks", {"ended_at": 1}, "queue_tasks_ended"),
    ("queue_tasks", {"sha256": "a" * 64}, "queue_tasks_sha256"),
    ("queue_tasks", {"id": "film/plan"}, "UNIQUE"),
    ("queue_needs", {"need": "film/other"}, "FOREIGN KEY"),
    ("queue_parts", {"sequence": -1}, "queue_parts_sequence"),
    *ads_rows.BAD,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def upgraded(empty_records: Path, path: Path) -> Iterator[sqlite3.Connection]:
    path.write_bytes(empty_records.read_bytes())
    database = sqlite3.connect(path)
    database.execute("PRAGMA foreign_keys = ON")
    yield database
    database.close()


def insert(database: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f":{name}" for name in row)
    database.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)


def described(engine: Engine) -> dict[str, Any]:
    """Return everything that a migration could forget, by table."""
    look = inspect(engine)
    tables = [name for name in look.get_table_names() if name != "alembic_version"]
    with engine.connect() as connection:
        tables_sql = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        written = {str(name): str(sql) for name, sql in tables_sql}
    engine.dispose()
    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(table)
            ],
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "checks": {
                (c["name"], " ".join(c["sqltext"].split())) for c in look.get_check_constraints(table)
            },
            "foreign": [
                (f["constrained_columns"], f["referred_table"], f["options"])
                for f in look.get_foreign_keys(table)
            ],
            "unique": sorted(str(u["column_names"]) for u in look.get_unique_constraints(table)),
            "indexes": sorted((str(i["name"]), i["column_names"]) for i in look.get_indexes(table)),
            "strict": written[table].rstrip().endswith("STRICT"),
        }
        for table in tables
    }


def test_the_upgraded_tables_are_the_rooms_tables(empty_records: Path, tmp_path: Path) -> None:
    made = create_engine(f"sqlite:///{tmp_path}/made.db")
    for room in ROOMS:
        room.create_all(made)
    migrated = create_engine(f"sqlite:///{empty_records}")

    ours, theirs = described(made), described(migrated)

    assert theirs == ours
    assert all(table["strict"] and (table["checks"] or table["foreign"]) for table in ours.values())


def test_a_current_file_is_left_alone_and_tells_its_version(path: Path) -> None:
    schema.upgrade(path)
    before = path.read_bytes()

    schema.upgrade(path)

    assert schema.version_of(path) == schema.HEAD
    assert path.read_bytes() == before


def test_the_head_is_the_last_of_one_chain() -> None:
    config = Config()
    config.set_main_option("script_location", "bijou.app:migrations")
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_down_and_up_again_on_data(upgraded: sqlite3.Connection, path: Path) -> None:
    for table, row in GOOD.items():
        insert(upgraded, table, row)
    upgraded.commit()

    schema.downgrade(path, "base")
    left = {name for (name,) in upgraded.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    schema.upgrade(path)

    assert left == {"alembic_version"}
    assert upgraded.execute("SELECT count(*) FROM catalog_titles").fetchone() == (0,)


OLD_JOB = {
    "id": "job_1", "asset": "ast_1", "source": "uploads/upl_1", "filename": "f", "new": "{}",
    "state": "queued", "created_at": 1, "step": "", "progress": 0.0, "speed": 0.0, "epoch": 0, "attempts": 0,
    "worker": "", "lease_until_at": None, "problem": None, "title": "", "source_deleted": 0,
}  # fmt: skip


def test_jobs_that_one_worker_held_are_queued_again_and_ended_ones_stay_ended(path: Path) -> None:
    schema.downgrade(path, "base")
    schema.upgrade_to(path, "0003")
    database = sqlite3.connect(path)
    cases: dict[str, dict[str, Any]] = {
        "1": {"state": "running", "lease_until_at": 5, "epoch": 2, "attempts": 1, "progress": 0.5},
        "2": {"problem": "{}"},
        "3": {"state": "done", "title": "sintel", "progress": 1.0},
        "4": {"state": "refused", "problem": "{}", "source_deleted": 1},
        "5": {"state": "failed", "problem": "{}"},
    }
    for number, case in cases.items():
        own = {"id": f"job_{number}", "asset": f"ast_{number}", "source": f"uploads/{number}"}
        insert(database, "encoding_jobs", OLD_JOB | own | case)
    database.commit()

    schema.upgrade(path)

    rows = database.execute(
        "SELECT state, progress, problem IS NULL, title, watchable, announced, cleaned, version "
        "FROM encoding_jobs"
    ).fetchall()
    assert rows == [
        ("queued", 0.0, 1, "", 0, 0, 0, 1),
        ("queued", 0.0, 1, "", 0, 0, 0, 1),
        ("done", 1.0, 1, "sintel", 1, 2, 0, 1),
        ("refused", 0.0, 0, "", 0, 0, 1, 1),
        ("failed", 0.0, 0, "", 0, 0, 0, 1),
    ]
    schema.downgrade(path, "0003")
    assert database.execute("SELECT count(*) FROM encoding_jobs").fetchone() == (5,)
    database.close()


def test_a_file_of_a_later_bijou_is_refused_untouched(upgraded: sqlite3.Connection, path: Path) -> None:
    upgraded.execute("UPDATE alembic_version SET version_num = '9999'")
    upgraded.commit()
    with pytest.raises(EngineUnavailable, match="9999") as refusal:
        schema.upgrade(path)

    assert refusal.value.code == "records.too_new"
    assert schema.version_of(path) == "9999"


def test_a_file_that_holds_no_records_is_refused(path: Path) -> None:
    path.write_bytes(b"this is a film and not a database" * 100)
    with pytest.raises(EngineUnavailable) as refusal:
        schema.upgrade(path)

    assert refusal.value.code == "records.unavailable"


def test_good_rows_are_taken_everywhere(upgraded: sqlite3.Connection) -> None:
    for table, row in GOOD.items():
        insert(upgraded, table, row)

    assert set(GOOD) == {table for room in ROOMS for table in room.tables}


@pytest.mark.parametrize(("table", "spoiled", "rule"), BAD, ids=lambda value: str(value)[:40])
def test_a_row_that_breaks_a_rule_is_refused(
    upgraded: sqlite3.Connection, table: str, spoiled: dict[str, Any], rule: str
) -> None:
    insert(upgraded, "accounts_users", USER)
    if "UNIQUE" in rule:
        insert(upgraded, table, GOOD[table])
    if table == "accounts_users":
        upgraded.rollback()

    with pytest.raises(sqlite3.IntegrityError, match=rule):
        insert(upgraded, table, GOOD[table] | spoiled)


def test_every_check_has_a_row_that_breaks_it() -> None:
    checks = {
        str(constraint.name)
        for room in ROOMS
        for table in room.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }

    assert checks == {rule for _, _, rule in BAD if "_" in rule and " " not in rule}
