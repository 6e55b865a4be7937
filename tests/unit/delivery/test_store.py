"""The store keeps its bounds whatever is asked of it, and what it says it keeps."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bijou.delivery.store import OVERHEAD_BYTES, Store

CAPACITY = 40 * OVERHEAD_BYTES
keys = st.integers(0, 60).map(str)
sizes = st.integers(0, 12 * OVERHEAD_BYTES)


class Thing(msgspec.Struct, frozen=True):
    size_bytes: int


class StoreAgainstWhatItSays(RuleBasedStateMachine):
    """The model: all that was put and has neither left nor been removed."""

    def __init__(self) -> None:
        super().__init__()
        self.evicted = 0
        self.kept: dict[str, Thing] = {}
        self.held: list[int] = []
        self.store = Store[Thing](CAPACITY, on_evicted=self.left)

    def left(self, key: str, thing: Thing) -> None:
        assert self.kept.pop(key) is thing
        self.evicted += 1

    @rule(key=keys, size=sizes)
    def put(self, key: str, size: int) -> None:
        thing = Thing(size)
        self.kept.pop(key, None)
        fits = size + OVERHEAD_BYTES <= CAPACITY - sum(self.held)
        if fits:
            self.kept[key] = thing

        assert self.store.put(key, thing) == (key in self.kept)
        if not fits:
            assert self.store.get(key) is None

    @rule(key=keys)
    def get(self, key: str) -> None:
        assert self.store.get(key) is self.kept.get(key)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        self.store.remove(key)
        self.kept.pop(key, None)

    @rule(size=sizes)
    def hold(self, size: int) -> None:
        fits = size + OVERHEAD_BYTES <= CAPACITY - sum(self.held)

        assert self.store.hold(size) == fits
        if fits:
            self.held.append(size + OVERHEAD_BYTES)

    @rule()
    def release(self) -> None:
        if self.held:
            self.store.release(self.held.pop() - OVERHEAD_BYTES)

    @invariant()
    def the_bounds_hold(self) -> None:
        assert self.store.held_bytes == sum(self.held)
        assert self.store.used_bytes == sum(thing.size_bytes + OVERHEAD_BYTES for thing in self.kept.values())
        assert self.store.used_bytes + self.store.held_bytes <= CAPACITY
        assert (len(self.store), self.store.evictions) == (len(self.kept), self.evicted)


TestStoreAgainstWhatItSays = StoreAgainstWhatItSays.TestCase
TestStoreAgainstWhatItSays.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_was_asked_for_again_outlives_what_was_asked_for_once() -> None:
    store = Store[Thing](10 * OVERHEAD_BYTES)
    store.put("wanted", Thing(0))
    for _ in range(2):
        store.get("wanted")

    for number in range(100):
        store.put(f"once {number}", Thing(0))

    assert store.get("wanted") == Thing(0)


def test_a_store_without_room_keeps_nothing_and_does_not_fail() -> None:
    store = Store[Thing](0)

    assert not store.put("a", Thing(0))
    assert (store.get("a"), len(store), store.hold(1)) == (None, 0, False)
