from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.abr import Film, film_of, memory
from bijou.abr.bola import GP
from bijou.abr.mpc import AHEAD, UNEVEN, by_mpc, forecast, observe_rate


def film(seed: int) -> Film:
    draw = np.random.default_rng(seed)
    rates = np.cumsum(draw.uniform(2e5, 1e6, 4))
    sizes = rates * 4.0 * draw.uniform(0.6, 1.5, (9, 4))
    return film_of(segment_s=4.0, bitrates_bps=rates.tolist(), sizes_bits=sizes)


def worth(one: Film, plan: tuple[int, ...], rate: float, level_s: float, before: int, number: int) -> float:
    value = 0.0
    for at, rung in enumerate(plan):
        wait_s = 0.08 + one.sizes[number + at, rung] / rate
        value += one.utilities[rung] - GP * max(0.0, wait_s - level_s) / one.segment_s
        value -= UNEVEN * abs(one.utilities[rung] - one.utilities[before])
        level_s, before = max(0.0, level_s - wait_s) + one.segment_s, rung
    return value


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.floats(1.5e5, 4e6), st.floats(0.0, 24.0), st.integers(1, 8), st.integers(0, 3))
def test_the_search_finds_a_best_plan_of_all(
    seed: int, rate: float, level_s: float, number: int, before: int
) -> None:
    one, mind = film(seed), np.zeros(memory.SIZE)
    observe_rate(mind, rate, 1.0)
    mind[memory.LATENCY], mind[memory.MPC_RUNG] = 0.08, before

    first = by_mpc(one, mind, number, level_s)

    plans = product(range(4), repeat=min(AHEAD, 9 - number))
    values = {plan: worth(one, plan, rate, level_s, before, number) for plan in plans}
    assert max(value for plan, value in values.items() if plan[0] == first) >= max(values.values()) - 1e-6


def test_the_forecast_is_the_harmonic_mean_less_the_worst_error() -> None:
    mind = np.zeros(memory.SIZE)
    observe_rate(mind, 4e6, 1.0)
    assert abs(forecast(mind) - 4e6) < 1e-3
    observe_rate(mind, 1e6, 1.0)  # it had been expected four times as fast: an error of 3

    assert abs(forecast(mind) - 1.6e6 / 4) < 1e-3
