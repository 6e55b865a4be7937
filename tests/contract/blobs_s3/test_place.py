"""What an operator writes down: where the blobs are, and the key."""

from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from bijou.engines.s3_place import S3Key, S3Place
from bijou.ports import InvalidRequest

KEY = S3Key(access_key_id="AKIA1", secret_access_key="hunter2", session_token="tok")
TEXT = 'access_key_id = "AKIA1"\nsecret_access_key = "hunter2"\nsession_token = "tok"\n'


@pytest.mark.parametrize("address", [
    "films", "s3:/films", "s3://", "s3://fi", "s3://Films", "s3://films//a", "s3://films/a//b", "s3://films/../a",
    "s3://films/a b", "https://films", "s3://films/~staging", f"s3://films/{'k' * 401}", "s3://key:secret@films/a",
])  # fmt: skip
def test_a_bad_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        S3Place.parse(address)
    assert refused.value.code == "blobs.bad_address"


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:9000", "ftp://a", "http://", "http://a/b", "http://u:hunter2@a"]
)
def test_a_bad_endpoint_is_refused_without_showing_a_password(endpoint: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        S3Place.parse("s3://films", endpoint=endpoint)
    assert refused.value.code == "blobs.bad_address"
    assert "hunter2" not in str(refused.value)


def test_slashes_at_the_ends_do_not_matter() -> None:
    place = S3Place.parse("s3://films/house/", endpoint="http://[::1]:9000/", region="eu-north-1")

    assert place == S3Place(bucket="films", prefix="house", endpoint="http://[::1]:9000", region="eu-north-1")
    assert S3Place.parse("s3://films/") == S3Place.parse("s3://films")


def test_a_key_is_read_from_a_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "s3.toml"
    path.write_text(TEXT)
    path.chmod(0o600)

    assert S3Key.load(path) == KEY
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(InvalidRequest, match=f"has mode {mode:04o}.*chmod 600"):
            S3Key.load(path)


@pytest.mark.parametrize(
    "text", ["hunter2", TEXT.replace("access_key_id", "id"), TEXT + "x = 1\n", "", 'a = "hunter2', "\xff"]
)
def test_a_file_that_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s3.toml"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)

    with pytest.raises(InvalidRequest) as refused:
        S3Key.load(path)

    assert refused.value.code == "blobs.bad_key_file"
    assert "hunter2" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="none: No such file"):
        S3Key.load(tmp_path / "none")


def test_a_key_shows_itself_to_nobody() -> None:
    shown = f"{KEY} {KEY!r} {pretty_repr(KEY)} {[KEY]}"

    for secret in ("AKIA1", "hunter2", "tok"):
        assert secret not in shown
