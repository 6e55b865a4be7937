"""Slots and shards: equal shares, few moves."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.ads.model.sharding import SLOTS, laid_out, moves, slot_of

NAMES = [f"s{number}" for number in range(9)]


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9))
def test_every_shard_ends_with_as_many_slots_as_the_others_and_no_slot_moves_in_vain(
    before: int, after: int
) -> None:
    slots = {slot.number: slot for slot in laid_out(NAMES[:before])}
    plan = moves(slots, NAMES[:after])

    holders = {number: slot.shard for number, slot in slots.items()}
    for (source, target), numbers in plan.items():
        for number in numbers:
            assert holders[number] == source
            holders[number] = target
    shares = Counter(holders.values())

    assert set(shares) <= set(NAMES[:after])
    assert max(shares.values()) - min(shares.get(name, 0) for name in NAMES[:after]) <= 1
    moved = sum(map(len, plan.values()))
    assert moved <= SLOTS * (1 - min(before, after) / max(before, after)) + max(before, after)


def test_slots_of_viewers_are_spread_evenly() -> None:
    counts = Counter(slot_of(f"viewer {number}".encode()) for number in range(102_400))

    assert len(counts) == SLOTS
    assert 50 < min(counts.values()) <= max(counts.values()) < 160
