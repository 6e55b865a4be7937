from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.abr import KINDS, Outcomes, drawn_traces, film_of, own_policy, reference_film, simulate, trace
from bijou.abr.film import ln

FILM = reference_film(segments=30)


@pytest.mark.parametrize("policy", KINDS)
def test_compiled_and_plain_see_the_same_to_the_last_bit(policy: str) -> None:
    traces = drawn_traces(2 if policy == "mpc" else 6, seed=3)

    native, plain = (simulate(FILM, traces, policy, native=one) for one in (True, False))

    for field in fields(Outcomes):
        assert getattr(native, field.name).tolist() == getattr(plain, field.name).tolist(), field.name


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(KINDS)), st.integers(0, 10_000))
def test_time_is_the_films_length_and_what_stood_still(policy: str, seed: int) -> None:
    seen = simulate(FILM, drawn_traces(2, seed=seed), policy)

    accounted = 30 * 3.0 + seen.rebuffer_s + seen.startup_s
    assert np.allclose(seen.total_s, accounted, atol=1e-6)


@pytest.mark.parametrize("policy", KINDS)
def test_a_line_far_above_the_ladder_shows_the_top_and_never_stops(policy: str) -> None:
    fast = trace("fast", np.array([10.0]), np.array([200e6]), latency_s=0.01)

    seen = simulate(reference_film(), [fast], policy)

    assert seen.rebuffer_s[0] == 0
    assert seen.utility[0] > 0.9 * np.log(6000 / 230)


@pytest.mark.parametrize("policy", KINDS)
def test_a_line_below_the_ladder_shows_the_lowest(policy: str) -> None:
    slow = trace("slow", np.array([10.0]), np.array([150e3]))

    seen = simulate(FILM, [slow], policy)

    assert seen.switches[0] <= 2
    assert seen.rebuffer[0] > 0.2


def test_an_outage_longer_than_the_buffer_is_rebuffering_for_everybody() -> None:
    cut = trace("cut", np.array([30.0, 45.0, 300.0]), np.array([5e6, 0.0, 5e6]))

    stopped = [simulate(FILM, [cut], policy).rebuffer_s[0] for policy in KINDS]

    assert min(stopped) > 45 - 25 - 3.1


def test_what_cannot_be_simulated_is_refused_in_words() -> None:
    traces = drawn_traces(1, seed=1)

    with pytest.raises(ValueError, match="'pensieve'; there are throughput"):
        simulate(FILM, traces, "pensieve")
    with pytest.raises(ValueError, match="buffer of 4 s"):
        simulate(FILM, traces, limit_s=4)
    with pytest.raises(ValueError, match="rise"):
        film_of(segment_s=4, bitrates_bps=[2e6, 1e6], sizes_bits=np.ones((3, 2)))
    with pytest.raises(ValueError, match="shape"):
        film_of(segment_s=4, bitrates_bps=[1e6, 2e6], sizes_bits=np.ones((3, 4)))
    with pytest.raises(ValueError, match="longer than 0"):
        film_of(segment_s=0, bitrates_bps=[1e6, 2e6], sizes_bits=np.ones((3, 2)))


def test_no_traces_are_no_sessions() -> None:
    assert simulate(FILM, []).score.size == 0


def test_a_policy_may_be_handed_in_as_data() -> None:
    traces = drawn_traces(2, seed=5)
    lowest = {**own_policy(), "value": ["-", 0, "utility"]}

    assert simulate(FILM, traces, own_policy()).score.tolist() == simulate(FILM, traces).score.tolist()
    assert simulate(FILM, traces, lowest).utility.tolist() == [0.0, 0.0]


def test_the_logarithm_is_the_true_one() -> None:
    xs = np.geomspace(1, 1e6, 400)

    assert np.allclose([ln(float(x)) for x in xs], np.log(xs), rtol=4e-16, atol=4e-16)
