"""Limits that several processes share, on Redis: one atomic script a call."""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bijou.algorithms.limits import CounterRule, Decision, GcraRule, Grant, LogRule, Rule, strictest
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.limits import PrepaidLimits

if TYPE_CHECKING:
    from redis.asyncio import Redis

_LUA: Final = Path(__file__).with_name("lua")
_NS_PER_US: Final = 1000
_NS_PER_S: Final = 1_000_000_000
_EXACT: Final = 1 << 52  # sums of two such integers are exact in Lua's doubles


class RedisLimits:
    """Limits that hold over all processes that use the same Redis.

    Each call is one script, which Redis runs by itself: nobody sees a limit
    half charged. Time is the server's, so callers' clocks need not agree; it
    counts microseconds, and rules are rounded up to them. A key expires when
    its state equals never-seen.

    When Redis does not answer in time, nothing passes: the call raises, the
    next ones raise at once until `pause_s` is over, and then one call at a
    time tries again. What was asked in vain may still have been charged: a
    failure denies too much, never too little. For that to hold over a restart
    Redis must keep an append-only file, and it must not evict keys
    (`appendonly yes`, `maxmemory-policy noeviction`). Setting the server's
    clock forward opens windows early.

    Cost: one round trip, about 25 us of the server's time; see `KeyedRedisLimit`
    for memory, and `prepaid` where calls are too many.
    Threads: one event loop.

    Args:
        url: `redis://host:port/db`, of Redis 7 or newer, or of Valkey; not a
            cluster, unless keys that are claimed together share a hash tag.
        clock: This process's clock; tells how long to pause.
        timeout_s: Longest wait for an answer, connecting included.
        pause_s: How long a Redis that failed is left alone.
        connections: Calls at the same time; others wait for their turn.

    Raises:
        EngineUnavailable: `limits.no_driver`, the `redis` package is not installed.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        timeout_s: float = 0.25,
        pause_s: float = 0.5,
        connections: int = 8,
    ) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._pause_ns = round(pause_s * _NS_PER_S)
        self._asks_again_ns: int | None = None
        self._redis = _connect(url, connections, timeout_s)
        self._admit = _Script.of("admit")
        self._take = _Script.of("take")

    def keyed(self, name: str, rule: Rule) -> "KeyedRedisLimit":
        """Return the limit of this name, the same in every process that names it and its rule.

        A rule that was changed starts anew, so while processes with the old
        one still run, the two limits add up.

        Args:
            name: Where the limit stands, such as `sign-in/address`.
            rule: What it allows each key.

        Raises:
            ValueError: the rule's numbers are too large to be exact there.
        """
        return KeyedRedisLimit(self, name, rule)

    def prepaid(self, name: str, rule: Rule, *, term_s: float, most: int = 1000) -> PrepaidLimits:
        """Return the limit of this name for high rates: permits are taken in batches.

        Never lets more through than `rule` does; see `Lease` for what it
        denies too much. Not the same limit as `keyed`'s of that name.

        Args:
            name: Where the limit stands.
            rule: What it allows each key.
            term_s: How long permits may be spent.
            most: Permits asked for at once.

        Raises:
            ValueError: as `keyed` raises it, or the term is too long for the rule.
        """
        shared = rule.prepaid(round(term_s * _NS_PER_S))
        source = self.keyed(f"{name}/prepaid", shared)
        return PrepaidLimits(source, self._clock, limit=shared.limit, term_s=term_s, most=most)

    async def admit_all(self, claims: "Sequence[RedisClaim]") -> Decision:
        """Pass a request through all limits, or charge none of them.

        Two claims on the same key of the same limit add up.

        Returns:
            The strictest answer, as `bijou.algorithms.limits.admit_all` does.

        Raises:
            ValueError: there is no claim, or one whose cost can never pass.
            EngineUnavailable: `limits.unavailable`.
        """
        return await self._decide("charge", claims)

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    async def _decide(self, mode: str, claims: "Sequence[RedisClaim]") -> Decision:
        costs: dict[str, tuple[KeyedRedisLimit, int]] = {}
        for claim in claims:
            place = claim.limit.place(claim.key)
            _, cost = costs.get(place, (claim.limit, 0))
            costs[place] = claim.limit, cost + claim.cost
        if not costs:
            raise ValueError("no claim was given; at least one is needed")
        arguments = [part for limit, cost in costs.values() for part in limit.arguments(cost)]
        numbers = await self._run(self._admit, list(costs), mode, *arguments)
        answers = zip(*[iter(numbers)] * 4, strict=True)
        return strictest(
            Decision(allowed == 1, limit.rule.limit, remaining, reset * _NS_PER_US, retry * _NS_PER_US)
            for (limit, _), (allowed, remaining, reset, retry) in zip(costs.values(), answers, strict=True)
        )

    async def _grant(self, limit: "KeyedRedisLimit", key: str, permits: int) -> Grant:
        given, retry = await self._run(self._take, [limit.place(key)], *limit.arguments(permits))
        return Grant(given, retry * _NS_PER_US)

    async def _run(self, script: "_Script", keys: list[str], *arguments: str | int) -> list[int]:
        from redis import RedisError  # noqa: PLC0415 - an extra, imported where it is used

        self._refuse_while_paused()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await script.run(self._redis, keys, arguments)
        except TimeoutError as error:
            raise self._failed(f"no answer in {self._timeout_s:g} s") from error
        except (RedisError, OSError) as error:
            raise self._failed(str(error)) from error
        self._asks_again_ns = None
        return answer

    def _refuse_while_paused(self) -> None:
        if self._asks_again_ns is None:
            return
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._asks_again_ns:
            left_s = (self._asks_again_ns - now_ns) / _NS_PER_S
            raise _unavailable(f"it failed before and is asked again in {left_s:.3f} s", left_s)
        self._asks_again_ns = now_ns + round(self._timeout_s * _NS_PER_S)

    def _failed(self, reason: str) -> EngineUnavailable:
        self._asks_again_ns = self._clock.monotonic_ns() + self._pause_ns
        return _unavailable(reason, self._pause_ns / _NS_PER_S)


class KeyedRedisLimit:
    """One rule and a limit a key, shared by all processes; made by `RedisLimits.keyed`.

    A `PermitSource` where the rule is one for prepaid permits.

    Cost: on the server O(log live) steps a call at worst; about 20 bytes an
    admission of any cost for a log, 20 (parts + 1) for a counter, 100 for GCRA,
    and Redis's 100 a key.
    Threads: one event loop.
    """

    def __init__(self, limits: RedisLimits, name: str, rule: Rule) -> None:
        self._limits = limits
        self._numbers = _numbers(rule)
        self._prefix = ":".join(["bijou", "limit", name, *map(str, self._numbers)])
        self.rule = rule

    async def admit(self, key: str, cost: int = 1) -> Decision:
        """Let the key's request pass and charge it, or say when it would.

        Raises:
            ValueError: `cost` can never pass.
            EngineUnavailable: `limits.unavailable`.
        """
        return await self._limits._decide("charge", [self.claim(key, cost)])  # noqa: SLF001 - one module

    async def peek(self, key: str, cost: int = 1) -> Decision:
        """Return what `admit` would answer, and charge nothing."""
        return await self._limits._decide("peek", [self.claim(key, cost)])  # noqa: SLF001 - one module

    async def take(self, key: str, permits: int) -> Grant:
        """Charge up to `permits` of the key, as many as pass.

        Raises:
            ValueError: `permits` does not lie in 1..limit.
            EngineUnavailable: `limits.unavailable`.
        """
        return await self._limits._grant(self, key, permits)  # noqa: SLF001 - one module

    def claim(self, key: str, cost: int = 1) -> "RedisClaim":
        """Return the key's part in an `admit_all`."""
        return RedisClaim(self, key, cost)

    def place(self, key: str) -> str:
        """Return the name under which Redis keeps the key's limit."""
        return f"{self._prefix}:{key}"

    def arguments(self, cost: int) -> list[str | int]:
        """Return a claim as the scripts want it."""
        if not 1 <= cost <= self.rule.limit:
            raise ValueError(f"cost {cost} can never pass; it must lie in 1..{self.rule.limit}, the limit")
        algorithm, *numbers = self._numbers
        return [algorithm, cost, *numbers]


