"""Bytes in, requests out."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.delivery.wire import HEAD_BYTES, HEAD_FIELDS, Refusal, Request, RequestReader

Found = list[Request | Refusal]
PLAIN = b"GET /media/a.m4s HTTP/1.1\r\nHost: e\r\n\r\n"


def read(*pieces: bytes) -> Found:
    """All that a reader finds in these pieces, up to its first refusal."""
    reader = RequestReader()
    found: Found = []
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.next()) is not None:
            found.append(one)
            if isinstance(one, Refusal):
                return found
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


fragments = st.sampled_from(
    [
        PLAIN, b"HEAD /media/%41?x HTTP/1.1\r\nHOST:e\r\n\r\n", b"POST / HTTP/1.1\r\nHost: e\r\n\r\n",
        b"GET ", b"/a", b" HTTP/1.1", b" HTTP/2.0", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"Host: e",
        b"Content-Length: 1", b": ", b" x", b"Range: bytes=0-1", b"%2e%2e/", b"\x00", b"\xff", b"Y" * 9000,
        b"Z: 1\r\n" * 60,
    ]
)  # fmt: skip


@given(st.lists(fragments | st.binary(max_size=40), max_size=20).map(b"".join))
def test_no_bytes_make_it_raise_and_no_path_leaves_the_root(data: bytes) -> None:
    for found in read(data):
        if isinstance(found, Request) and found.path != "*":
            assert found.path.startswith("/")
            assert not {".", ".."} & set(found.path.split("/"))
            assert min(found.path) >= " "


def test_a_trace_of_two_requests_and_half_a_third() -> None:
    reader = RequestReader()
    reader.feed(PLAIN + PLAIN[:10])

    assert reader.next() == Request("GET", "/media/a.m4s", {b"host": b"e"})
    assert (reader.next(), reader.pending) == (None, True)

    reader.feed(PLAIN[10:])

    assert isinstance(reader.next(), Request)
    assert (reader.next(), reader.pending) == (None, False)


def test_fields_are_those_of_their_own_request() -> None:
    heads = [b"Host: e\r\nRange: bytes=0-1", b"Host: e\r\nRange: bytes=0-1", b"Host: e", b"Host: f"]
    found = read(*(b"GET /a HTTP/1.1\r\n%b\r\n\r\n" % fields for fields in heads), b"GET /a HTTP/1.0\r\n\r\n")

    assert [one.fields for one in found if isinstance(one, Request)] == [
        {b"host": b"e", b"range": b"bytes=0-1"},
        {b"host": b"e", b"range": b"bytes=0-1"},
        {b"host": b"e"},
        {b"host": b"f"},
        {},
    ]


def test_a_refusal_is_the_last_word() -> None:
    reader = RequestReader()
    reader.feed(b"nonsense\r\n\r\n")
    refused = reader.next()
    reader.feed(PLAIN)

    assert isinstance(refused, Refusal)
    assert reader.next() == refused


@pytest.mark.parametrize("spare", [0, 1])
def test_a_head_of_exactly_16_kib_is_read_and_one_byte_more_is_not(spare: int) -> None:
    head = b"GET /media/a HTTP/1.1\r\nHost: e\r\nX: %b\r\n\r\n"
    data = head % (b"y" * (HEAD_BYTES - len(head) + 2 + spare))

    (found,) = read(data)

    assert isinstance(found, Refusal) == bool(spare)
    assert read(*(data[at : at + 1] for at in range(len(data)))) == [found]


@pytest.mark.parametrize("more", [0, 1])
def test_a_hundred_fields_are_read_and_one_more_is_not(more: int) -> None:
    (found,) = read(b"GET / HTTP/1.1\r\nHost: e\r\n" + b"X: y\r\n" * (HEAD_FIELDS - 1 + more) + b"\r\n")

    assert isinstance(found, Refusal) == bool(more)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"DELETE / HTTP/1.1", 405, "delivery.wrong_method"),
        (b"GET / HTTP/1.2", 505, "delivery.bad_version"),
        (b"GET / HTTP/11", 400, "delivery.bad_request"),
        (b"G@T / HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET a HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET /#part HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET /%ff HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET /a/./b HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET /a/.. HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET /%0a HTTP/1.1", 400, "delivery.bad_request"),
        (b"GET * HTTP/1.1", 400, "delivery.bad_request"),
    ],
)
def test_each_fault_has_its_status(line: bytes, status: int, code: str) -> None:
    (found,) = read(line + b"\r\nHost: e\r\n\r\n")

    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (status, code)


def test_a_refusal_quotes_nothing_that_a_terminal_would_obey() -> None:
    chance = Random(3)
    for _ in range(50):
        (found,) = read(b"GET " + chance.randbytes(30).replace(b"\r", b"") + b"\x1b[2J\r\n\r\n")[:1]

        assert isinstance(found, Refusal)
        assert found.detail.isprintable()


def test_an_escaped_path_is_read_as_what_it_stands_for() -> None:
    (found,) = read(b"GET /media/%C3%A9.m4s?a=%zz HTTP/1.1\r\nHost: e\r\n\r\n")

    assert isinstance(found, Request)
    assert found.path == "/media/é.m4s"


def test_a_repeated_field_becomes_a_list() -> None:
    (found,) = read(b'GET / HTTP/1.1\r\nHost: e\r\nIf-None-Match: "a"\r\nif-none-match:\t"b" \r\n\r\n')

    assert isinstance(found, Request)
    assert found.fields[b"if-none-match"] == b'"a", "b"'


@pytest.mark.parametrize(
    ("version", "fields", "usual"),
    [
        ("1.1", "Host: e\r\nAccept: */*", True),
        ("1.0", "Host: e\r\nConnection: keep-alive", True),
        ("1.0", "Connection: keep-alive", False),
        ("1.1", "Host: e\r\nConnection: close", False),
        ("1.1", "Host: e\r\nRange: bytes=0-1", False),
        ("1.1", 'Host: e\r\nIf-None-Match: "e"', False),
        ("1.1", "Host: e\r\nIf-Modified-Since: x", False),
        ("1.1", 'Host: e\r\nCMCD-Session: sid="s"', False),
    ],
)
def test_only_an_ending_that_changes_no_answer_is_usual(version: str, fields: str, *, usual: bool) -> None:
    reader = RequestReader()
    reader.feed(f"GET /a HTTP/{version}\r\n{fields}\r\n\r\n".encode())

    assert isinstance(reader.next(), Request)
    assert reader.usual == (f" HTTP/1.1\r\n{fields}\r\n\r\n".encode() if usual else b"")
