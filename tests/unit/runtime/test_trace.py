from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.runtime.trace import Trace, format_traceparent, new_trace, parse_traceparent

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@given(trace=st.integers(1, 2**128 - 1), parent=st.integers(1, 2**64 - 1), sampled=st.booleans())
def test_what_is_written_reads_back(trace: int, parent: int, sampled: bool) -> None:  # noqa: FBT001 - drawn
    written = Trace(f"{trace:032x}", f"{parent:016x}", sampled)

    assert parse_traceparent(format_traceparent(written)) == written


@given(st.integers())
def test_a_new_trace_is_a_valid_one(seed: int) -> None:
    trace = new_trace(Random(seed))

    assert parse_traceparent(format_traceparent(trace)) == trace


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{ID}-{PARENT}",
        f"ff-{ID}-{PARENT}-01",
        f"00-{ID.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID}-{PARENT}-01-more",
        f"00-{ID[1:]}-{PARENT}-01",
        f"00-{ID}-{PARENT}-1",
        f"00-{ID}-{PARENT}-zz",
        f"00-{ID}-{PARENT}-01\n00",
    ],
)
def test_a_malformed_header_is_ignored(header: str) -> None:
    assert parse_traceparent(header) is None


@pytest.mark.parametrize(
    "header", [f"01-{ID}-{PARENT}-01-more", f"01-{ID}-{PARENT}-09", f" 00-{ID}-{PARENT}-01 "]
)
def test_later_versions_and_other_flags_are_read_as_far_as_known(header: str) -> None:
    assert parse_traceparent(header) == Trace(ID, PARENT, sampled=True)
