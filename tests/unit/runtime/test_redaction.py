import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.runtime.redaction import REDACTED, redact

KEY = b"k"
SECRET = "hunter2-hunter2"
SECRETS = [
    "password",
    "token",
    "secret",
    "Authorization",
    "cookie",
    "service_key",
    "set-cookie",
    "X-CSRF-Token",
    "new_password",
]
IDENTIFIERS = ["viewer_id", "user", "email", "ip", "peer", "session_id", "profile", "device_id"]
HARMLESS = [
    "event",
    "detail",
    "tokens_left",
    "name",
    "slug",
    "port",
    "session_s",
    "users",
    "asset",
    "key_frames",
]


def nest(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inside, max_size=2) | st.dictionaries(st.sampled_from(HARMLESS), inside, max_size=2)


@given(name=st.sampled_from(SECRETS + IDENTIFIERS), data=st.data())
def test_no_depth_and_no_company_saves_a_secret_or_an_identifier(name: str, data: st.DataObject) -> None:
    facts = data.draw(st.recursive(st.just({name: SECRET}), nest, max_leaves=9))

    assert SECRET not in json.dumps(redact({"fact": facts}, KEY))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_similar_stays(name: str) -> None:
    assert redact({name: "film"}, KEY) == {name: "film"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def-1", f"Authorization: Bearer {REDACTED}"),
        ("/media/a.m4s?token=abc&n=1", f"/media/a.m4s?token={REDACTED}&n=1"),
        ("bijou_session=abc; theme=dark", f"bijou_session={REDACTED}; theme=dark"),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_secrets_inside_text_are_blanked(text: str, kept: str) -> None:
    assert redact({"detail": text}, KEY) == {"detail": kept}


def test_a_pseudonym_is_stable_under_a_key_and_different_under_another() -> None:
    first, again, other = (redact({"viewer": "v1"}, key)["viewer"] for key in (KEY, KEY, b"another"))

    assert first == again != other
    assert redact({"viewer": "v2"}, KEY)["viewer"] != first


def test_nobody_has_no_pseudonym() -> None:
    assert redact({"viewer": "", "user": None}, KEY) == {"viewer": "", "user": None}
