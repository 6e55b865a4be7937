"""Several processes on one limit, in real time, never pass more than it allows."""

import json
import os
import subprocess
import sys
from bisect import bisect_left
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bijou.runtime.processes import die_with_parent
from tests.contract.redis_limits.caller import LIMIT, PREPAID_LIMIT, WINDOW_NS
from tests.contract.redis_limits.server import RedisServer

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 3
# Redis keeps the wall clock, which may run 0.05 % faster than the monotonic one while it is corrected.
SURE_NS = WINDOW_NS * 999 // 1000


@pytest.fixture(scope="module")
def seen(shared_redis: RedisServer) -> list[dict[str, Any]]:
    """What each of several processes saw that were let loose at one moment."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    callers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.redis_limits.caller", shared_redis.url],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - async-signal-safe
        )
        for _ in range(PROCESSES)
    ]
    try:
        for caller in callers:
            assert caller.stdout is not None
            assert caller.stdout.readline() == "ready\n"
        for caller in callers:
            assert caller.stdin is not None
            caller.stdin.write("go\n")
            caller.stdin.flush()
        return [json.loads(caller.communicate(timeout=30)[0]) for caller in callers]
    finally:
        for caller in callers:
            caller.kill()
            caller.wait()


def most_surely_within(passed: list[tuple[int, int]], window_ns: int) -> int:
    """Return the most that surely passed in one window: asked after it began, answered before it ended."""
    asked = sorted(asked_ns for asked_ns, _ in passed)
    answered = sorted(answered_ns for _, answered_ns in passed)
    return max(bisect_left(answered, start + window_ns) - earlier for earlier, start in enumerate(asked))


def test_a_crowd_in_several_processes_passes_exactly_what_each_limit_allows(
    seen: list[dict[str, Any]],
) -> None:
    passed = [sum(each) for each in zip(*(one["crowd"] for one in seen), strict=True)]

    assert passed == [LIMIT] * 4


def test_no_window_holds_more_than_the_limit_however_many_processes_ask(seen: list[dict[str, Any]]) -> None:
    passed = [tuple(each) for one in seen for each in one["window"]]

    assert most_surely_within(passed, SURE_NS) <= LIMIT
    assert len(passed) >= 2 * LIMIT


def test_leases_of_several_processes_never_pass_more_than_the_limit(seen: list[dict[str, Any]]) -> None:
    spent = [tuple(each) for one in seen for each in one["prepaid"]["spent"]]

    assert most_surely_within(spent, WINDOW_NS) <= PREPAID_LIMIT
    assert len(spent) >= PREPAID_LIMIT


def test_the_count_above_catches_what_passes_too_much() -> None:
    assert most_surely_within([(0, 1), (0, 2), (5, 9), (90, 101)], 100) == 3
