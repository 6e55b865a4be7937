"""Rate limiters beside limits, pyrate-limiter and throttled-py; and on Redis, beside a call a request."""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyrate_limiter
import redis
import throttled
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from benchmarks.structures.measuring import Row, allocated_bytes, interleaved, version
from bijou.algorithms.limits import CounterRule, GcraRule, KeyedLimits, LogRule, Rule
from bijou.engines.redis_limits import RedisLimits
from bijou.ports import EngineUnavailable, SystemClock
from bijou.runtime.processes import die_with_parent

HOUR_NS = 3600 * 10**9
SECOND_NS = 10**9
LIMIT = 100
LIMITS, PYRATE, THROTTLED = version("limits"), version("pyrate-limiter"), version("throttled-py")
AT_LEAST = {LIMITS: 5.0, PYRATE: 10.0, THROTTLED: 5.0}


def rows(*, quick: bool) -> list[Row]:
    return [
        *_speed(quick=quick),
        *_long_log(quick=quick),
        *_memory(quick=quick),
        *_exactness(quick=quick),
        *_on_redis(quick=quick),
    ]


def _ours(rule: Rule, keys: list[str], times: int) -> KeyedLimits[str]:
    table: KeyedLimits[str] = KeyedLimits(rule.limiter)
    admit, now_ns = table.admit, time.monotonic_ns
    for _ in range(times):
        for key in keys:
            admit(key, now_ns())
    return table


def _limits(limit: int, keys: list[str], times: int) -> object:
    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerHour(limit)
    hit = limiter.hit
    for _ in range(times):
        for key in keys:
            hit(item, key)
    return limiter


class _Buckets(pyrate_limiter.BucketFactory):  # type: ignore[misc] - the library has no types here
    """A log a key, as pyrate-limiter's manual has it, without the thread that cleans them."""

    def __init__(self, limit: int) -> None:
        self._rates = [pyrate_limiter.Rate(limit, pyrate_limiter.Duration.HOUR)]
        self._clock = pyrate_limiter.MonotonicClock()
        self._buckets: dict[str, Any] = {}

    def wrap_item(self, name: str, weight: int = 1) -> Any:
        return pyrate_limiter.RateItem(name, self._clock.now(), weight=weight)

    def get(self, item: Any) -> Any:
        bucket = self._buckets.get(item.name)
        if bucket is None:
            bucket = self._buckets[item.name] = pyrate_limiter.InMemoryBucket(self._rates)
        return bucket


def _pyrate(limit: int, keys: list[str], times: int) -> object:
    limiter = pyrate_limiter.Limiter(_Buckets(limit))
    acquire = limiter.try_acquire
    for _ in range(times):
        for key in keys:
            acquire(key, blocking=False)
    return limiter


def _throttled(limit: int, keys: list[str], times: int, *, using: str = "sliding_window") -> object:
    store = throttled.MemoryStore(options={"MAX_SIZE": 1 << 20})
    quota = throttled.per_hour(limit, burst=limit)
    limiter = throttled.Throttled(using=using, quota=quota, store=store)
    ask = limiter.limit
    for _ in range(times):
        for key in keys:
            ask(key)
    return limiter


def _speed(*, quick: bool) -> list[Row]:
    keys = [f"address {number}" for number in range(40 if quick else 200)]
    times, rounds = 2 * LIMIT, 3 if quick else 7
    peers = {LIMITS: _limits, PYRATE: _pyrate, THROTTLED: _throttled}
    found = []
    for what, limit, targets in (
        ("sliding-window log, half denied", LIMIT, AT_LEAST),
        ("sliding-window log, all pass", 2 * LIMIT, {}),
    ):
        works = {"ours": partial(_ours, LogRule(limit, HOUR_NS), keys, times)}
        works |= {name: partial(work, limit, keys, times) for name, work in peers.items()}
        taken = interleaved(works, rounds=rounds)
        found += [_call_row(what, taken, name, len(keys) * times, targets.get(name)) for name in peers]
    return found + _other_algorithms(keys, times, rounds)


def _other_algorithms(keys: list[str], times: int, rounds: int) -> list[Row]:
    gcra = f"{THROTTLED} gcra"
    works = {
        "our log": partial(_ours, LogRule(LIMIT, HOUR_NS), keys, times),
        "counter": partial(_ours, CounterRule(LIMIT, HOUR_NS), keys, times),
        "gcra": partial(_ours, GcraRule(LIMIT, HOUR_NS, LIMIT), keys, times),
        gcra: partial(_throttled, LIMIT, keys, times, using="gcra"),
    }
    taken = interleaved(works, rounds=rounds)
    calls = len(keys) * times
    return [
        _call_row("GCRA, half denied", {**taken, "ours": taken["gcra"]}, gcra, calls),
        _call_row("GCRA, half denied", {**taken, "ours": taken["gcra"]}, "our log", calls),
        _call_row("counter, half denied", {**taken, "ours": taken["counter"]}, "our log", calls),
    ]


