"""Events are booked where their slots are; a move in between is noticed and routed around."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bijou.ads.model.booking import AdEvent, book
from bijou.ads.model.resharding import Databases
from bijou.ads.model.sharding import Slot, hold, read_map
from bijou.ports import Conflict

_TRIES = 100


class ShardedBooking:
    """Books events into the shards that hold their slots.

    Where a slot moves, its events are written to both shards before anybody is
    told that they are booked. Booking again does nothing, so whoever is not
    told books again.

    Threads: one; each writer has its own.

    Args:
        databases: The home of the map, and the shards by name.
        pause: Called before the map is read again, while slots are moving.
    """

    def __init__(self, databases: Databases, pause: Callable[[], None]) -> None:
        self._databases = databases
        self._pause = pause
        self._map: dict[int, Slot] = {}

    def book(self, events: Sequence[AdEvent]) -> int:
        """Book events; return how many were new.

        Raises:
            Conflict: `ads.slot_moved`, the slots moved faster than the map was read.
        """
        waiting, new = list(events), 0
        for _ in range(_TRIES):
            refused: list[AdEvent] = []
            for (shard, target), group in self._by_place(waiting).items():
                try:
                    new += self._book_group(shard, target, group)
                except Conflict:
                    refused += group
            if not refused:
                return new
            waiting = refused
            self._pause()
            self._read_map()
        raise Conflict("ads.slot_moved", f"{len(waiting)} events met moving slots {_TRIES} times; try again")

    def _by_place(self, events: Sequence[AdEvent]) -> dict[tuple[str, str], list[AdEvent]]:
        if not self._map:
            self._read_map()
        groups: dict[tuple[str, str], list[AdEvent]] = {}
        for event in events:
            slot = self._map[event.slot]
            groups.setdefault((slot.shard, slot.target), []).append(event)
        return groups

    def _book_group(self, shard: str, target: str, events: list[AdEvent]) -> int:
        slots = [self._map[number] for number in {event.slot for event in events}]
        with ExitStack() as stack:
            # The source is held first and let go last: while it is held nobody can flip.
            source = stack.enter_context(self._databases.shards[shard].begin())
            hold(source, "viewer", slots)
            new = len(book(source, events))
            if target:
                with self._databases.shards[target].begin() as other:
                    hold(other, "viewer", slots)
                    book(other, events, count=False)
        return new

    def _read_map(self) -> None:
        with self._databases.home.connect() as db:
            self._map = read_map(db, "viewer")
