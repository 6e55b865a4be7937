"""Uploads that an older bijou announced, after an upgrade."""

import sqlite3
from pathlib import Path

import pytest

from bijou.app import schema
from bijou.engines.sqlite import SqliteRecords
from bijou.ingest import store as tables

pytestmark = pytest.mark.anyio


async def test_what_was_announced_before_uploads_could_resume_begins_at_its_first_byte(
    tmp_path: Path,
) -> None:
    path = tmp_path / "records.db"
    schema.upgrade(path)
    schema.downgrade(path, "0002")
    with sqlite3.connect(path) as database:
        row = "'upl_1', 'a.mp4', 5, '{\"name\": \"A\"}', 'open', 7, 0, '', ''"
        database.execute(f"INSERT INTO ingest_uploads VALUES ({row})")
    database.close()

    schema.upgrade(path)

    records = SqliteRecords(path)
    kept = await records.read(lambda db: tables.upload(db, "upl_1"))
    await records.close()
    assert kept is not None
    assert (kept.upload.offset_bytes, kept.upload.expires_at) == (0, 7 + 86_400_000_000)
