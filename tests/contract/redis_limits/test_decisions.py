"""The limits on Redis answer as the limits in this process do, in virtual time and in real."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bijou.algorithms.limits import (
    Claim,
    CounterRule,
    Decision,
    GcraRule,
    Grant,
    KeyedLimits,
    LogRule,
    Rule,
    admit_all,
    grant,
)
from bijou.engines import redis_limits
from bijou.engines.redis_limits import KeyedRedisLimit, RedisLimits, _Script
from bijou.ports import VirtualClock
from tests.contract.redis_limits.server import RedisServer
from tests.unit.algorithms.machines import Machine, run_machine

pytestmark = pytest.mark.anyio

LUA = Path(redis_limits.__file__).with_name("lua")
HOUR_NS = 3600 * 10**9
# So long that no key expires in real time while a machine runs; divides evenly into parts.
UNIT_NS = 420 * 10**9
US = 1000


def told_the_time(script: _Script) -> _Script:
    """Return the script with one line changed: it asks the test for the time."""
    clock = (LUA / "clock.lua").read_text(encoding="utf-8")
    assert clock in script.text
    return _Script(script.text.replace(clock, "local NOW = tonumber(redis.call('GET', 'now'))"))


@dataclass
class Pair:
    """One rule, on Redis and in this process."""

    there: KeyedRedisLimit
    here: KeyedLimits[int]


def in_us(decision: Decision) -> Decision:
    return Decision(
        decision.allowed,
        decision.limit,
        decision.remaining,
        -(-decision.reset_after_ns // US) * US,
        -(-decision.retry_after_ns // US) * US,
    )


def number(key: str) -> int:
    """Return the key of this process: its shard is the same in every run, that of a text is not."""
    return ord(key[0])


KEYS = st.sampled_from(["ann", "bob"])
COSTS = st.just(1) | st.integers(1, 6)
STEPS = st.integers(0, 6) | st.integers(0, 60)
SPANS = st.integers(1, 40)
LIMITS = st.integers(1, 9)


def spans(units: int) -> int:
    return units * UNIT_NS


RULES = st.tuples(
    st.builds(LogRule, LIMITS, SPANS.map(spans)),
    st.builds(CounterRule, LIMITS, SPANS.map(spans), st.integers(1, 7)),
    st.builds(GcraRule, LIMITS, SPANS.map(spans), LIMITS),
)


class RedisMachine(Machine):
    """Three rules on Redis beside the same three in this process."""

    url: str

    @initialize(rules=RULES)
    def start(self, rules: tuple[Rule, ...]) -> None:
        self.runner = asyncio.Runner()
        self.limits = RedisLimits(self.url, VirtualClock(), timeout_s=5)
        self.limits._admit = told_the_time(self.limits._admit)
        self.limits._take = told_the_time(self.limits._take)
        self.redis(self.limits._redis.flushall())
        self.pairs = [Pair(self.limits.keyed("machine", each), KeyedLimits(each.limiter)) for each in rules]
        self.now_us = 1_763_000_000_000_000
        self.pass_time(0)

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.runner.run(self.limits.close())
            self.runner.close()

    def redis(self, reply: Any) -> None:
        async def wait() -> None:
            await reply

        self.runner.run(wait())

    def pass_time(self, units: int) -> int:
        self.now_us += units * (UNIT_NS // US)
        self.redis(self.limits._redis.set("now", self.now_us))
        return self.now_us * US

    @rule(which=st.integers(0, 2), key=KEYS, cost=COSTS, units=STEPS)
    def admit(self, which: int, key: str, cost: int, units: int) -> None:
        now_ns, pair = self.pass_time(units), self.pairs[which]
        cost = min(cost, pair.there.rule.limit)

        decision = self.runner.run(pair.there.admit(key, cost))

        assert decision == in_us(pair.here.admit(number(key), now_ns, cost))

    @rule(which=st.integers(0, 2), key=KEYS, cost=COSTS)
    def peek(self, which: int, key: str, cost: int) -> None:
        pair = self.pairs[which]
        cost = min(cost, pair.there.rule.limit)

        decision = self.runner.run(pair.there.peek(key, cost))

        assert decision == in_us(pair.here.peek(number(key), self.now_us * US, cost))

    @rule(which=st.integers(0, 2), key=KEYS, permits=COSTS, units=STEPS)
    def take(self, which: int, key: str, permits: int, units: int) -> None:
        now_ns, pair = self.pass_time(units), self.pairs[which]
        permits = min(permits, pair.there.rule.limit)

        given = self.runner.run(pair.there.take(key, permits))

        claim = pair.here.claim(number(key))
        limiter = claim.holder.find(claim.key, now_ns)
        foretold = grant(limiter, now_ns, permits)
        if foretold.permits:
            claim.holder.keep(claim.key, limiter)
        assert given == Grant(foretold.permits, -(-foretold.retry_after_ns // US) * US)

    @rule(wants=st.lists(st.tuples(st.integers(0, 2), KEYS), min_size=1, max_size=4), units=STEPS)
    def admit_all_or_none(self, wants: list[tuple[int, str]], units: int) -> None:
        now_ns = self.pass_time(units)
        if any(wants.count((which, key)) > self.pairs[which].there.rule.limit for which, key in wants):
            return
        there = [self.pairs[which].there.claim(key) for which, key in wants]
        here: list[Claim] = [self.pairs[which].here.claim(number(key)) for which, key in wants]

        decision = self.runner.run(self.limits.admit_all(there))

        assert decision == in_us(admit_all(here, now_ns))

    @rule(which=st.sampled_from([0, 2]), key=KEYS, units=STEPS)
    def be_asked_while_the_clock_is_behind(self, which: int, key: str, units: int) -> None:
        """Of the counter only its grain is known, so it is left out."""
        pair, truth_us = self.pairs[which], self.now_us
        now_ns = self.pass_time(-units)

        decision = self.runner.run(pair.there.admit(key))

        assert decision == in_us(pair.here.admit(number(key), now_ns))
        self.now_us = truth_us
        self.pass_time(0)


def test_redis_decides_as_this_process_does(shared_redis: RedisServer) -> None:
    RedisMachine.url = shared_redis.url
    run_machine(RedisMachine, shrinks=False)


RULES_OF_AN_HOUR: dict[str, Rule] = {
    "log": LogRule(3, HOUR_NS),
    "counter": CounterRule(3, HOUR_NS),
    "gcra": GcraRule(1, HOUR_NS, 3),
}
every_rule = pytest.mark.parametrize("told", RULES_OF_AN_HOUR.values(), ids=RULES_OF_AN_HOUR)


@every_rule
async def test_the_server_s_clock_decides(limits: RedisLimits, told: Rule) -> None:
    limit = limits.keyed("real", told)

    decisions = [await limit.admit("ann") for _ in range(4)]

    assert [decision.allowed for decision in decisions] == [True, True, True, False]
    assert 0.99 * HOUR_NS < decisions[3].retry_after_ns <= HOUR_NS + HOUR_NS // 60
    assert (await limit.admit("bob")).remaining == 2


@every_rule
async def test_a_denied_call_changes_nothing(limits: RedisLimits, told: Rule) -> None:
    limit = limits.keyed("real", told)
    await limit.admit("ann", 2)
    before = await limits._redis.dump(limit.place("ann"))

    assert not (await limit.admit("ann", 2)).allowed
    assert not (await limits.admit_all([limit.claim("ann", 2), limit.claim("bob")])).allowed
    assert (await limit.peek("ann")).allowed

    assert await limits._redis.dump(limit.place("ann")) == before
    assert await limits._redis.keys("*") == [limit.place("ann").encode()]


@every_rule
async def test_a_key_expires_when_its_state_equals_never_seen(limits: RedisLimits, told: Rule) -> None:
    limit = limits.keyed("real", told)

    reset_ms = (await limit.admit("ann", 3)).reset_after_ns / 1e6

    left_ms = await limits._redis.pttl(limit.place("ann"))
    assert reset_ms - 5000 < left_ms <= reset_ms + 2


async def test_a_log_keeps_twenty_bytes_an_admission_whatever_it_costs(limits: RedisLimits) -> None:
    limit = limits.keyed("memory", LogRule(10**9, HOUR_NS))
    for _ in range(2000):
        await limit.admit("ann", 1000)

    used_bytes = await limits._redis.memory_usage(limit.place("ann"), samples=0) or 0
    assert used_bytes / 2000 < 25


async def test_a_counter_keeps_one_entry_a_part_however_many_pass(limits: RedisLimits) -> None:
    limit = limits.keyed("memory", CounterRule(10**9, 60 * HOUR_NS))
    for _ in range(100):
        await limit.admit("ann")

    entries: Any = limits._redis.llen(limit.place("ann"))
    assert await entries in {3, 5}  # two parts where an hour began just then


async def test_a_server_that_forgot_its_scripts_is_told_them_again(limits: RedisLimits) -> None:
    limit = limits.keyed("flushed", LogRule(2, HOUR_NS))
    await limit.admit("ann")
    await limits._redis.script_flush()

    assert [(await limit.admit("ann")).allowed for _ in range(2)] == [True, False]


async def test_limits_of_two_names_and_prepaid_ones_are_apart(limits: RedisLimits) -> None:
    rule_of_both = LogRule(1, HOUR_NS)

    for limit in (limits.keyed("sign-in", rule_of_both), limits.keyed("search", rule_of_both)):
        assert (await limit.admit("ann")).allowed
    assert (await limits.prepaid("search", rule_of_both, term_s=1).admit("ann")).allowed


@pytest.mark.parametrize(
    "told",
    [LogRule(2**53, 1000), LogRule(1, 10**20), CounterRule(1, 10**19, 1), GcraRule(1, 10**18, 10)],
)
async def test_a_rule_that_redis_cannot_count_exactly_is_refused(limits: RedisLimits, told: Rule) -> None:
    with pytest.raises(ValueError, match=r"must be at most 2\^52"):
        limits.keyed("large", told)


async def test_a_cost_that_can_never_pass_and_no_claim_are_refused(limits: RedisLimits) -> None:
    limit = limits.keyed("small", LogRule(3, HOUR_NS))

    for cost in (0, 4):
        with pytest.raises(ValueError, match=f"cost {cost} can never pass"):
            await limit.admit("ann", cost)
    with pytest.raises(ValueError, match="cost 4 can never pass"):
        await limits.admit_all([limit.claim("ann", 2), limit.claim("ann", 2)])
    with pytest.raises(ValueError, match="no claim"):
        await limits.admit_all([])