def _long_log(*, quick: bool) -> list[Row]:
    limit = 10_000 if quick else 70_000
    works = {
        "ours": partial(_ours, LogRule(limit, HOUR_NS), ["one"], limit),
        LIMITS: partial(_limits, limit, ["one"], limit),
        PYRATE: partial(_pyrate, limit, ["one"], limit),
    }
    taken = interleaved(works, rounds=1 if quick else 3)
    return [_call_row(f"one log of {limit:,}", taken, name, limit) for name in (LIMITS, PYRATE)]


def _call_row(
    what: str, taken: dict[str, float], peer: str, calls: int, at_least: float | None = None
) -> Row:
    return Row(
        room="limits",
        what=what,
        ours=taken["ours"] / calls * 1e6,
        peer=peer,
        theirs=taken[peer] / calls * 1e6,
        unit="us/call",
        ratio=taken[peer] / taken["ours"],
        at_least=at_least,
    )


def _memory(*, quick: bool) -> list[Row]:
    events = 32_768 if quick else 65_536
    ours = allocated_bytes(partial(_ours, LogRule(events, HOUR_NS), ["one"], events)) / events
    found = []
    for peer, fill, at_least in ((LIMITS, _limits, 15.0), (PYRATE, _pyrate, None)):
        theirs = allocated_bytes(partial(fill, events, ["one"], events)) / events
        found.append(
            Row(
                room="limits",
                what=f"memory of an event, full log of {events:,}",
                ours=ours,
                peer=peer,
                theirs=theirs,
                unit="bytes",
                ratio=theirs / ours,
                at_least=at_least,
            )
        )
    return found


def _exactness(*, quick: bool) -> list[Row]:
    """Count, in virtual time, what passes in the worst window and what is denied too much."""
    step_ns = SECOND_NS // LIMIT  # a burst just before a window of others ends, then evenly through the next
    edges = [(2 * turn + 1) * SECOND_NS for turn in range(20)]
    attack = [edge + max(-1, at * step_ns) for edge in edges for at in range(-LIMIT, LIMIT)]
    ours = _most_in_a_second(_passed(LogRule(LIMIT, SECOND_NS), attack))
    found = []
    for name, share in (("a fixed window", 0.0), ("this window and a share of the last", 1.0)):
        theirs = _most_in_a_second(_by_two_windows(attack, share))
        found.append(_fact("most in any window, attacked, limit 100", ours, name, theirs, "requests"))
    for load in (0.8, 1.0, 1.5):
        chance, at_ns, times = Random(1), 0.0, []
        for _ in range(20_000 if quick else 200_000):
            at_ns += chance.expovariate(load * LIMIT / SECOND_NS)
            times.append(round(at_ns))
        exact = len(_passed(LogRule(LIMIT, SECOND_NS), times))
        for rule, name in (
            (CounterRule(LIMIT, SECOND_NS), "counter of 60 parts"),
            (CounterRule(LIMIT, SECOND_NS, 10), "counter of 10 parts"),
            (GcraRule(LIMIT, SECOND_NS, LIMIT), "GCRA, burst 100"),
        ):
            passed = _passed(rule, times)
            found.append(
                Row(
                    room="limits",
                    what=f"passed at {load:g} of the limit, {name}",
                    ours=len(passed),
                    peer="our log",
                    theirs=exact,
                    unit="requests",
                    ratio=len(passed) / exact,
                    note=f"most in a window {_most_in_a_second(passed)}",
                )
            )
    return found


def _passed(rule: Rule, times: list[int]) -> list[int]:
    limiter = rule.limiter()
    return [at_ns for at_ns in times if limiter.admit(at_ns).allowed]


def _by_two_windows(times: list[int], share: float) -> list[int]:
    """Count in fixed windows, and add `share` of the part of the last one that still overlaps."""
    counts: dict[int, int] = {}
    passed = []
    for at_ns in times:
        window, into_ns = divmod(at_ns, SECOND_NS)
        last = share * counts.get(window - 1, 0) * (1 - into_ns / SECOND_NS)
        if counts.get(window, 0) + last < LIMIT:
            counts[window] = counts.get(window, 0) + 1
            passed.append(at_ns)
    return passed


def _most_in_a_second(passed: list[int]) -> int:
    return max(index + 1 - bisect_right(passed, at_ns - SECOND_NS) for index, at_ns in enumerate(passed))