class RedisClaim(msgspec.Struct, frozen=True):
    """What one request wants of one limit; made by `KeyedRedisLimit.claim`."""

    limit: Any
    key: str
    cost: int = 1


class _Script:
    """A Lua text that Redis knows by its hash, or is told again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    @staticmethod
    def of(name: str) -> "_Script":
        parts = ("clock", "window", "bucket", "open", name)
        return _Script("\n".join((_LUA / f"{part}.lua").read_text(encoding="utf-8") for part in parts))

    async def run(self, redis: "Redis", keys: list[str], arguments: tuple[str | int, ...]) -> list[int]:
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - an extra, imported where it is used

        try:
            answer: Any = await redis.evalsha(self._sha, len(keys), *keys, *arguments)
        except NoScriptError:  # a new server, or one whose scripts were flushed; nothing has been charged
            answer = await redis.eval(self.text, len(keys), *keys, *arguments)
        return list(answer)


def _numbers(rule: Rule) -> tuple[str, int, int, int]:
    """Return the script's name of the algorithm and its three numbers, in microseconds."""
    match rule:
        case LogRule(limit, window_ns):
            span_us = _ceil_us(window_ns)
            told = ("window", limit, 1, span_us)
        case CounterRule(limit, window_ns, parts):
            grain_us = -(-_ceil_us(window_ns) // parts)
            span_us = grain_us * (parts + 1)
            told = ("window", limit, grain_us, span_us)
        case GcraRule(rate, period_ns, burst):
            span_us = _ceil_us(period_ns) * burst
            told = ("bucket", rate, _ceil_us(period_ns), burst)
    largest = max(span_us, *told[1:])
    if largest > _EXACT:
        raise ValueError(f"{rule} makes {largest} on Redis; numbers there must be at most 2^52 to be exact")
    return told


def _ceil_us(duration_ns: int) -> int:
    return -(-duration_ns // _NS_PER_US)


def _connect(url: str, connections: int, timeout_s: float) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineUnavailable(
            "limits.no_driver",
            "limits on Redis need the package `redis`, which is not installed; pip install 'bijou[redis]'",
        ) from error
    # Never sent twice by the driver: what was charged once would be charged again.
    pool = BlockingConnectionPool.from_url(
        url, max_connections=connections, timeout=timeout_s, retry=Retry(NoBackoff(), 0), protocol=2
    )
    return Redis.from_pool(pool)


def _unavailable(reason: str, retry_after_s: float) -> EngineUnavailable:
    detail = f"the Redis that keeps shared limits: {reason}; nothing passes until it answers again"
    return EngineUnavailable("limits.unavailable", detail, retry_after_s=retry_after_s)
