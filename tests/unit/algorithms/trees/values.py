"""Values to put into trees, and whether two are the same to the last bit."""

import struct
from typing import Any

from hypothesis import strategies as st

WIDTHS = (7, 15, 31, 63, 64, 90)  # where another width begins
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS = st.one_of(
    st.integers(-9, 9),
    st.sampled_from(
        [sign * (1 << bits) + off for bits in (7, 15, 31, 63, 64, 90) for sign in (1, -1) for off in (-1, 0)]
    ),
    st.integers(),
)
VALUES = st.one_of(st.none(), st.booleans(), INTEGERS, st.floats(), TEXTS, st.binary(max_size=8))


def bits(value: Any) -> Any:
    """Return what is equal only for the same value of the same type."""
    return type(value), struct.pack("<d", value) if isinstance(value, float) else value
