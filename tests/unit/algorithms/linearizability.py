"""Whether what threads saw could have happened one call at a time.

The search of Wing and Gong with Lowe's memory of visited states: "Testing for
linearizability", Concurrency and Computation 29(4), 2017, algorithm 1.
"""

import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random
from types import FrameType
from typing import Any, NamedTuple

HOLD_UP = 0.1
LONGEST_S = 30.0


class Call(NamedTuple):
    """One call of a history: what was asked, what came back, and when."""

    invoked: int
    returned: int
    operation: Any
    result: Any


Step = Callable[[Any, Any], tuple[Any, Hashable]]


def is_linearizable(history: Sequence[Call], step: Step, state: Hashable) -> bool:
    """Tell whether some order of the calls, true to real time, gives these results.

    `step(state, operation)` returns (result, next state) of the sequential
    specification; states are hashable.
    """
    calls = sorted(history)
    everything = (1 << len(calls)) - 1
    seen: set[tuple[int, Hashable]] = set()
    stack: list[tuple[int, Hashable]] = [(0, state)]
    while stack:
        done, state = stack.pop()
        if done == everything:
            return True
        for index in _minimal(calls, done):
            result, after = step(state, calls[index].operation)
            key = (done | 1 << index, after)
            if result == calls[index].result and key not in seen:
                seen.add(key)
                stack.append(key)
    return False


def _minimal(calls: Sequence[Call], done: int) -> Iterator[int]:
    """Yield calls that may be next: none that is left returned before they were invoked."""
    first_return = sys.maxsize
    for index, call in enumerate(calls):
        if done >> index & 1:
            continue
        if call.invoked > first_return:
            return
        yield index
        first_return = min(first_return, call.returned)


def record(scripts: Sequence[Sequence[Any]], perform: Callable[[Any], Any], *, seed: int = 0) -> list[Call]:
    """Run one thread a script, all at once, and return what each call saw.

    Threads are switched as often as the interpreter can, and at every line
    that they execute one of them may be held up until others have run. Threads
    that wait for each other fail the test after `LONGEST_S`, and are left.
    """
    ticks = count()
    barrier = threading.Barrier(len(scripts))
    histories: list[list[Call]] = [[] for _ in scripts]
    errors: list[BaseException] = []

    def run(thread: int, script: Sequence[Any]) -> None:
        sys.settrace(_hold_up_at_lines(Random(seed * len(scripts) + thread)))
        try:
            barrier.wait()
            for operation in script:
                invoked = next(ticks)
                result = perform(operation)
                histories[thread].append(Call(invoked, next(ticks), operation, result))
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)
        finally:
            sys.settrace(None)

    threads = [threading.Thread(target=run, args=numbered, daemon=True) for numbered in enumerate(scripts)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST_S)
            assert not thread.is_alive(), f"{thread.name} still waits after {LONGEST_S} s"
    if errors:
        raise errors[0]
    return [call for history in histories for call in history]


def _hold_up_at_lines(chance: Random) -> Any:
    never_free = threading.Lock()
    never_free.acquire()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if chance.random() < HOLD_UP:
            never_free.acquire(timeout=1e-6)
        return trace

    return trace


@contextmanager
def switching_often() -> Iterator[None]:
    """Let the interpreter switch threads every microsecond."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
