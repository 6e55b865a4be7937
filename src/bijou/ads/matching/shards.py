"""Matching for more viewers than one process serves: shards by viewer.

Every shard holds all line items and the profiles of its viewers. So a match
is one call to one shard, and whichever shard is left can answer for one that
is away: by the context alone, and saying so.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from bijou.ads.matching.asking import After, Matches, Opportunity
from bijou.ads.matching.matcher import Matcher
from bijou.ports import EngineUnavailable

NOBODY_ANSWERS: Final = "no_shard"
SHARD_AWAY: Final = "shard_away"


class Ask(msgspec.Struct, frozen=True):
    """One viewer's opportunity, as its context tells it.

    Args:
        viewer: The key of the viewer; what is known of them is the shard's.
        as_stranger: Whether to leave the profile alone.
    """

    viewer: str
    opportunity: Opportunity
    count: int
    after: After | None = None
    as_stranger: bool = False


class Found(msgspec.Struct, frozen=True):
    """What may serve there.

    Args:
        degraded: Empty, or why only the context was looked at: `shard_away`,
            `no_shard` (then nothing was), or what the profile's reader says.
    """

    matches: Matches
    degraded: str = ""


class Profile(msgspec.Struct, frozen=True):
    """What may be used of a viewer; of a degraded one, nothing."""

    facts: Mapping[str, object]
    audiences: Sequence[str]
    degraded: str = ""


def with_profile(opportunity: Opportunity, profile: Profile) -> Opportunity:
    """Return an opportunity with what may be used of its viewer.

    What is known of the moment goes before the profile, which is older.
    """
    if profile.degraded:
        return opportunity
    audiences = profile.audiences if opportunity.audiences is None else opportunity.audiences
    facts = {**profile.facts, **opportunity.facts}
    return msgspec.structs.replace(opportunity, facts=facts, audiences=audiences)


class MatchShard(Protocol):
    """Answers for some viewers; many at once, since calls are what costs."""

    async def find(self, asks: Sequence[Ask]) -> list[Found]:
        """Return what may serve, in the order of the asks.

        Raises:
            EngineUnavailable: the shard is away.
        """
        ...


class LocalShard:
    """A shard in this process.

    Args:
        profile_of: What may be used of a viewer, by key.
    """

    def __init__(self, matcher: Matcher, profile_of: Callable[[str], Profile]) -> None:
        self._matcher = matcher
        self._profile_of = profile_of

    async def find(self, asks: Sequence[Ask]) -> list[Found]:
        """Match them one after the other."""
        return [self._find(ask) for ask in asks]

    def _find(self, ask: Ask) -> Found:
        if ask.as_stranger:
            return Found(self._matcher.match(ask.opportunity, ask.count, ask.after), SHARD_AWAY)
        profile = self._profile_of(ask.viewer)
        opportunity = with_profile(ask.opportunity, profile)
        return Found(self._matcher.match(opportunity, ask.count, ask.after), profile.degraded)


class ShardedMatch:
    """Many shards behind the interface of one.

    A viewer's shard is the one with the highest hash of its name and the
    viewer's key: a shard that is added takes its share of the viewers from
    all others, and no other viewer moves.

    Cost: a hash of 0.7 us a shard and viewer; one call to each shard asked.

    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit
        rates", IEEE/ACM Transactions on Networking 6(1), 1998.

    Args:
        shards: By name; names are what viewers are spread by.
    """

    def __init__(self, shards: Mapping[str, MatchShard]) -> None:
        self._shards = dict(shards)

    def add(self, name: str, shard: MatchShard) -> None:
        """Let one more shard answer from the next call on."""
        self._shards = {**self._shards, name: shard}

    def order_of(self, viewer: str) -> list[str]:
        """Return the shards' names in the order in which they answer for a viewer."""
        key = viewer.encode()
        return sorted(self._shards, key=lambda name: blake2b(key, digest_size=8, salt=_salt(name)).digest())

    async def find(self, asks: Sequence[Ask]) -> list[Found]:
        """Ask each viewer's shard; where it is away, the next, as of a stranger."""
        shards = self._shards
        orders = [[name for name in self.order_of(ask.viewer) if name in shards] for ask in asks]
        found: dict[int, Found] = {}
        waiting, away = list(range(len(asks))), set[str]()
        while waiting:
            batches: dict[str, list[int]] = {}
            for place in waiting:
                name = next((each for each in orders[place] if each not in away), None)
                if name is None:
                    found[place] = Found(Matches((), (), None), NOBODY_ANSWERS)
                else:
                    batches.setdefault(name, []).append(place)
            answers = await asyncio.gather(
                *(
                    _asked(shards[name], [_for(asks[place], orders[place][0] != name) for place in places])
                    for name, places in batches.items()
                )
            )
            waiting = []
            for (name, places), answer in zip(batches.items(), answers, strict=True):
                if answer is None:
                    away.add(name)
                    waiting += places
                else:
                    found.update(zip(places, answer, strict=True))
        return [found[place] for place in range(len(asks))]


def _for(ask: Ask, elsewhere: bool) -> Ask:  # noqa: FBT001 - what it becomes
    return msgspec.structs.replace(ask, as_stranger=True) if elsewhere else ask


async def _asked(shard: MatchShard, asks: list[Ask]) -> list[Found] | None:
    try:
        return await shard.find(asks)
    except EngineUnavailable:
        return None


def _salt(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()
