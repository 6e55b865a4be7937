from pathlib import Path
from random import Random

import msgspec

from bijou.app.keys import keys_of
from bijou.app.settings import Accounts, House, Settings


def settings(folder: Path, *, service_key: str = "") -> Settings:
    return msgspec.structs.replace(Settings(), house=House(data_dir=str(folder), service_key=service_key))


def test_keys_are_drawn_once_and_kept_for_their_owner_only(tmp_path: Path) -> None:
    first = keys_of(settings(tmp_path), Random(1))
    second = keys_of(settings(tmp_path), Random(2))

    assert first == second
    assert len(first.service) == 64
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    one, other = keys_of(settings(tmp_path / "a"), Random(1)), keys_of(settings(tmp_path / "b"), Random(2))

    assert one.service != other.service
    assert one.operator_password != other.operator_password


def test_configured_keys_win_and_are_not_written(tmp_path: Path) -> None:
    configured = msgspec.structs.replace(
        settings(tmp_path, service_key="given"), accounts=Accounts(operator_password="also given")
    )

    keys = keys_of(configured, Random(1))

    assert (keys.service, keys.operator_password) == ("given", "also given")
    assert not list((tmp_path / "keys").iterdir())


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    keys = keys_of(settings(tmp_path), Random(1))

    assert keys.service not in repr(keys)
    assert keys.operator_password not in f"{keys}"
