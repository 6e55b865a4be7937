from pathlib import Path
from random import Random

import msgspec
import pytest

from bijou.app.settings import S3, House, Settings
from bijou.app.stores import open_blobs, queue_place, records_place
from bijou.engines.files import FileBlobs
from bijou.engines.s3 import S3Blobs
from bijou.ports import InvalidRequest, VirtualClock


def settings(folder: Path, blobs: str = "", key_file: str = "") -> Settings:
    return msgspec.structs.replace(
        Settings(), house=House(data_dir=str(folder), blobs=blobs), s3=S3(key_file=key_file)
    )


def test_media_is_kept_in_the_data_folder_unless_said_otherwise(tmp_path: Path) -> None:
    blobs = open_blobs(settings(tmp_path), VirtualClock(), Random(1))

    assert isinstance(blobs, FileBlobs)
    assert (tmp_path / "blobs").is_dir()


def test_media_is_kept_in_a_bucket_where_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_text('access_key_id = "a"\nsecret_access_key = "b"\n')
    (tmp_path / "key").chmod(0o600)

    blobs = open_blobs(
        settings(tmp_path, "s3://films/house", str(tmp_path / "key")), VirtualClock(), Random(1)
    )

    assert isinstance(blobs, S3Blobs)
    assert not (tmp_path / "blobs").exists()


@pytest.mark.parametrize(
    ("blobs", "key_file", "code"),
    [("films", "", "blobs.bad_address"), ("s3://films", "/nowhere/key", "blobs.bad_key_file")],
)
def test_what_is_written_wrongly_is_told_at_the_start(
    tmp_path: Path, blobs: str, key_file: str, code: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        open_blobs(settings(tmp_path, blobs, key_file), VirtualClock(), Random(1))

    assert refused.value.code == code


def test_on_sqlite_the_queue_has_a_file_of_its_own_and_on_postgresql_it_has_not(tmp_path: Path) -> None:
    here = settings(tmp_path)
    there = msgspec.structs.replace(here, house=House(records="postgresql://db/bijou"))

    assert (records_place(here), queue_place(here)) == (tmp_path / "records.db", tmp_path / "queue.db")
    assert records_place(there) == queue_place(there) == "postgresql://db/bijou"
