"""Range algebra against slicing."""

from hypothesis import given
from hypothesis import strategies as st

from bijou.delivery.dates import http_date, read_http_date
from bijou.delivery.selection import select_range
from bijou.ports import Instant

bodies = st.binary(max_size=40)
places = st.integers(0, 50)


@given(bodies, places, places)
def test_first_to_last_is_the_slice_with_its_last_byte(body: bytes, first: int, last: int) -> None:
    selection = select_range(b"bytes=%d-%d" % (first, last), len(body))

    if last < first:
        assert (selection.status, selection.size_bytes) == (200, len(body))
    elif first >= len(body):
        assert selection.status == 416
    else:
        assert (selection.status, body[selection.start : selection.stop]) == (206, body[first : last + 1])


@given(bodies, places)
def test_first_to_the_end_is_the_slice_from_it(body: bytes, first: int) -> None:
    selection = select_range(b"bytes=%d-" % first, len(body))

    assert selection.status == (206 if first < len(body) else 416)
    assert body[selection.start : selection.stop] == body[first:]


@given(bodies, places)
def test_the_last_n_are_the_slice_of_the_last_n(body: bytes, count: int) -> None:
    selection = select_range(b"bytes=-%d" % count, len(body))

    assert selection.status == (206 if body and count else 416)
    assert body[selection.start : selection.stop] == (body[-count:] if count else b"")


@given(st.binary(max_size=30), st.integers(0, 1 << 40))
def test_whatever_is_asked_stays_within_the_body(asked: bytes, size: int) -> None:
    for header in (asked, b"bytes=" + asked):
        selection = select_range(header, size)

        assert 0 <= selection.start <= selection.stop <= size
        assert (selection.status == 206) <= (selection.size_bytes > 0)


@given(st.integers(0, 250_000_000_000))
def test_a_date_is_read_as_it_was_written(second: int) -> None:
    instant = Instant(second * 1_000_000)

    assert read_http_date(http_date(instant)) == instant


@given(st.text(max_size=40))
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_http_date(text) is None
    assert read_http_date("Fri, 31 Feb 2026 00:00:00 GMT") is None