@contextlib.contextmanager
def _redis_server() -> Iterator[str]:
    """A Redis on a socket in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis.sock"
        words = ["--port", "0", "--unixsocket", path, "--save", "", "--logfile", f"{folder}/log"]
        try:
            bound = partial(die_with_parent, os.getpid())
            server = subprocess.Popen(["redis-server", *words, "--dir", folder], preexec_fn=bound)  # noqa: PLW1509
        except FileNotFoundError as error:
            raise EngineUnavailable(
                "limits.no_server", "redis-server is not installed; apt install redis-server"
            ) from error
        try:
            while not Path(path).exists():
                time.sleep(0.01)
            yield f"unix://{path}?db=0"
        finally:
            server.kill()
            server.wait()


def _on_redis(*, quick: bool) -> list[Row]:
    with _redis_server() as url, contextlib.closing(redis.Redis.from_url(url)) as server:
        peer = f"a call a request, redis {server.info('server')['redis_version']}"
        return [
            *_leases(url, server, peer, seconds=1 if quick else 4),
            *_scripts(url, server, calls=1000 if quick else 10_000),
        ]


def _leases(url: str, server: Any, peer: str, *, seconds: int) -> list[Row]:
    """Ask 10,000 times a second in real time, from two sides that share one limit."""
    found = []
    for what, limit in (("below the limit", 20_000), ("at twice the limit", 5000)):
        server.config_resetstat()
        asked, passed = asyncio.run(_paced(url, what, limit, seconds))
        calls = _calls(server)["calls"]
        most = _most_in_a_second(passed)
        told = {"room": "limits", "peer": peer}
        found += [
            Row(
                what=f"Redis calls with leases, 10,000/s {what}",
                ours=calls,
                theirs=asked,
                unit="calls",
                ratio=asked / calls,
                at_least=20.0,
                note=f"{len(passed):,} of {asked:,} passed",
                **told,
            ),
            Row(
                what=f"most in any second, 10,000/s {what}",
                ours=most,
                theirs=limit,
                unit="requests",
                ratio=limit / most,
                at_least=1.0,
                **{**told, "peer": "the limit"},
            ),
        ]
    return found


async def _paced(url: str, name: str, limit: int, seconds: int) -> tuple[int, list[int]]:
    """Return how many were asked for, and when each passed."""
    limits = RedisLimits(url, SystemClock(), timeout_s=2)
    sides = [limits.prepaid(name, LogRule(limit, SECOND_NS), term_s=0.1) for _ in range(2)]
    start_ns = time.monotonic_ns()
    asked, passed = 0, []
    while (now_ns := time.monotonic_ns()) < start_ns + seconds * SECOND_NS:
        while asked < (now_ns - start_ns) // 100_000:
            decision = await sides[asked % 2].admit("all")
            asked += 1
            if decision.allowed:
                passed.append(time.monotonic_ns())
        await asyncio.sleep(0.001)
    await limits.close()
    return asked, passed


def _scripts(url: str, server: Any, *, calls: int) -> list[Row]:
    """Compare the server's time for a call, and its memory, between our log and that of limits."""
    limit = 2 * calls

    async def ours() -> int:
        limits = RedisLimits(url, SystemClock(), timeout_s=2)
        log = limits.keyed("script", LogRule(limit, HOUR_NS))
        for _ in range(calls):
            await log.admit("one")
        await limits.close()
        return int(server.memory_usage(log.place("one"), samples=0))

    def theirs() -> int:
        moving, item = MovingWindowRateLimiter(RedisStorage(f"redis+{url}")), RateLimitItemPerHour(limit)
        for _ in range(calls):
            moving.hit(item, "one")
        return int(server.memory_usage(f"LIMITS:{item.key_for('one')}", samples=0))

    server.config_resetstat()
    our_bytes, our_us = asyncio.run(ours()), _calls(server)["usec_per_call"]
    server.config_resetstat()
    their_bytes, their_us = theirs(), _calls(server)["usec_per_call"]
    peer = f"{LIMITS}, moving window"
    return [
        _fact("Redis's time for a call to a log", our_us, peer, their_us, "us"),
        _fact("Redis's memory of a logged event", our_bytes / calls, peer, their_bytes / calls, "bytes"),
    ]


def _calls(server: Any) -> dict[str, Any]:
    stats: dict[str, Any] = server.info("commandstats")["cmdstat_evalsha"]
    return stats


def _fact(what: str, ours: float, peer: str, theirs: float, unit: str) -> Row:
    return Row(room="limits", what=what, ours=ours, peer=peer, theirs=theirs, unit=unit, ratio=theirs / ours)
