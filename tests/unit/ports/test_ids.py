import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.ports import Instant, VirtualClock, new_id

FORM = re.compile(r"ttl_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@given(st.lists(st.integers(0, 2**41), min_size=2), st.integers())
def test_ids_sort_by_the_millisecond_of_their_birth(milliseconds: list[int], seed: int) -> None:
    chance = Random(seed)
    born = sorted(set(milliseconds))

    ids = [new_id("ttl", VirtualClock(Instant(ms * 1000)), chance) for ms in born]

    assert ids == sorted(ids)
    assert all(FORM.fullmatch(each) for each in ids)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="the kinds are"):
        new_id("cat", VirtualClock(), Random(1))
