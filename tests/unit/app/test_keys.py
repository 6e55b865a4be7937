from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest

from bijou.app.audiences import audience_key
from bijou.app.keys import keys_of, token_keys
from bijou.app.settings import Accounts, House, Settings
from bijou.delivery import Grant
from bijou.ports import VirtualClock


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


class Overtaken(Random):
    """Draws only once somebody else has drawn and kept theirs."""

    def __init__(self, other: Callable[[], object]) -> None:
        super().__init__(2)
        self._other = other

    def getrandbits(self, k: int, /) -> int:
        self._other()
        return super().getrandbits(k)


def drawn_for_tokens(settings: Settings, chance: Random) -> object:
    keys = token_keys(settings, VirtualClock(), chance)
    assert keys is not None
    return keys.sign(Grant("ast_1", expires_at_s=60, session="ses_1"))


@pytest.mark.parametrize("drawn", [audience_key, drawn_for_tokens])
def test_of_two_processes_that_draw_a_key_at_once_both_use_the_one_that_is_kept(
    tmp_path: Path, drawn: Callable[[Settings, Random], object]
) -> None:
    first = list[object]()
    late = Overtaken(lambda: first.append(drawn(settings(tmp_path), Random(1))))

    second = drawn(settings(tmp_path), late)

    assert [second] == first
    assert drawn(settings(tmp_path), Random(3)) == second
