"""Many shards behind one interface: each user's shard is asked, counts are added up, what lacks is said."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from bijou.audience.building import FLOOR
from bijou.audience.reach import SAMPLE_ROWS, told
from bijou.audience.rules.nodes import Rule
from bijou.audience.shards.asking import (
    MOST_KEYS,
    AudienceShard,
    Count,
    Counted,
    Found,
    Keys,
    OneSlot,
    OneUser,
    Peer,
    ShardState,
    State,
)
from bijou.audience.shards.slots import SLOTS, Shards, slot_of
from bijou.audience.shown import Forgotten, Known, Overlap, Reach
from bijou.ports import BijouError, Clock, EngineUnavailable, NotFound, Overloaded

T = TypeVar("T")
SHARD_AWAY: Final = "shard_away"
_HOPS: Final = 3
_AWAY: Final = Known([], {}, SHARD_AWAY, 0.0, 0)


class Added(NamedTuple):
    """Counts of all slots that answered; `missing` is the share of those that did not."""

    users: int
    of: int
    hits: int
    seen: int
    missing: float


class ShardedUsers:
    """Users in shards behind the interface of one.

    A shard that does not answer is left alone for a moment, and meanwhile its
    viewers are answered for at once, as `shard_away`: the caller goes by the
    context alone. Counts say which share of users they lack. A slot that has
    moved is asked for where it went, whatever map this began with.

    Threads: one event loop.

    Args:
        reaching: Gives the shard at an address.
        rest_s: How long a shard that failed is left alone.
    """

    def __init__(
        self, shards: Shards, reaching: Callable[[str], AudienceShard], clock: Clock, *, rest_s: float = 1.0
    ) -> None:
        self._addresses = dict(shards.addresses)
        self._holders = list(shards.holders)
        self._reaching = reaching
        self._clock = clock
        self._rest_ns = int(rest_s * 1e9)
        self._away_until_ns: dict[str, int] = {}

    def shards(self) -> Shards:
        """Return the map as it is known here."""
        return Shards(dict(self._addresses), list(self._holders))

    async def at(self, slot: int, work: Callable[[AudienceShard], Awaitable[T]]) -> T:
        """Do some work in one slot; its shard must be there.

        Raises:
            EngineUnavailable: `audience.shard_away`.
        """
        name = self._holders[slot]
        try:
            return await work(self._reaching(self._addresses[name]))
        except EngineUnavailable as error:
            raise _is_away(name, error) from error

    async def known(self, hashes: Sequence[int], purpose: str = "ads") -> list[Known]:
        """Return what may be used of some viewers, in their order; never raises for a shard's sake.

        Cost: a call to each shard concerned, for every thousand of its viewers.
        """
        answers: list[Known] = [_AWAY] * len(hashes)
        waiting = list(range(len(hashes)))
        for _ in range(_HOPS):
            batches = self._batches(hashes, waiting)
            asked = [self._found(name, [hashes[at] for at in places], purpose) for name, places in batches]
            found = await asyncio.gather(*asked)
            waiting = []
            for (_, places), those in zip(batches, found, strict=True):
                for at, one in zip(places, those or (), strict=those is not None):
                    if one.known is not None:
                        answers[at] = one.known
                    elif one.moved is not None:
                        self._learn(slot_of(hashes[at]), one.moved)
                        waiting.append(at)
            if not waiting:
                break
        return answers

    async def reach(self, rule: Rule, *, purpose: str = "ads", floor: int = FLOOR) -> Reach:
        """Estimate whom a rule reaches, of those who can be asked."""
        sample_rows = max(1, SAMPLE_ROWS // SLOTS)
        added = await self._counted(
            lambda slots: Count(slots, rule=rule, purpose=purpose, sample_rows=sample_rows)
        )
        return _told(added, floor)

    async def combine(
        self, include: list[str], exclude: list[str], *, all_of: bool = False, floor: int = FLOOR
    ) -> Reach:
        """Return how many are in some built audiences and in none of others."""
        return _told(await self._combined(include, exclude, all_of=all_of), floor)

    async def overlap(self, one: str, other: str, *, floor: int = FLOOR) -> Overlap:
        """Return how many members two built audiences share."""
        added = await self._combined([one, other], [], all_of=True)
        shared = _told(added, floor)
        jaccard = round(added.users / added.of, 2) if shared.users is not None else None
        return Overlap(one, other, shared, jaccard)

    async def forget(self, hash_: int) -> Forgotten:
        """Delete a user where they are, and whatever was copied of their slot elsewhere.

        Raises:
            EngineUnavailable: `audience.shard_away`; nothing is deleted until
                it is asked for again.
            Overloaded: `audience.slot_moving`.
        """
        slot, user = slot_of(hash_), OneUser(f"{hash_:016x}")
        for _ in range(_HOPS):
            with contextlib.suppress(NotFound):
                certificate = await self.at(slot, lambda shard: shard.forget(user))
                await self._drop_copies(slot)
                return certificate
            await self.follow()
        raise EngineUnavailable("audience.shard_away", f"nobody holds slot {slot}; ask again")

    async def states(self) -> dict[str, ShardState | None]:
        """Return what each shard has; None of one that is away."""
        names = list(self._addresses)
        found = await asyncio.gather(*(self._asked(name, lambda shard: shard.state()) for name in names))
        return dict(zip(names, found, strict=True))

    async def follow(self) -> dict[str, ShardState | None]:
        """Learn where all slots went; return what each shard has."""
        for _ in range(_HOPS):
            states, before = await self.states(), list(self._holders)
            for name, state in states.items():
                for slot, held in (state.slots if state else {}).items():
                    if held.state is State.GONE and held.peer and self._holders[slot] == name:
                        self._learn(slot, held.peer)
            if self._holders == before:
                break
        return states

    async def each_slot(self, work: Callable[[AudienceShard, int], Awaitable[T]]) -> dict[int, T]:
        """Do some work in every slot, at each shard one after the other; all must be there.

        Raises:
            EngineUnavailable: `audience.shard_away`.
        """
        await self.follow()

        async def at(name: str) -> list[tuple[int, T]]:
            shard = self._reaching(self._addresses[name])
            try:
                return [
                    (slot, await work(shard, slot)) for slot in range(SLOTS) if self._holders[slot] == name
                ]
            except EngineUnavailable as error:
                raise _is_away(name, error) from error

        done = await asyncio.gather(*(at(name) for name in sorted(set(self._holders))))
        return dict(sorted(pair for pairs in done for pair in pairs))

    async def _combined(self, include: list[str], exclude: list[str], *, all_of: bool) -> Added:
        return await self._counted(
            lambda slots: Count(slots, include=include, exclude=exclude, all_of=all_of)
        )

    async def _counted(self, asking: Callable[[list[int]], Count]) -> Added:
        found: dict[int, Counted] = {}
        waiting = set(range(SLOTS))
        for _ in range(_HOPS):
            names = sorted({self._holders[slot] for slot in waiting})
            wanted = [sorted(slot for slot in waiting if self._holders[slot] == name) for name in names]
            answers = await asyncio.gather(
                *(self._counts(name, asking(slots)) for name, slots in zip(names, wanted, strict=True))
            )
            waiting = set()
            for one in (one for answer in answers for one in answer or ()):
                if one.moved is not None:
                    self._learn(one.slot, one.moved)
                    waiting.add(one.slot)
                else:
                    found[one.slot] = one
            if not waiting:
                break
        return _added(found.values())

    async def _counts(self, name: str, count: Count) -> list[Counted] | None:
        return await self._asked(name, lambda shard: shard.count(count))

    async def _found(self, name: str, hashes: list[int], purpose: str) -> list[Found] | None:
        keys = Keys([f"{hash_:016x}" for hash_ in hashes], purpose)
        try:
            return await self._asked(name, lambda shard: shard.known(keys))
        except BijouError:  # it answers, but not this: for a viewer it is away
            return None

    def _batches(self, hashes: Sequence[int], waiting: list[int]) -> list[tuple[str, list[int]]]:
        """Return who is asked for whom."""
        by_name: dict[str, list[int]] = {}
        for at in waiting:
            by_name.setdefault(self._holders[slot_of(hashes[at])], []).append(at)
        return [
            (name, places[first : first + MOST_KEYS])
            for name, places in by_name.items()
            for first in range(0, len(places), MOST_KEYS)
        ]

    async def _asked(self, name: str, ask: Callable[[AudienceShard], Awaitable[T]]) -> T | None:
        """Ask a shard; None where it is away, or was a moment ago."""
        now_ns = self._clock.monotonic_ns()
        if self._away_until_ns.get(name, now_ns) > now_ns:
            return None
        try:
            answer = await ask(self._reaching(self._addresses[name]))
        except (EngineUnavailable, Overloaded):
            self._away_until_ns[name] = self._clock.monotonic_ns() + self._rest_ns
            return None
        self._away_until_ns.pop(name, None)
        return answer

    async def _drop_copies(self, slot: int) -> None:
        """Have what was copied of a slot thrown away; a shard that is away does so when it starts."""
        others = [name for name in self._addresses if name != self._holders[slot]]
        await asyncio.gather(
            *(self._asked(name, lambda shard: shard.drop_copy(OneSlot(slot))) for name in others)
        )

    def _learn(self, slot: int, peer: Peer) -> None:
        self._addresses[peer.name] = peer.address
        self._holders[slot] = peer.name


def _added(counts: Iterable[Counted]) -> Added:
    there = list(counts)
    lacking = next((one.lacks for one in there if one.lacks), "")
    if lacking:
        raise NotFound(
            "audience.no_audience", f"audience {lacking!r} was not built everywhere; build it first"
        )
    return Added(
        sum(one.users for one in there),
        sum(one.of for one in there),
        sum(one.hits for one in there),
        sum(one.seen for one in there),
        round(1 - len(there) / SLOTS, 4),
    )


def _told(added: Added, floor: int) -> Reach:
    reach = told(added.hits, added.seen, added.users, added.of, floor)
    return msgspec.structs.replace(reach, missing=added.missing)


def _is_away(name: str, error: EngineUnavailable) -> EngineUnavailable:
    return EngineUnavailable(
        "audience.shard_away", f"shard {name} is away ({error.detail}); start it, and do this again"
    )
