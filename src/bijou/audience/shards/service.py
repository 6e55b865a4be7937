"""Audiences of users who are divided: the same use cases, asked of all shards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from pyroaring import BitMap

from bijou.audience.batches import Batch, FeatureSource
from bijou.audience.building import FLOOR, Evaluating, in_order
from bijou.audience.hashing import Hasher
from bijou.audience.manifest import BatchReport
from bijou.audience.rules.nodes import Rule, audiences_of
from bijou.audience.rules.reading import read_rule
from bijou.audience.rules.typing import check
from bijou.audience.service import AudienceService
from bijou.audience.shards.asking import AudienceShard, Build, OneBatch, ShardState, Told
from bijou.audience.shards.moving import Mover
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.slots import MapFile, Move, Shards, parse_shards
from bijou.audience.shards.uploading import Upload
from bijou.audience.shown import Audience, AudienceState, Forgotten, Known, Overlap, Reach
from bijou.audience.snapshots import Built, Definition
from bijou.audience.staging import Progress
from bijou.audience.view import View
from bijou.ports import Clock, Conflict, InvalidRequest

T = TypeVar("T")


class Connections(Protocol):
    """Ways to shards, of one event loop."""

    def __call__(self, address: str) -> AudienceShard:
        """Return the shard at an address."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


