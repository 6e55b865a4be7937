from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.algorithms import full_jitter

SECONDS = st.floats(1e-6, 1e6)


@given(attempt=st.integers(0, 5000), base_s=SECONDS, stretch=st.floats(1, 1e6), seed=st.integers())
def test_a_wait_is_the_drawn_share_of_the_doubled_base_up_to_the_cap(
    attempt: int, base_s: float, stretch: float, seed: int
) -> None:
    cap_s = base_s * stretch
    ceiling = min(Fraction(cap_s), Fraction(base_s) * 2**attempt)

    wait_s = full_jitter(attempt, base_s=base_s, cap_s=cap_s, chance=Random(seed))

    assert wait_s == Random(seed).random() * float(ceiling)
    assert 0 <= wait_s <= cap_s


def test_waits_fill_the_whole_interval_evenly() -> None:
    chance = Random(1)
    waits = [full_jitter(2, base_s=1, cap_s=99, chance=chance) for _ in range(4000)]

    per_second = [sum(second <= wait < second + 1 for wait in waits) for second in range(4)]
    assert all(900 < count < 1100 for count in per_second)


@pytest.mark.parametrize(
    ("attempt", "base_s", "cap_s"), [(-1, 1, 2), (0, 0, 2), (0, 3, 2), (0, float("nan"), 2)]
)
def test_bounds_out_of_order_are_refused(attempt: int, base_s: float, cap_s: float) -> None:
    with pytest.raises(ValueError, match=r"attempt|base_s"):
        full_jitter(attempt, base_s=base_s, cap_s=cap_s, chance=Random(1))
