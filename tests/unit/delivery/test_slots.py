"""Slots: who keeps what, wherever it is asked."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.slots import SLOTS, SlotTable, slot_of
from bijou.ports import InvalidRequest, VirtualClock, new_id


def test_assets_spread_over_all_slots() -> None:
    clock, chance = VirtualClock(), Random(1)
    slots = [slot_of(f"/media/{new_id('ast', clock, chance)}/v360/00001.m4s") for _ in range(20_000)]

    assert len(set(slots)) > 0.98 * SLOTS
    assert max(slots.count(slot) for slot in set(slots[:200])) < 20


def test_all_of_an_asset_has_one_slot_and_what_is_no_asset_the_first() -> None:
    asset = "/media/ast_00000000-03e8-7226-b63c-5ab791b7584a"

    assert {slot_of(f"{asset}/{name}") for name in ("master.m3u8", "v1/1.m4s", "a/b/c")} == {0x84A}
    assert slot_of("/media/odd/1.m4s") == slot_of("/healthz") == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 5), st.integers(0, 7))
def test_a_node_that_goes_moves_only_its_own_slots_each_to_its_second(count: int, gone: int) -> None:
    nodes = {f"http://10.0.0.{number}": 1.0 for number in range(count)}
    lost = f"http://10.0.0.{gone % count}"
    before = SlotTable(nodes)
    after = SlotTable({node: weight for node, weight in nodes.items() if node != lost})

    for slot in range(0, SLOTS, 37):
        first, second, *_ = before.nodes(slot)
        assert after.nodes(slot)[0] == (second if first == lost else first)


def test_shares_are_as_the_weights() -> None:
    table = SlotTable({"a": 1, "b": 2, "c": 5})
    kept = [sum(table.nodes(slot)[0] == node for slot in range(SLOTS)) / SLOTS for node in "abc"]

    assert kept == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.025)


@pytest.mark.parametrize("weights", [{}, {"a": 0.0}, {"a": 1.0, "b": -1.0}])
def test_no_nodes_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest, match="nodes"):
        SlotTable(weights)