class ShardedAudiences(AudienceService):
    """`AudienceService` whose users are in shards; blocking, each call an event loop of its own.

    What people define stands here, and goes to the shards with each build;
    a build adds members up, and says to all shards which audiences have
    enough of them to be told. What cannot be answered over shards (people
    alike, households, matrices) is refused in one sentence.

    Args:
        folder: Of the installation's audiences; it keeps no user.
        connecting: Opens connections for one call.
    """

    is_sharded = True

    def __init__(
        self,
        folder: Path,
        hasher: Hasher,
        clock: Clock,
        connecting: Callable[[], Connections],
        *,
        floor: int = FLOOR,
    ) -> None:
        super().__init__(folder, hasher, clock, floor=floor)
        self._map = MapFile(folder)
        self._connecting = connecting

    def upload(
        self, source: FeatureSource, batch: Batch, tell: Callable[[Progress], None] = lambda _: None
    ) -> BatchReport:
        """Bring a batch in, wherever its users are; see `Upload`."""
        with self.store.writing():
            return self._ask(lambda users: Upload(self.store, users, batch).send(source, tell))

    def build(
        self, *, full: bool = False, engine: Callable[[View], Evaluating] | None = None
    ) -> list[Audience]:
        """Build everywhere, add members up, and say what may be told."""
        if engine is not None:
            raise Conflict("audience.sharded", "shards build by themselves; leave --engine out")
        definitions = list(in_order(self.definitions()))
        for each in definitions:
            if each.households:
                raise _refused(f"the households of audience {each.name!r}")
        with self.store.writing():
            dimensions = list(self.store.manifest().dimensions)

            async def build(users: ShardedUsers) -> dict[str, int]:
                members = await users.each_slot(
                    lambda shard, slot: shard.build(Build(slot, definitions, dimensions, full))
                )
                added = {each.name: sum(slot[each.name] for slot in members.values()) for each in definitions}
                told = [name for name, count in added.items() if count >= self._floor]
                await users.each_slot(lambda shard, slot: shard.tell(Told(slot, told)))
                return added

            self._publish(definitions, self._ask(build))
        return self.audiences()

    def reach(self, rule: Rule | str, *, purpose: str = "ads") -> Reach:
        """Estimate whom a rule reaches; says which share of users could not be asked."""
        if isinstance(rule, str):
            rule = read_rule(rule, self.store.registry(), [each.name for each in self.definitions()])
        check(rule, self.store.registry())
        return self._ask(lambda users: users.reach(rule, purpose=purpose, floor=self._floor))

    def combine(self, include: list[str], exclude: list[str], *, all_of: bool = False) -> Reach:
        """Return how many are in some built audiences and in none of others."""
        if not include:
            raise InvalidRequest("audience.nothing_included", "name at least one audience to include")
        return self._ask(lambda users: users.combine(include, exclude, all_of=all_of, floor=self._floor))

    def overlap(self, one: str, other: str) -> Overlap:
        """Return how many members two built audiences share."""
        return self._ask(lambda users: users.overlap(one, other, floor=self._floor))

    def discard(self, batch_id: str) -> None:
        """Forget what shards have of a batch that will not be brought in; all must be there."""
        with self.store.writing():
            self._ask(
                lambda users: users.each_slot(lambda shard, slot: shard.discard(OneBatch(slot, batch_id)))
            )

    def forget(self, identifier: str) -> Forgotten:
        """Delete a user at the shard that has them."""
        return self._ask(lambda users: users.forget(self.store.hasher.one(identifier)))

    def known(self, identifier: str, purpose: str = "ads") -> Known:
        """Return what may be used of a viewer for a purpose."""
        return self._ask(lambda users: users.known([self.store.hasher.one(identifier)], purpose))[0]

    def state(self) -> AudienceState:
        """Return what stands here and in those shards that answer."""
        states = self.shards()
        users = sum(sum(state.users.values()) for state in states.values() if state)
        return msgspec.structs.replace(super().state(), users=users)

    def group(self, pairs: list[tuple[str, str]]) -> int:
        """Refuse: the members of a household are in several shards."""
        raise _refused(f"{len(pairs)} pairs: households")

    def shards(self) -> dict[str, ShardState | None]:
        """Return what each shard has; None of one that is away."""
        return self._ask(lambda users: users.follow())

    def add_shards(self, entries: list[str], step: Callable[[Move], None]) -> Shards:
        """Let more shards hold their share; see `Mover.add`.

        Args:
            entries: As `name=address`.

        Raises:
            InvalidRequest: `audience.bad_shard`.
            Conflict: `audience.has_users`, this installation holds users itself.
        """
        addresses = parse_shards(entries)
        issued = self.store.manifest().issued
        if issued:
            raise Conflict(
                "audience.has_users",
                f"{self.store.folder} holds {issued:,} users itself; begin an installation with shards and"
                " upload them there",
            )
        with self.store.writing():
            return self._connected(
                lambda reaching: Mover(self.store.folder, reaching, self._clock).add(addresses, step)
            )

    def _ask(self, work: Callable[[ShardedUsers], Awaitable[T]]) -> T:
        shards = self._map.read()
        if shards is None:
            raise Conflict("audience.no_shards", "no shard was added yet; `bijou audience shards add` does")
        return self._connected(lambda reaching: work(ShardedUsers(shards, reaching, self._clock)))

    def _connected(self, work: Callable[[Connections], Awaitable[T]]) -> T:
        async def connected() -> T:
            reaching = self._connecting()
            try:
                return await work(reaching)
            finally:
                await reaching.close()

        return asyncio.run(connected())

    def _publish(self, definitions: Iterable[Definition], members: dict[str, int]) -> None:
        """Keep how many there are of each; who they are is in the shards."""
        now = self._clock.now()
        built = []
        for each in definitions:
            withheld = 0 < members[each.name] < self._floor
            built.append(Built(each, 0 if withheld else members[each.name], withheld, now))
        bitmaps = {each.definition.name: BitMap().serialize() for each in built}
        self._snapshots.publish(bitmaps, built, sequence=0, floor=self._floor, at=now)

    def _can_answer(self, rule: Rule) -> bool:
        pointer = self._snapshots.pointer()
        built = {each.definition.name for each in pointer.audiences} if pointer else set()
        return audiences_of(rule) <= built

    def _snapshot(self) -> Any:
        raise _refused("this")


def _refused(what: str) -> Conflict:
    return Conflict("audience.sharded", f"{what} cannot be told of users who are divided over shards yet")
