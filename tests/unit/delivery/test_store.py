"""The store against the slowest obvious one."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bijou.delivery.store import OVERHEAD_BYTES, Store

CAPACITY = 40 * OVERHEAD_BYTES
keys = st.integers(0, 9_999).map(str)
sizes = st.integers(0, 12 * OVERHEAD_BYTES)


class StoreAgainstAList(RuleBasedStateMachine):
    """The model: pairs in order of use, the first to go in front."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store[int](CAPACITY)
        self.kept: list[tuple[str, int]] = []
        self.held: list[int] = []

    def room(self) -> int:
        return CAPACITY - sum(self.held) - sum(size + OVERHEAD_BYTES for _, size in self.kept)

    def fits_alone(self, size: int) -> bool:
        return size + OVERHEAD_BYTES <= CAPACITY - sum(self.held)

    def evict_for(self, size: int) -> None:
        while self.room() < size + OVERHEAD_BYTES:
            del self.kept[0]

    @rule(key=keys, size=sizes)
    def put(self, key: str, size: int) -> None:
        self.kept = [pair for pair in self.kept if pair[0] != key]
        fits = self.fits_alone(size)
        if fits:
            self.evict_for(size)
            self.kept.append((key, size))

        assert self.store.put(key, size, size) == fits

    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        key = data.draw(keys if not self.kept else st.sampled_from([key for key, _ in self.kept]))
        known = dict(self.kept).get(key)

        assert self.store.get(key) == known
        if known is not None:
            self.kept.remove((key, known))
            self.kept.append((key, known))

    @rule(key=keys)
    def remove(self, key: str) -> None:
        self.store.remove(key)
        self.kept = [pair for pair in self.kept if pair[0] != key]

    @rule(size=sizes)
    def hold(self, size: int) -> None:
        fits = self.fits_alone(size)
        if fits:
            self.evict_for(size)
            self.held.append(size + OVERHEAD_BYTES)

        assert self.store.hold(size) == fits

    @rule()
    def release(self) -> None:
        if self.held:
            self.store.release(self.held.pop() - OVERHEAD_BYTES)

    @invariant()
    def never_more_than_fits(self) -> None:
        assert self.store.used_bytes + self.store.held_bytes <= CAPACITY
        assert self.store.used_bytes == sum(size + OVERHEAD_BYTES for _, size in self.kept)
        assert len(self.store) == len(self.kept)


TestStoreAgainstAList = StoreAgainstAList.TestCase
TestStoreAgainstAList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_ten_thousand_keys_leave_the_latest_that_fit() -> None:
    store = Store[int](100 * (OVERHEAD_BYTES + 10))
    for key in range(10_000):
        store.put(str(key), key, 10)

    assert [key for key in range(10_000) if store.get(str(key)) is not None] == list(range(9_900, 10_000))
    assert (store.evictions, store.used_bytes) == (9_900, store.capacity_bytes)


def test_a_store_without_room_keeps_nothing() -> None:
    store = Store[str](0)

    assert (store.put("a", "a", 0), store.hold(0), store.get("a")) == (False, False, None)
