"""The parser against whatever comes: it answers, refuses or waits, and never does anything else."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bijou.delivery.cmcd import read as read_cmcd
from bijou.delivery.doors import answer_at_door
from bijou.delivery.gate import Gate
from bijou.delivery.model import is_media_path
from bijou.delivery.tokens import TokenKey, TokenKeys, TokenRefused
from bijou.delivery.wire import HEAD_BYTES, Refusal, Request, RequestReader
from bijou.ports import Instant, VirtualClock

CODES = {400, 405, 431, 505}
MANY = settings(max_examples=400, deadline=None)
ODD = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"%2e%2e", b"%2F", b"..", b"/", b"?", b"#", b"\x00",
        b"\xff", b"HTTP/1.1", b"HTTP/2.0", b"GET", b"PRI * HTTP/2.0", b"Host: a", b"Content-Length: 1",
        b"/media/a",
        b"Transfer-Encoding: chunked", b"token=", b"/t/", b"CMCD=", b"%", b"%%", b"%C0%AE", b";", b"@", b"\\",
    ]
)  # fmt: skip
heads = st.lists(st.one_of(ODD, st.binary(max_size=8)), max_size=30).map(b"".join)
targets = st.lists(
    st.one_of(ODD.filter(lambda part: b"\n" not in part), st.binary(max_size=4)), max_size=12
).map(b"".join)


def all_of(data: bytes, cuts: list[int]) -> list[Request | Refusal]:
    """What comes of bytes that arrive in pieces; at most a hundred requests."""
    reader, at = RequestReader(), 0
    found: list[Request | Refusal] = []
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        reader.feed(data[at:cut])
        at = cut
        while len(found) < 100 and (one := reader.next()) is not None:
            found.append(one)
            if isinstance(one, Refusal):
                return found
    return found


def check(request: Request | Refusal) -> None:
    if isinstance(request, Refusal):
        assert request.status in CODES
        request.detail.encode("ascii")
        return
    assert "\r" not in request.path
    assert "\n" not in request.path
    assert "\x00" not in request.path
    assert not {".", ".."} & set(request.path.split("/"))
    assert request.method in {"GET", "HEAD", "OPTIONS"}
    assert b"transfer-encoding" not in request.fields
    if is_media_path(request.path):
        assert "%" not in request.path
    answer_at_door(request, request.path, dict, Instant(0))
    read_cmcd(request)


@MANY
@given(data=heads, cuts=st.lists(st.integers(0, 200), max_size=4))
@example(data=b"GET /%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n", cuts=[])
@example(data=b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n", cuts=[])
def test_any_bytes_become_requests_refusals_or_nothing_however_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    whole = all_of(data, [])

    assert all_of(data, cuts) == whole
    for one in whole:
        check(one)


@MANY
@given(target=targets, fields=st.lists(heads.filter(lambda head: b"\r\n\r\n" not in head), max_size=3))
def test_any_target_and_fields_are_read_safely(target: bytes, fields: list[bytes]) -> None:
    lines = b"".join(b"X: " + field + b"\r\n" for field in fields)
    for one in all_of(b"GET /media/" + target + b" HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n", []):
        check(one)


@MANY
@given(path=st.text(max_size=80), query=st.binary(max_size=80), session=st.binary(max_size=40))
def test_no_request_passes_the_gate_without_a_token(path: str, query: bytes, session: bytes) -> None:
    gate = Gate(TokenKeys(lambda: [TokenKey("k1", bytes(32))], VirtualClock()))
    for start in ("/media/a/", "/t/", "/t/k1.ff...h..", ""):
        request = Request("GET", start + path, {b"cmcd-session": session}, query=query)
        try:
            entered = gate.enter(request)
        except TokenRefused:
            continue
        assert not is_media_path(entered.path) or entered.path.split("/")[3] == "stills"


@pytest.mark.parametrize("piece", [1, 1000, HEAD_BYTES])
def test_a_head_that_never_ends_is_given_up_at_its_bound(piece: int) -> None:
    reader, left = RequestReader(), HEAD_BYTES
    while left:
        size = min(piece, left)
        reader.feed(b"a" * size)
        left -= size

        assert reader.next() is None
    reader.feed(b"a")
    last = reader.next()
    assert isinstance(last, Refusal)
    assert last.status == 431
