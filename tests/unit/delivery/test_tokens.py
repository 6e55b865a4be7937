"""Tokens: who may fetch what until when; and what nobody may."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.gate import Gate
from bijou.delivery.model import Miss
from bijou.delivery.tokens import Grant, Route, TokenKey, TokenKeys, TokenRefused, parse_keys
from bijou.delivery.wire import Request
from bijou.ports import Instant, InvalidRequest, VirtualClock

OLD, NEW = TokenKey("k1", bytes(32)), TokenKey("k2", bytes(range(32)))
PATH = "/media/ast_1/v360/00001.m4s"


def keys_of(*keys: TokenKey) -> tuple[TokenKeys, VirtualClock, list[TokenKey]]:
    clock, held = VirtualClock(Instant(0)), list(keys)
    return TokenKeys(lambda: held, clock), clock, held


def refusal(keys: TokenKeys, token: str, path: str = PATH) -> str:
    with pytest.raises(TokenRefused) as refused:
        keys.check(token.encode(), path)
    return refused.value.code.removeprefix("delivery.token_")


def test_a_token_lets_in_until_it_expires_and_not_a_moment_longer() -> None:
    keys, clock, _ = keys_of(OLD)
    token = keys.sign(Grant("ast_1", 60))

    clock.advance(59.999)
    assert keys.check(token.encode(), PATH).scope == "ast_1"
    clock.advance(0.001)
    assert refusal(keys, token) == "expired"


@pytest.mark.parametrize(
    ("scope", "path", "lets_in"),
    [
        ("", PATH, True),
        ("ast_1", PATH, True),
        ("ast_1/v360", PATH, True),
        ("ast_1/v720", PATH, False),
        ("ast_", PATH, False),
        ("ast_1", "/media/ast_12/v360/00001.m4s", False),
        ("ast_1", "/media/ast_1", False),
        ("ast.1", "/media/ast.1/a.m4s", True),
    ],
)
def test_a_scope_is_a_folder_and_all_below_it(scope: str, path: str, lets_in: bool) -> None:  # noqa: FBT001
    keys, _, _ = keys_of(OLD)
    token = keys.sign(Grant(scope, 60))

    if lets_in:
        assert keys.check(token.encode(), path).scope == scope
    else:
        assert refusal(keys, token, path) == "scope"


def test_a_new_key_signs_and_the_old_one_is_believed_until_it_is_gone() -> None:
    keys, _, held = keys_of(OLD)
    before = keys.sign(Grant("ast_1", 60))
    keys.check(before.encode(), PATH)

    held.insert(0, NEW)
    keys.refresh()
    after = keys.sign(Grant("ast_1", 60))
    assert (before[:2], after[:2]) == ("k1", "k2")
    assert keys.check(before.encode(), PATH) == keys.check(after.encode(), PATH)

    held.remove(OLD)
    keys.expire(0)
    assert refusal(keys, before) == "forged"
    assert keys.check(after.encode(), PATH).scope == "ast_1"


def test_a_session_that_a_key_proved_is_not_known_by_it_when_it_is_gone() -> None:
    keys, _, held = keys_of(OLD)
    keys.check(keys.sign(Grant("ast_1", 60, "ses_1")).encode(), PATH)
    assert keys.knows("ses_1")

    held[:] = [NEW]
    keys.refresh()
    assert not keys.knows("ses_1")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_changed_token_lets_in(data: st.DataObject) -> None:
    keys, _, _ = keys_of(OLD)
    token = keys.sign(Grant("ast_1", 60, "ses_1", "east"))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="latin-1"))
    changed = token[:at] + other + token[at + 1 :]

    if changed == token:
        return
    with pytest.raises(TokenRefused) as refused:
        keys.check(changed.encode("latin-1"), PATH)
    assert refused.value.code == "delivery.token_forged"


@given(st.binary(max_size=600))
def test_no_bytes_are_a_token_by_chance_or_break_the_check(token: bytes) -> None:
    keys, _, _ = keys_of(OLD)

    with pytest.raises(TokenRefused):
        keys.check(token, PATH)


@pytest.mark.parametrize(
    "grant", [Grant("../a", 1), Grant("a", 1, "s.1"), Grant("a", 1, "", "East"), Grant("a//b", 1)]
)
def test_what_could_not_stand_in_a_path_is_not_signed(grant: Grant) -> None:
    keys, _, _ = keys_of(OLD)

    with pytest.raises(InvalidRequest, match="scope"):
        keys.sign(grant)


@pytest.mark.parametrize("text", ["", "k1", "k1=00", f"k 1={'0' * 64}", f"k1={'0' * 64}\nk1={'1' * 64}"])
def test_a_bad_file_of_keys_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_keys(text)

    assert "0000" not in str(refused.value)
    assert repr(TokenKey("k1", b"secret")) == "TokenKey('k1', …)"


def request_of(query: str, **fields: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    return Request("GET", PATH, named, query=query.encode())


def test_a_token_is_for_the_session_that_it_was_made_for() -> None:
    keys, _, _ = keys_of(OLD)
    gate = Gate(keys)
    token = keys.sign(Grant("ast_1", 60, "ses_1"))

    assert gate.enter(request_of(f"token={token}", cmcd_session='sf=h,sid="ses_1"')).session == "ses_1"
    assert gate.enter(request_of(f"token={token}&CMCD=bl%3D1%2Csid%3D%22ses_1%22")).session == "ses_1"
    assert gate.enter(request_of(f"token={token}", cmcd_session='sid="of another player"')).path == PATH
    for request in (
        request_of(f"token={token}", cmcd_session='sid="ses_2"'),
        request_of(f"CMCD=sid%3D%22ses_2%22&token={token}"),
    ):
        with pytest.raises(TokenRefused) as refused:
            gate.enter(request)
        assert refused.value.code == "delivery.token_session"


def test_a_token_tells_why_its_viewer_is_here() -> None:
    keys, _, _ = keys_of(OLD)
    west = Gate(keys, "west")

    def miss(grant: Grant) -> Miss | None:
        return west.enter(request_of(f"token={keys.sign(grant)}")).miss

    assert miss(Grant("ast_1", 60, home="west")) is None
    assert miss(Grant("ast_1", 60)) is None
    assert miss(Grant("ast_1", 60, home="east")) is Miss.HEALTH
    assert miss(Grant("ast_1", 60, home="east", route=Route.STEERED)) is Miss.STEERING
