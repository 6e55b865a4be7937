import asyncio
from collections.abc import Sequence
from random import Random

import httpx
import pytest

from bijou.ads.matching import Line, Matcher, Opportunity
from bijou.ads.matching.http import HttpShard, routes
from bijou.ads.matching.shards import Ask, Found, LocalShard, MatchShard, Profile, ShardedMatch
from bijou.audience import In, InAudience, Range, Recency
from bijou.ports import EngineUnavailable, Instant, InvalidRequest
from bijou.ports.identity import Credentials, Principal, Role
from bijou.runtime.http import Wire, service_app
from tests.unit.ads.matching.drawing import REGISTRY

CONTEXT = Opportunity(Instant(0), {"country": "DE"})


def make_matcher() -> Matcher:
    matcher = Matcher(REGISTRY, native=False)
    matcher.load(
        [
            Line(1, 1, InAudience("runners")),
            Line(2, 2, In("country", ("DE",))),
            Line(3, 3, Range("age", low=18)),
        ]
    )
    return matcher


def profile_of(viewer: str) -> Profile:
    if viewer.startswith("u"):
        return Profile({"age": 33}, ["runners"])
    return Profile({}, [], "no_profile")


def local() -> LocalShard:
    return LocalShard(make_matcher(), profile_of)


class Away:
    """A shard that is not there."""

    async def find(self, asks: Sequence[Ask]) -> list[Found]:
        raise EngineUnavailable("http.unreachable", f"no answer to {len(asks)} asks")


def find(shard: MatchShard, *viewers: str) -> list[tuple[tuple[int, ...], str]]:
    found = asyncio.run(shard.find([Ask(viewer, CONTEXT, 9) for viewer in viewers]))
    return [(each.matches.lines, each.degraded) for each in found]


def test_a_profile_is_added_to_the_context() -> None:
    assert find(local(), "u1", "x1") == [((1, 2, 3), ""), ((2,), "no_profile")]


def test_what_is_known_of_the_moment_goes_before_the_profile() -> None:
    old = Profile({"country": "FR", "age": 33}, ["runners"])
    shard = LocalShard(make_matcher(), lambda _: old)
    in_no_audience = Opportunity(Instant(0), {"country": "DE", "age": 12}, [])

    found = asyncio.run(shard.find([Ask("u1", in_no_audience, 9)]))

    assert [each.matches.lines for each in found] == [(2,)]


def test_a_shard_that_is_away_is_answered_for_by_the_context_alone_and_it_shows() -> None:
    shards = ShardedMatch({"a": local(), "b": Away(), "c": local()})
    viewers = [f"u{number}" for number in range(60)]
    expected = [
        ((2,), "shard_away") if shards.order_of(viewer)[0] == "b" else ((1, 2, 3), "") for viewer in viewers
    ]

    assert find(shards, *viewers) == expected
    assert 8 < sum(degraded == "shard_away" for _, degraded in expected) < 35


def test_with_all_shards_away_nothing_serves_and_it_shows() -> None:
    assert find(ShardedMatch({"a": Away(), "b": Away()}), "u1", "u2") == [((), "no_shard")] * 2
    assert find(ShardedMatch({}), "u1") == [((), "no_shard")]


def test_a_shard_that_is_added_takes_its_share_and_moves_nobody_else() -> None:
    shards = ShardedMatch({name: local() for name in "abc"})
    chance = Random(5)
    viewers = [f"u{chance.randrange(1 << 40)}" for _ in range(4_000)]
    before = [shards.order_of(viewer)[0] for viewer in viewers]
    shards.add("d", local())
    after = [shards.order_of(viewer)[0] for viewer in viewers]

    moved = [new for old, new in zip(before, after, strict=True) if new != old]
    assert set(moved) == {"d"}
    assert 850 < len(moved) < 1_150


class Doorman:
    """Lets one key in."""

    async def principal(self, credentials: Credentials) -> Principal:
        return Principal("shard", credentials.bearer, frozenset({Role.SERVICE}))


def test_a_shard_answers_over_http_as_it_does_in_process() -> None:
    transport = httpx.ASGITransport(service_app(routes(local()), Doorman()))
    asks = [
        Ask("u1", CONTEXT, 2),
        Ask(
            "x1",
            Opportunity(Instant(7), {"genre": ["a"]}, ["runners"], {"watched": {"a": Instant(5)}}, 60),
            9,
        ),
    ]

    async def both() -> tuple[list[Found], list[Found]]:
        wire = Wire("http://shard", "key", transport=transport)
        return await HttpShard(wire).find(asks), await local().find(asks)

    over_http, in_process = asyncio.run(both())
    assert over_http == in_process


def test_a_recency_over_the_wire_is_a_recency() -> None:
    matcher = Matcher(REGISTRY, native=False)
    matcher.put(Line(1, 1, Recency("watched", "a", 1)))
    shard = LocalShard(matcher, lambda _: Profile({}, [], "no_profile"))
    transport = httpx.ASGITransport(service_app(routes(shard), Doorman()))
    asked = Opportunity(Instant(2_000_000), occasions={"watched": {"a": Instant(1_000_000)}})

    async def ask() -> list[Found]:
        return await HttpShard(Wire("http://shard", "key", transport=transport)).find([Ask("x", asked, 1)])

    assert asyncio.run(ask())[0].matches.lines == (1,)


def test_too_many_asks_at_once_are_refused() -> None:
    transport = httpx.ASGITransport(service_app(routes(local()), Doorman()))

    async def ask() -> None:
        await HttpShard(Wire("http://shard", "key", transport=transport)).find([Ask("u", CONTEXT, 1)] * 1001)

    with pytest.raises(InvalidRequest):
        asyncio.run(ask())
