"""Requests with bodies: read where they are taken, refused everywhere else, whatever comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.steering import Pathway, Pathways, Steerer
from bijou.delivery.steering_site import SteeringSite
from bijou.delivery.tokens import TokenKey, TokenKeys
from bijou.delivery.wire import Refusal, Request, RequestReader
from bijou.ports import VirtualClock

POSTS = {"/cmcd": 100}
HEAD = b"POST /cmcd?state=x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
ODD = st.sampled_from(
    [
        b"POST /cmcd HTTP/1.1\r\n", b"POST ", b"GET /steer/", b" HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n",
        b"Content-Length: 3\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999\r\n",
        b"Content-Length: 3, 3\r\n", b"Transfer-Encoding: chunked\r\n", b"e=rr", b"/steer/k1.", b"..", b"%2e",
        b"OPTIONS * HTTP/1.1\r\n", b"?_HLS_pathway=%22", b"_HLS_throughput=", b"9" * 20, b"%FF", b"~_",
    ]
)  # fmt: skip


def read(*pieces: bytes) -> list[Request | Refusal]:
    reader, found = RequestReader(POSTS), []
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.next()) is not None:
            found.append(one)
            if isinstance(one, Refusal):
                return found
    return found


@given(st.binary(max_size=100), st.lists(st.integers(0, 250), max_size=6))
def test_a_body_is_read_whole_however_it_is_cut_and_what_follows_is_the_next_request(
    body: bytes, cuts: list[int]
) -> None:
    sent = HEAD % len(body) + body + GET
    ends = sorted({min(cut, len(sent)) for cut in cuts} | {len(sent)})
    pieces = [sent[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    post, get = read(*pieces)

    assert isinstance(post, Request)
    assert isinstance(get, Request)
    assert (post.method, post.path, post.query, post.body) == ("POST", "/cmcd", b"state=x", body)
    assert (get.method, get.path, get.body) == ("GET", "/healthz", b"")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (HEAD % 101, 413, "delivery.body_too_long"),
        (HEAD.replace(b"%d", b"-1"), 400, "delivery.bad_request"),
        (HEAD.replace(b"%d", b"1, 1"), 400, "delivery.bad_request"),
        (HEAD.replace(b"%d", b"0x10"), 400, "delivery.bad_request"),
        (HEAD.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked"), 400, "delivery.bad_request"),
        (HEAD.replace(b"/cmcd", b"/media/a") % 1, 405, "delivery.wrong_method"),
        (HEAD.replace(b"POST", b"PUT") % 1, 405, "delivery.wrong_method"),
        (HEAD.replace(b"POST", b"GET") % 1, 400, "delivery.bad_request"),
    ],
)  # fmt: skip
def test_every_other_body_is_refused(sent: bytes, status: int, code: str) -> None:
    (refusal,) = read(sent + b"x" * 200)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (status, code)


def test_the_fields_of_a_post_do_not_let_a_body_follow_a_get() -> None:
    post = HEAD % 1 + b"x"
    smuggled = post.replace(b"POST /cmcd?state=x", b"GET /healthz")

    one, other = read(post + smuggled)

    assert isinstance(one, Request)
    assert isinstance(other, Refusal)


def test_a_server_that_takes_none_refuses_them_all() -> None:
    reader = RequestReader()
    reader.feed(HEAD % 1 + b"x")

    refusal = reader.next()

    assert isinstance(refusal, Refusal)
    assert refusal.status == 405


def test_a_body_that_is_still_coming_is_waited_for() -> None:
    reader = RequestReader(POSTS)
    reader.feed(HEAD % 5)

    assert (reader.next(), reader.pending) == (None, True)
    reader.feed(b"12345")
    found = reader.next()
    assert isinstance(found, Request)
    assert (found.body, reader.pending) == (b"12345", False)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(ODD, st.binary(max_size=8)), max_size=20).map(b"".join))
def test_steering_answers_whatever_comes_and_never_does_anything_else(data: bytes) -> None:
    clock = VirtualClock()
    keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
    site = SteeringSite(Steerer(Pathways([Pathway("east", "http://e:1")], clock), keys, clock), clock)
    for found in read(data):
        answer = site.refused(found) if isinstance(found, Refusal) else site.at_once(found)
        assert answer.status in {200, 204, 400, 403, 404, 405, 408, 410, 413, 422, 431, 505}
        assert answer.status != 200 or isinstance(found, Request)
