"""Reports of players, honest ones and garbage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.steering.reports import LONGEST_LINE, MOST_LINES, Seen, read_reports
from bijou.ports import InvalidRequest

ODD = st.sampled_from(
    [b"e=rr", b",", b"=", b'"', b"(", b")", b";", b"\n", b"\r\n", b"rc=", b"503", b'url="http://a/', b"\\",
     b"\x00", b"\xff", b"ttfb=-1", b"mtp=(1;a 2)", b"e", b"sid", b" ", b"1e999", b"?1", b'ec="x"', b"*"]
)  # fmt: skip
bodies = st.lists(st.one_of(ODD, st.binary(max_size=6)), max_size=40).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_whatever_comes_is_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        events = read_reports(body)
    except InvalidRequest:
        return
    assert all(event.kind for event in events)
    assert all(event.failed in {True, False, None} for event in events)


def test_what_players_send_is_read() -> None:
    body = (
        b'bl=(5300),br=(2000;v 128;a),cid="film",e=rr,mtp=(25400),nor=("s8.m4s"),ot=v,rc=200,sf=h,'
        b'sid="ses_1",st=v,sta=p,ts=1764000000000,ttfb=12,ttlb=50,url="http://e:1/m/3.m4s?x=(1,2)",v=2,com.a-x=?1\n'
        b'bl=0,cid="film",e=e,ec="reset",rc=0,sid="ses_1",ts=2000,url="http://e:1/m/3.m4s",v=2\r\n'
        b'\ne=ps,sid="ses_1",sta=r,su\n'
    )

    assert read_reports(body) == [
        Seen("rr", "ses_1", "http://e:1/m/3.m4s?x=(1,2)", 200, 0.012, 25_400_000),
        Seen("e", "ses_1", "http://e:1/m/3.m4s", 0),
        Seen("ps", "ses_1"),
    ]


@pytest.mark.parametrize(
    ("kind", "status", "what"),
    [
        ("rr", 200, False), ("rr", 206, False), ("rr", 503, True), ("rr", 0, True), ("rr", 404, None),
        ("e", None, True), ("e", 0, True), ("e", 403, None), ("ps", None, None), ("rr", None, None),
    ],
)  # fmt: skip
def test_only_what_is_the_pathways_fault_is_a_failure(kind: str, status: int | None, what: object) -> None:
    assert Seen(kind, status=status).failed is what


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n\n", b"rc=200", b"e=rr,,rc=1", b"e=rr rc=200", b'e=rr,url="a', b"GET / HTTP/1.1",
        b"e=rr\n" * (MOST_LINES + 1), b"e=rr,x=" + b"a" * 300, b'e=rr,x="' + b"a" * LONGEST_LINE + b'"',
    ],
)  # fmt: skip
def test_garbage_is_refused_with_the_rule(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_reports(body)
    assert refused.value.code == "delivery.bad_report"
