import pytest
from argon2 import extract_parameters

from bijou.accounts.model import csrf_of
from bijou.accounts.passwords import Passwords


@pytest.fixture
def cheap() -> Passwords:
    return Passwords(time_cost=1, memory_kib=8, lanes=1)


def test_a_password_matches_its_hash_and_nothing_else(cheap: Passwords) -> None:
    kept = cheap.hashed("correct horse")

    assert cheap.matches(kept, "correct horse")
    assert not cheap.matches(kept, "correct hose")
    assert not cheap.matches("not a hash", "correct horse")


def test_nobodys_hash_is_checked_in_full_and_matches_nothing(cheap: Passwords) -> None:
    nobodys = extract_parameters(cheap._nobodys)
    anybodys = extract_parameters(cheap.hashed("x"))

    assert nobodys == anybodys
    assert not cheap.matches(None, "")


def test_production_spends_what_rfc_9106_asks_for() -> None:
    assert "$m=65536,t=3,p=4$" in Passwords()._nobodys


def test_a_hash_of_another_cost_is_outdated(cheap: Passwords) -> None:
    kept = cheap.hashed("x")

    assert not cheap.outdated(kept)
    assert Passwords(time_cost=2, memory_kib=8, lanes=1).outdated(kept)


def test_a_csrf_token_belongs_to_one_session_token() -> None:
    assert csrf_of("a") != csrf_of("b")
    assert csrf_of("a") == csrf_of("a")
