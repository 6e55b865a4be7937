import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bijou.abr import network
from bijou.abr.network import Link

PERIODS = st.lists(
    st.tuples(st.floats(0.05, 5.0), st.sampled_from([0.0, 2e5, 1e6, 7e6]), st.floats(0.0, 0.4)),
    min_size=2,
    max_size=8,
).filter(lambda periods: any(rate for _, rate, _ in periods))


def link_over(periods: list[tuple[float, float, float]]) -> Link:
    durations, rates, latencies = (np.array(column) for column in zip(*periods, strict=True))
    link = Link(durations, rates, latencies, np.zeros(2))
    network.rewind(link)
    return link


def carried(periods: list[tuple[float, float, float]], time_s: float) -> float:
    """The slowest obvious way: period by period from the beginning."""
    bits, at = 0.0, 0
    while time_s > 0:
        duration, rate, _ = periods[at % len(periods)]
        bits += rate * min(duration, time_s)
        time_s -= duration
        at += 1
    return bits


@given(PERIODS, st.floats(1.0, 4e7))
def test_bits_take_as_long_as_the_trace_takes_to_carry_them(
    periods: list[tuple[float, float, float]], bits: float
) -> None:
    time_s = network.whole(link_over(periods), bits)

    assert abs(carried(periods, time_s) - bits) <= 1e-6 * bits + 1e-3


@given(PERIODS, st.floats(1.0, 4e6), st.floats(0.0, 7.0))
def test_pieces_add_up_to_the_whole(
    periods: list[tuple[float, float, float]], bits: float, idle_s: float
) -> None:
    link, twin = link_over(periods), link_over(periods)
    network.idle(link, idle_s)
    network.idle(twin, idle_s)
    got = time_s = 0.0
    while bits - got > 1e-6:
        more, more_s = network.piece(link, bits - got, 12_000.0, 0.05)
        got, time_s = got + more, time_s + more_s

    assert abs(time_s - network.whole(twin, bits)) < 1e-6 * max(1.0, time_s)


def test_a_latency_that_changes_counts_by_its_shares() -> None:
    link = link_over([(0.1, 1e6, 0.2), (10.0, 1e6, 0.4)])

    # Half of the way under 0.2 s takes the first period; the other half is half of 0.4 s.
    assert abs(network.first_byte(link) - 0.3) < 1e-12


def test_strides_stay_inside_the_period_and_short_of_the_end() -> None:
    link = link_over([(1.0, 1e6, 0.0), (1.0, 2e6, 0.0)])

    assert network.strides(link, 5e5, 1e5) == 4
    assert network.strides(link, 9e6, 1e5) == 10
    assert abs(network.stride(link, 4e5) - 0.4) < 1e-12
    assert abs(link.clock[network.LEFT] - 0.6) < 1e-12
