"""What each edge should hold."""

from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.filling import EdgeDisk, Expected, Forecast, Placed, Shelf, place
from bijou.delivery.filling.placement import KEEP_BYTES
from bijou.delivery.slots import SlotTable, slot_of
from bijou.ports import InvalidRequest
from tests.unit.delivery.filling.titles import DAY, some_history, title


def made_shelf(seed: int, titles: int, *, by_bytes: bool = True) -> Shelf:
    history = some_history(Random(seed), titles=titles, days=3)
    forecast = Forecast(history, 3 * DAY)
    return Shelf((forecast.requests(name, 3 * DAY, 4 * DAY) for name in history.titles), by_bytes=by_bytes)


def everything(shelf: Shelf) -> dict[str, tuple[int, float]]:
    return {
        shelf.path(at): (int(shelf.sizes_bytes[at]), float(shelf.expected[at]))
        for at in range(len(shelf.sizes_bytes))
    }


disks = st.lists(st.integers(1, 60_000), min_size=1, max_size=4).map(
    lambda sizes: [EdgeDisk(f"edge-{number}", size) for number, size in enumerate(sizes)]
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 50), titles=st.integers(1, 12), edges=disks)
def test_no_disk_is_ever_too_full_and_what_is_left_out_is_worth_no_more(
    seed: int, titles: int, edges: list[EdgeDisk]
) -> None:
    shelf = made_shelf(seed, titles)
    known = everything(shelf)
    table = SlotTable({edge.name: float(edge.capacity_bytes) for edge in edges})

    placed = place(shelf, edges)

    in_order = [shelf.path(at) for at in shelf.order.tolist()]
    assert len({one.path for one in placed}) == len(placed)
    for edge in edges:
        here = [one for one in placed if one.edge == edge.name]
        used = sum(one.size_bytes + KEEP_BYTES for one in here)
        assert used <= edge.capacity_bytes
        mine = {path: known[path] for path in known if table.nodes(slot_of(path))[0] == edge.name}
        assert {one.path for one in here} <= set(mine)
        left = [path for path in in_order if path in mine and path not in {one.path for one in here}]
        if left:
            assert used + known[left[0]][0] + KEEP_BYTES > edge.capacity_bytes
            assert all(one.expected >= known[left[0]][1] for one in here)
    assert [one.expected for one in placed] == sorted((one.expected for one in placed), reverse=True)


def test_a_worked_example() -> None:
    hot, cold = title(1, length=2, rungs=(1000,)), title(2, length=2, rungs=(1000,))
    shelf = Shelf(
        Expected(media, rates) for media, rates in ((cold, _rates(2.0, 1.0)), (hot, _rates(9.0, 1.5)))
    )

    placed = place(shelf, [EdgeDisk("east", 3 * (1000 + KEEP_BYTES))])

    assert placed == [
        Placed("east", hot.renditions[0].paths[0], 1000, 9.0),
        Placed("east", cold.renditions[0].paths[0], 1000, 2.0),
        Placed("east", hot.renditions[0].paths[1], 1000, 1.5),
    ]


def test_for_requests_saved_small_objects_come_first() -> None:
    mixed = title(1, length=1, rungs=(1000, 9000))
    rates = _rates(2.0, 3.0).reshape(2, 1)
    room = [EdgeDisk("east", 9000 + KEEP_BYTES)]

    by_bytes = place(Shelf([Expected(mixed, rates)]), room)
    by_requests = place(Shelf([Expected(mixed, rates)], by_bytes=False), room)

    assert [one.size_bytes for one in by_bytes] == [9000]
    assert [one.size_bytes for one in by_requests] == [1000]


def test_what_is_held_gives_way_only_to_what_is_worth_clearly_more() -> None:
    old, near, far = (title(number, length=1, rungs=(1000,)) for number in (1, 2, 3))
    held = {"east": [old.renditions[0].paths[0]]}
    room = [EdgeDisk("east", 1000 + KEEP_BYTES)]

    def kept(rival: float, *, sticking: float) -> str:
        media = near if rival < 2 else far
        shelf = Shelf([Expected(media, _rates(rival)), Expected(old, _rates(1.0))])
        return place(shelf, room, held=held, sticking=sticking)[0].path

    assert kept(1.2, sticking=1.5) == old.renditions[0].paths[0]
    assert kept(1.2, sticking=1.0) == near.renditions[0].paths[0]
    assert kept(2.0, sticking=1.5) == far.renditions[0].paths[0]


def test_edges_share_a_region_as_shields_do() -> None:
    shelf = made_shelf(3, 12)
    edges = [EdgeDisk("a", 10**9), EdgeDisk("b", 10**9)]
    table = SlotTable({"a": 1e9, "b": 1e9})

    placed = place(shelf, edges)

    assert len(placed) == len(shelf.sizes_bytes)
    assert all(table.nodes(slot_of(one.path))[0] == one.edge for one in placed)
    assert {one.edge for one in placed} == {"a", "b"}


def test_nothing_to_fill_places_nothing() -> None:
    assert place(Shelf([]), [EdgeDisk("a", 1)]) == []


@pytest.mark.parametrize(
    ("edges", "sticking"),
    [
        ([], 1.0),
        ([EdgeDisk("a", 1), EdgeDisk("a", 1)], 1.0),
        ([EdgeDisk("a", 0)], 1.0),
        ([EdgeDisk("a", 1)], 0.5),
    ],
)
def test_edges_that_make_no_sense_are_refused(edges: list[EdgeDisk], sticking: float) -> None:
    with pytest.raises(InvalidRequest, match="at least"):
        place(Shelf([]), edges, sticking=sticking)


def _rates(*expected: float) -> npt.NDArray[np.float64]:
    return np.array([expected])
