"""Limiters on traffic in virtual time: what the page on rate limiters claims."""

from collections.abc import Callable, Iterator
from itertools import accumulate
from math import ceil
from random import Random

import pytest

from bijou.algorithms.limits import GCRA, SlidingWindowCounter, SlidingWindowLog
from tests.unit.algorithms.limits.specifications import LogSpec

LIMIT, WINDOW_NS = 20, 10_000
REQUESTS = 2500

Trace = Callable[[Random], Iterator[int]]


def poisson(load: float) -> Trace:
    def trace(chance: Random) -> Iterator[int]:
        gaps = (round(chance.expovariate(load * LIMIT / WINDOW_NS)) for _ in range(REQUESTS))
        return accumulate(gaps)

    return trace


def bursts(chance: Random) -> Iterator[int]:
    return accumulate(round(chance.paretovariate(0.9) * WINDOW_NS / LIMIT / 9) for _ in range(REQUESTS))


def adversary(chance: Random) -> Iterator[int]:
    """A burst just before each window of a fixed counter ends, another just after."""
    for turn in range(REQUESTS // (4 * LIMIT)):
        for offset in (-1, 0, WINDOW_NS // 2, WINDOW_NS):
            yield from [(2 * turn + 1) * WINDOW_NS + offset] * LIMIT


TRACES: dict[str, Trace] = {
    "calm": poisson(0.8),
    "even": poisson(1.0),
    "over": poisson(1.5),
    "bursts": bursts,
    "adversary": adversary,
}
every_trace = pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)


def most_in_any_window(times: list[int], window_ns: int) -> int:
    start = most = 0
    for end, at_ns in enumerate(times):
        while times[start] <= at_ns - window_ns:
            start += 1
        most = max(most, end - start + 1)
    return most


@every_trace
def test_the_log_decides_every_request_as_the_definition_does(trace: Trace) -> None:
    log, spec = SlidingWindowLog(LIMIT, WINDOW_NS), LogSpec(LIMIT, WINDOW_NS)
    times = list(trace(Random(1)))

    decided = [log.admit(at_ns).allowed for at_ns in times]

    assert decided == [spec.admit(at_ns).allowed for at_ns in times]
    admitted = [at_ns for at_ns, allowed in zip(times, decided, strict=True) if allowed]
    assert most_in_any_window(admitted, WINDOW_NS) == LIMIT


@every_trace
@pytest.mark.parametrize("parts", [1, 7, 60])
def test_the_counter_never_overruns_and_denies_only_what_a_longer_log_would(trace: Trace, parts: int) -> None:
    counter = SlidingWindowCounter(LIMIT, WINDOW_NS, parts)
    longer_ns = ceil(WINDOW_NS * (1 + 1 / parts))
    admitted: list[int] = []

    for at_ns in trace(Random(2)):
        in_longer = sum(at_ns - longer_ns < earlier for earlier in admitted[-LIMIT:])
        if counter.admit(at_ns).allowed:
            admitted.append(at_ns)
        else:
            assert in_longer >= LIMIT

    assert most_in_any_window(admitted, WINDOW_NS) <= LIMIT


@every_trace
def test_a_token_bucket_bounds_every_window_by_burst_and_rate(trace: Trace) -> None:
    burst = 7
    gcra = GCRA(LIMIT, WINDOW_NS, burst)
    admitted = [at_ns for at_ns in trace(Random(3)) if gcra.admit(at_ns).allowed]

    for window_ns in (1, WINDOW_NS // 9, WINDOW_NS, 5 * WINDOW_NS):
        assert most_in_any_window(admitted, window_ns) <= burst + LIMIT * window_ns / WINDOW_NS


def test_a_fixed_window_and_a_weighted_one_let_the_adversary_through_twice() -> None:
    """The reason why neither is offered."""
    times = list(adversary(Random(0)))

    assert most_in_any_window(fixed_window(times), WINDOW_NS) == 2 * LIMIT
    assert most_in_any_window(weighted_windows(times), WINDOW_NS) > 1.4 * LIMIT


def fixed_window(times: list[int]) -> list[int]:
    admitted: list[int] = []
    for at_ns in times:
        if sum(earlier // WINDOW_NS == at_ns // WINDOW_NS for earlier in admitted) < LIMIT:
            admitted.append(at_ns)
    return admitted


def weighted_windows(times: list[int]) -> list[int]:
    """This window's count, and the last one's by the share that still overlaps."""
    admitted: list[int] = []
    for at_ns in times:
        window, into_ns = divmod(at_ns, WINDOW_NS)
        this = sum(earlier // WINDOW_NS == window for earlier in admitted)
        last = sum(earlier // WINDOW_NS == window - 1 for earlier in admitted)
        if this + last * (1 - into_ns / WINDOW_NS) < LIMIT:
            admitted.append(at_ns)
    return admitted


@every_trace
@pytest.mark.parametrize("make", [SlidingWindowLog, SlidingWindowCounter])
def test_no_decision_depends_on_a_denied_call(trace: Trace, make: type[SlidingWindowLog]) -> None:
    asked, spared = make(LIMIT, WINDOW_NS), make(LIMIT, WINDOW_NS)
    times = list(trace(Random(4)))
    passed = [at_ns for at_ns in times if asked.admit(at_ns).allowed]

    assert all(spared.admit(at_ns).allowed for at_ns in passed)


def test_a_full_log_takes_eight_bytes_an_admission() -> None:
    log = SlidingWindowLog(70_000, WINDOW_NS)
    for at_ns in range(70_000):
        log.admit(at_ns % 2)

    assert len(log._ring) * log._ring.itemsize == 8 * 70_000


def test_an_idle_log_takes_few_bytes_whatever_its_limit() -> None:
    log = SlidingWindowLog(10**9, WINDOW_NS)
    log.admit(0)

    assert len(log._ring) * log._ring.itemsize <= 64
