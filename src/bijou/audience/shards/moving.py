"""Slots move between shards while they are read; every step may be done again after a kill at any point.

copy       the target fetches the slot's files; meanwhile everything goes on
seal       the source answers, and takes no more changes
copy       what has changed since, of files that stand still now
accept     the target answers too, for the same bytes
release    the source says where the slot went, and removes it
open       the target takes changes

So some shard answers for the slot at every moment, and no two of them differ.
What changes it (a batch, a build, a deletion) waits for the second copy.
"""

from collections.abc import Callable
from pathlib import Path

from bijou.audience.shards.asking import AudienceShard, OneSlot, Peer, ShardState, State
from bijou.audience.shards.holding import digest_of
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.slots import SLOTS, MapFile, Move, Shards, laid_out, moves
from bijou.ports import Clock, Conflict, EngineUnavailable

Step = Callable[[str], None]


class Mover:
    """Lays slots out over shards, and moves them when one is added.

    Threads: one event loop; one mover an installation.

    Args:
        folder: Where the installation keeps the map.
        reaching: Gives the shard at an address.
    """

    def __init__(self, folder: Path, reaching: Callable[[str], AudienceShard], clock: Clock) -> None:
        self._map = MapFile(folder)
        self._reaching = reaching
        self._clock = clock

    async def add(self, addresses: dict[str, str], step: Callable[[Move], None] = lambda _: None) -> Shards:
        """Let more shards hold their share of the slots; the first ones of all share them alone.

        Raises:
            EngineUnavailable: `audience.shard_away`: do it again once it is there.
            Conflict: `audience.other_shard`, another one answers at an address;
                `audience.slot_elsewhere`, without a map: a shard that holds a slot is not named.
        """
        for name, address in addresses.items():
            await self._check(name, address)
        known = self._map.read()
        if known is None:
            return await self._lay_out(addresses)
        shards = await self._as_it_is(Shards(known.addresses | addresses, known.holders))
        self._map.write(shards)
        for move in moves(shards.holders, list(shards.addresses)):
            shards = await self._moved(shards, move)
            step(move)
        return shards

    async def _lay_out(self, addresses: dict[str, str]) -> Shards:
        """Begin slots that nobody has; those that shards hold already, where a map was lost, stay there."""
        holders = laid_out(addresses).holders
        gone: dict[int, Peer] = {}
        for name, address in addresses.items():
            for slot, held in (await self._reaching(address).state()).slots.items():
                if held.state is not State.GONE:
                    holders[slot] = name
                elif held.peer is not None:
                    gone[slot] = held.peer
        for slot, peer in gone.items():
            if peer.name not in addresses:
                raise Conflict(
                    "audience.slot_elsewhere",
                    f"slot {slot} went to {peer.name} at {peer.address}; add that shard together with these",
                )
        for slot, name in enumerate(holders):
            await self._reaching(addresses[name]).hold(OneSlot(slot))
        shards = Shards(addresses, holders)
        self._map.write(shards)
        return shards

    async def _as_it_is(self, shards: Shards) -> Shards:
        """Return where slots are, ending what a killed mover began."""
        users = ShardedUsers(shards, self._reaching, self._clock, rest_s=0.0)
        states = await users.follow()
        away = [name for name, state in states.items() if state is None]
        if away:
            raise EngineUnavailable(
                "audience.shard_away",
                f"{', '.join(away)} must be there for slots to move; start it, do it again",
            )
        shards = users.shards()
        for slot in range(SLOTS):
            target = _begun(slot, states)
            if target:
                shards = await self._moved(shards, Move(slot, shards.holders[slot], target))
        return shards

    async def _moved(self, shards: Shards, move: Move) -> Shards:
        addresses = shards.addresses
        peers = [Peer(name, addresses[name]) for name in (move.source, move.target)]
        await move_slot(move.slot, peers[0], peers[1], self._reaching)
        holders = list(shards.holders)
        holders[move.slot] = move.target
        self._map.write(Shards(addresses, holders))
        return Shards(addresses, holders)

    async def _check(self, name: str, address: str) -> None:
        state = await self._reaching(address).state()
        if state.name != name:
            raise Conflict("audience.other_shard", f"{address} is shard {state.name}, and not {name}")


async def move_slot(
    slot: int,
    source: Peer,
    target: Peer,
    reaching: Callable[[str], AudienceShard],
    step: Step = lambda _: None,
) -> None:
    """Move one slot, from wherever an earlier try was killed.

    Args:
        step: Told the name of each step when it is done.
    """
    giving, taking = reaching(source.address), reaching(target.address)
    if not await _is_held(taking, slot):
        await taking.copy(OneSlot(slot, source))
        step("copy")
        await giving.seal(OneSlot(slot, target))
        step("seal")
        await taking.copy(OneSlot(slot, source))
        step("copy again")
        sealed = digest_of(await giving.listing(OneSlot(slot)))
        await taking.accept(OneSlot(slot, source, sealed))
        step("accept")
    if source != target and await _is_held(giving, slot):
        await giving.seal(OneSlot(slot, target))
        await giving.release(OneSlot(slot, target))
        step("release")
    await taking.open(OneSlot(slot))
    step("open")


async def _is_held(shard: AudienceShard, slot: int) -> bool:
    held = (await shard.state()).slots.get(slot)
    return held is not None and held.state is not State.GONE


def _begun(slot: int, states: dict[str, ShardState | None]) -> str:
    """Return the name of the shard that a slot was on its way to, or nothing."""
    held = {name: state.slots[slot] for name, state in states.items() if state and slot in state.slots}
    for name, each in held.items():
        if each.state is State.SEALED:
            return each.peer.name if each.peer else name
    return ""
