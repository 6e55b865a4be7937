"""A process that asks shared limits as fast as it can; tests start several, with Redis's address.

It says it is ready, waits for a line, and prints what it saw as JSON.
"""

import asyncio
import json
import sys
import time
from typing import Any

from bijou.algorithms.limits import CounterRule, GcraRule, LogRule, Rule
from bijou.engines.redis_limits import RedisLimits
from bijou.ports import SystemClock

HOUR_NS = 3600 * 10**9
LIMIT = 100
WINDOW_NS = 200 * 10**6
RUN_NS = 4 * WINDOW_NS
PREPAID_LIMIT = 1000
RULES: list[Rule] = [LogRule(LIMIT, HOUR_NS), CounterRule(LIMIT, HOUR_NS), GcraRule(1, HOUR_NS, LIMIT)]


async def crowd(limits: RedisLimits) -> list[int]:
    """Ask for more than there is of each kind of limit, many at once, one and several; count what passed."""
    passed = []
    for rule in RULES:
        limit = limits.keyed("crowd", rule)
        decisions = await asyncio.gather(*(limit.admit("all", 1 + turn % 2) for turn in range(LIMIT)))
        passed.append(sum(1 + turn % 2 for turn, decision in enumerate(decisions) if decision.allowed))
    claims = [limits.keyed("both", rule).claim("all") for rule in RULES]
    both = await asyncio.gather(*(limits.admit_all(claims) for _ in range(LIMIT)))
    return [*passed, sum(decision.allowed for decision in both)]


async def window(limits: RedisLimits) -> list[tuple[int, int]]:
    """Ask for longer than a few windows; return when each that passed was asked and answered."""
    limit = limits.keyed("window", LogRule(LIMIT, WINDOW_NS))
    passed = []
    ends_ns = time.monotonic_ns() + RUN_NS  # noqa: TID251 - the test compares processes
    while (asked_ns := time.monotonic_ns()) < ends_ns:  # noqa: TID251
        if (await limit.admit("all")).allowed:
            passed.append((asked_ns, time.monotonic_ns()))  # noqa: TID251
    return passed


async def prepaid(limits: RedisLimits) -> dict[str, Any]:
    """Spend permits for longer than a few windows; when each was spent, how many were asked for."""
    prepaid = limits.prepaid("prepaid", LogRule(PREPAID_LIMIT, WINDOW_NS), term_s=0.05)
    spent, asked = [], 0
    ends_ns = time.monotonic_ns() + RUN_NS  # noqa: TID251 - the test compares processes
    while (now_ns := time.monotonic_ns()) < ends_ns:  # noqa: TID251
        asked += 1
        if (await prepaid.admit("all")).allowed:
            spent.append((now_ns, time.monotonic_ns()))  # noqa: TID251
    return {"spent": spent, "asked": asked}


async def main(url: str) -> None:
    limits = RedisLimits(url, SystemClock(), timeout_s=10)
    await limits.keyed("warm", LogRule(1, HOUR_NS)).peek("up")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    seen = {"crowd": await crowd(limits), "window": await window(limits), "prepaid": await prepaid(limits)}
    await limits.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
