import numpy as np
import pytest

from bijou.abr import drawn_traces, parse_trace, recording, set_aside, trace


def test_lines_are_seconds_and_megabits() -> None:
    read = parse_trace("t", "0 1.5\n2.0 0.5\n\n5.0 3\n", latency_s=0.05)

    assert read.durations.tolist() == [2.0, 3.0, 2.5]
    assert read.rates.tolist() == [1.5e6, 0.5e6, 3e6]
    assert read.latencies.tolist() == [0.05] * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1\nfast\n", "t:2: 'fast'"),
        ("0 1 2\n", "t:1"),
        ("0 1\n", "1 samples"),
        ("", "0 samples"),
        ("1 1\n0 1\n", "backwards"),
        ("0 0\n1 0\n", "something comes through"),
        ("0 -1\n1 5\n", "0 or more"),
        ("0 nan\n1 5\n", "finite"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_trace("t", text)


def test_unequal_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="one of each"):
        trace("t", np.ones(3), np.ones(2))


def test_a_seed_always_draws_the_same() -> None:
    first, again, other = drawn_traces(4, seed=9), drawn_traces(4, seed=9), drawn_traces(4, seed=8)

    assert [one.rates.tolist() for one in first] == [one.rates.tolist() for one in again]
    assert first[0].rates.tolist() != other[0].rates.tolist()


def test_parts_of_one_recording_are_held_back_together() -> None:
    traces = [
        one._replace(name=f"ferry_{at // 4}_part{at % 4}") for at, one in enumerate(drawn_traces(40, seed=1))
    ]

    kept, held = set_aside(traces, 0.5)

    assert {recording(one) for one in kept}.isdisjoint(recording(one) for one in held)
    assert len(kept) + len(held) == 40
    assert kept
    assert held
    assert set_aside(traces, 0.0)[1] == []
    assert set_aside(traces, 1.0)[0] == []
