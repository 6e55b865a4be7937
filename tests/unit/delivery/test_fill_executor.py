"""Orders to fill, carried out by an edge: when, how fast, behind whom, and what a restart finds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bijou.delivery.edge import Edge
from bijou.delivery.fetching import Fetching
from bijou.delivery.fill_executor import FillExecutor
from bijou.delivery.fill_orders import FillOrder, Wanted
from bijou.delivery.model import Miss
from bijou.delivery.reserve import Reserve
from bijou.delivery.tally import Tally
from bijou.delivery.upstream import Upstream
from bijou.delivery.wire import Request
from bijou.engines.files import FileBlobs
from bijou.ports import VirtualClock
from tests.contract.delivery.scene import HOST, REAL, Loop, head_of, obedient_origin, origin, patiently, until

TITLE = "/media/ast_00000000-03e8-7226-b63c-5ab791b7584a"
SIZE = 40_000
FAST_BPS = 10**9
ALWAYS = [(0, 10**9)]


def segment(number: int) -> str:
    return f"{TITLE}/v360/{number:05}.m4s"


SIX = [segment(number) for number in range(1, 7)]


def order(
    *paths: str,
    at_s: float = 0.0,
    size: int = SIZE,
    rate_bps: int = FAST_BPS,
    windows: list[tuple[int, int]] | None = None,
) -> FillOrder:
    wanted = [Wanted(path, size) for path in paths]
    return FillOrder(at_s, rate_bps, ALWAYS if windows is None else windows, wanted)


class Scene(msgspec.Struct):
    edge: Edge
    reserve: Reserve
    executor: FillExecutor
    upstream: Upstream
    clock: VirtualClock
    crowd: list[bool]

    @property
    def fetching(self) -> Fetching:
        return self.edge.fetching

    async def reaches(self, state: str) -> None:
        await until(lambda: self.executor.state == state)

    async def holds(self, *paths: str) -> None:
        await until(lambda: self.reserve.paths == set(paths))


@contextlib.asynccontextmanager
async def scene_of(
    folder: Path,
    origin_port: int,
    clock: VirtualClock,
    *,
    capacity: int = 1 << 24,
    cache_bytes: int = 1 << 22,
    keep_free_bytes: int = 0,
) -> AsyncIterator[Scene]:
    reserve = Reserve(folder, capacity, keep_free_bytes)
    await reserve.open()
    upstream = Upstream(f"http://{HOST}:{origin_port}", clock)
    edge = Edge(region="east", upstream=upstream, cache_bytes=cache_bytes, clock=clock, reserve=reserve)
    crowd: list[bool] = []
    executor = FillExecutor(edge.fetching, reserve, clock, lambda: bool(crowd))
    await executor.open()
    running = asyncio.create_task(executor.run())
    try:
        yield Scene(edge, reserve, executor, upstream, clock, crowd)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await edge.close()


def bodies(*paths: str, size: int = SIZE) -> dict[str, bytes]:
    return {path: bytes([at + 1]) * size for at, path in enumerate(paths)}


async def publish(folder: Path, clock: VirtualClock, content: dict[str, bytes]) -> None:
    blobs = FileBlobs(folder, clock)
    for path, body in content.items():
        await blobs.put(path[1:], body)


@contextlib.asynccontextmanager
async def filled(
    tmp_path: Path,
    content: dict[str, bytes],
    *,
    capacity: int = 1 << 24,
    cache_bytes: int = 1 << 22,
    keep_free_bytes: int = 0,
) -> AsyncIterator[Scene]:
    """An edge before an origin that holds this."""
    clock = VirtualClock()
    await publish(tmp_path / "blobs", clock, content)
    async with (
        origin(tmp_path / "blobs", clock) as port,
        scene_of(
            tmp_path / "filled", port, clock,
            capacity=capacity, cache_bytes=cache_bytes, keep_free_bytes=keep_free_bytes,
        ) as scene,
    ):  # fmt: skip
        yield scene


def test_what_an_order_wants_is_here_before_anybody_asks_and_memory_is_as_it_was(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        content = bodies(*SIX)
        async with filled(tmp_path, content) as scene:
            await scene.executor.take(order(*SIX))
            await scene.reaches("done")

            assert scene.reserve.paths == set(SIX)
            assert [(await scene.reserve.read(path) or (None, b""))[1] for path in SIX] == list(
                content.values()
            )
            assert len(scene.fetching.store) == 0
            assert scene.fetching.store.held_bytes == 0
            assert scene.edge.tally.fetched_bytes_by == {Miss.AHEAD: 6 * SIZE}
            assert (scene.executor.fetched, scene.executor.fetched_bytes) == (6, 6 * SIZE)

    loop(patiently(played()))


def test_nothing_is_fetched_outside_of_a_window_nor_begun_that_would_not_end_in_it(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX)) as scene:
            takes_s = SIZE * 8 / 32_000  # 10 s each
            await scene.executor.take(order(*SIX, rate_bps=32_000, windows=[(100, 125), (500, 511)]))
            await scene.reaches("waiting")
            scene.clock.advance(99)
            await scene.reaches("waiting")
            assert len(scene.reserve) == 0
            scene.clock.advance(1)
            await scene.holds(*SIX)  # the bucket's 256 KiB pass at once

            late = [segment(number) for number in range(11, 14)]
            await scene.executor.take(order(*late, rate_bps=32_000, windows=[(100, 100 + int(takes_s) - 1)]))
            await scene.reaches("done")
            assert len(scene.reserve) == 6
            assert scene.upstream.fetches == 6

    loop(patiently(played()))


def test_no_stretch_of_time_carries_more_than_the_rate(loop: Loop, tmp_path: Path) -> None:
    rate_bps, burst = 800_000, 256 * 1024

    async def played() -> None:
        paths = [segment(number) for number in range(1, 21)]
        async with filled(tmp_path, bodies(*paths, size=100_000)) as scene:
            await scene.executor.take(order(*paths, size=100_000, rate_bps=rate_bps))
            came = scene.edge.tally.fetched_bytes_by
            while scene.executor.state != "done":
                assert came[Miss.AHEAD] <= burst + scene.clock.monotonic_ns() / 1e9 * rate_bps / 8
                scene.clock.advance(0.25)
                await REAL.sleep(0.001)
            took_s = scene.clock.monotonic_ns() / 1e9

            assert came[Miss.AHEAD] == 20 * 100_000
            assert took_s >= (20 * 100_000 - burst) * 8 / rate_bps

    loop(patiently(played()))


def test_a_viewer_who_asks_for_what_is_being_fetched_joins_and_waits_for_no_rate(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, port), scene_of(tmp_path / "filled", port, clock) as scene:
            size = 1 << 20
            await scene.executor.take(order(SIX[0], size=size, rate_bps=8_000, windows=[(0, 10**9)]))
            _, writer = await told.asked.get()
            writer.write(head_of(size) + bytes(size))
            await until(lambda: clock.sleepers > 0 and scene.fetching.under_way(SIX[0]) is not None)
            fill = scene.fetching.under_way(SIX[0])
            assert fill is not None
            assert (await asyncio.wait_for(fill.opened(), 5)).size_bytes == size
            assert fill.received_bytes < size
            fill.join()
            assert await asyncio.wait_for(fill.ready(size - 1), 5) == size
            fill.leave()
            await scene.holds(SIX[0])

            assert len(told.paths) == 1
            assert scene.fetching.store.get(SIX[0]) is not None  # somebody asked for it, so memory has it too

    loop(patiently(played()))


def test_what_is_gone_at_the_origin_or_too_large_is_passed_over(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        content = bodies(SIX[0], SIX[2]) | {SIX[3]: bytes(2 << 20)}
        async with filled(tmp_path, content) as scene:
            await scene.executor.take(order(*SIX[:4]))
            await scene.reaches("done")

            assert scene.reserve.paths == {SIX[0], SIX[2]}
            assert scene.executor.gone == {SIX[1], SIX[3]}

    loop(patiently(played()))


def test_what_memory_cannot_take_just_now_is_fetched_once_it_can(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX), cache_bytes=1 << 20) as scene:
            most = (1 << 20) - SIZE
            assert scene.fetching.store.hold(most)
            await scene.executor.take(order(*SIX[:2]))
            await until(lambda: scene.executor.state in {"paused", "done"})
            assert (scene.executor.state, scene.executor.gone) == ("paused", set())
            scene.fetching.store.release(most)
            scene.clock.advance(5.1)
            await scene.reaches("done")

            assert scene.reserve.paths == set(SIX[:2])

    loop(patiently(played()))


def test_a_broken_upstream_pauses_fills_longer_each_time_and_they_go_on(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, port), scene_of(tmp_path / "filled", port, clock) as scene:
            await scene.executor.take(order(*SIX[:2], size=3))
            for wait_s in (5.0, 10.0, 20.0):
                _, writer = await told.asked.get()
                writer.write(head_of(0, status="500 No"))
                await scene.reaches("paused")
                assert "answered 500" in scene.executor.why
                asked = len(told.paths)
                clock.advance(wait_s - 0.1)
                await REAL.sleep(0.005)
                assert len(told.paths) == asked
                clock.advance(0.2)
            for _ in range(2):
                _, writer = await told.asked.get()
                writer.write(head_of(3) + b"one")
            await scene.reaches("done")

            assert scene.reserve.paths == set(SIX[:2])

    loop(patiently(played()))


def test_one_object_that_cannot_be_fetched_keeps_no_other_from_it_and_is_tried_again_after_them(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, port), scene_of(tmp_path / "filled", port, clock) as scene:
            await scene.executor.take(order(*SIX[:3], size=3))
            asked = []
            for status in ("500 No", "200 OK", "200 OK", "500 No", "200 OK"):
                path, writer = await told.asked.get()
                asked.append(path)
                writer.write(head_of(0, status=status) if status == "500 No" else head_of(3) + b"one")
                if status == "500 No":
                    await scene.reaches("paused")
                    clock.advance(5.1)
            await scene.reaches("done")

            assert asked == [SIX[0], SIX[1], SIX[2], SIX[0], SIX[0]]
            assert scene.reserve.paths == set(SIX[:3])

    loop(patiently(played()))


def test_what_the_disk_broke_leaves_no_file_behind_and_is_not_found_again(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX)) as scene:
            await scene.executor.take(order(SIX[0]))
            await scene.reaches("done")
            (file,) = (tmp_path / "filled").glob("??/*")
            file.write_bytes(file.read_bytes()[:-1] + b"!")

            assert await scene.reserve.read(SIX[0]) is None
            assert (scene.reserve.used_bytes, scene.reserve.damaged) == (0, 1)
            assert not file.exists()

    loop(patiently(played()))


def test_fills_rest_while_viewers_need_all_there_is(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX)) as scene:
            scene.crowd.append(True)
            await scene.executor.take(order(*SIX))
            await scene.reaches("paused")
            assert (scene.upstream.fetches, "viewers" in scene.executor.why) == (0, True)
            scene.crowd.clear()
            scene.clock.advance(5)
            await scene.holds(*SIX)

    loop(patiently(played()))


def test_a_full_volume_stops_fills_and_no_viewer(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX), keep_free_bytes=1 << 60) as scene:
            await scene.executor.take(order(*SIX))
            await scene.reaches("paused")
            assert "bytes free" in scene.executor.why
            fill = scene.fetching.start(SIX[0], None)
            fill.join()
            assert await fill.ready(SIZE - 1) == SIZE
            fill.leave()
            assert len(scene.reserve) == 0

    loop(patiently(played()))


def test_a_newer_order_replaces_what_was_not_fetched_and_what_it_wants_never_leaves(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        room_of_three = 3 * (SIZE + 1024)
        async with filled(tmp_path, bodies(*SIX), capacity=room_of_three) as scene:
            await scene.executor.take(order(*SIX[:3]))
            await scene.holds(*SIX[:3])
            await scene.executor.take(order(SIX[1], SIX[3], at_s=1))
            await scene.reaches("done")

            assert SIX[1] in scene.reserve
            assert SIX[3] in scene.reserve
            assert len(scene.reserve) == 3  # the third of before is served until its room is needed
            assert scene.upstream.fetches == 4
            await scene.executor.take(order(*SIX[2:], at_s=2))  # four, where there is room for three
            await scene.reaches("paused")
            assert scene.reserve.used_bytes <= room_of_three
            assert scene.reserve.paths < set(SIX[2:])
            assert scene.reserve.wanted_here == len(scene.reserve) == 3
            assert scene.reserve.wanted_here_bytes == 3 * SIZE

    loop(patiently(played()))


def test_a_process_that_was_killed_goes_on_where_it_was(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, port):
            async with scene_of(tmp_path / "filled", port, clock) as scene:
                await scene.executor.take(order(*SIX[:3], size=3))
                _, writer = await told.asked.get()
                writer.write(head_of(3) + b"one")
                await scene.holds(SIX[0])
                await told.asked.get()  # in the middle of the second, it ends
            (tmp_path / "filled" / "0a").mkdir(exist_ok=True)
            (tmp_path / "filled" / "0a" / "half.new").write_bytes(b"half")
            async with scene_of(tmp_path / "filled", port, clock) as scene:
                for content in (b"two", b"thr"):
                    _, writer = await told.asked.get()
                    writer.write(head_of(3) + content)
                await scene.reaches("done")

                assert scene.reserve.paths == set(SIX[:3])
                assert told.paths == [SIX[0], SIX[1], SIX[1], SIX[2]]
                assert not list((tmp_path / "filled").rglob("*.new"))

    loop(patiently(played()))


def test_what_the_edge_holds_already_is_moved_and_not_fetched_again(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX)) as scene:
            fill = scene.fetching.start(SIX[0], None)
            fill.join()
            await fill.ready(SIZE - 1)
            fill.leave()
            await until(lambda: scene.fetching.store.get(SIX[0]) is not None)
            await scene.executor.take(order(*SIX[:2]))
            await scene.reaches("done")

            assert scene.reserve.paths == set(SIX[:2])
            assert (scene.upstream.fetches, scene.executor.fetched) == (2, 1)

    loop(patiently(played()))


def test_a_part_that_was_made_smaller_lets_go_of_the_least_wanted(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(*SIX)) as scene:
            await scene.executor.take(order(*SIX[:4]))
            await scene.holds(*SIX[:4])
        smaller = Reserve(tmp_path / "filled", 2 * (SIZE + 1024), 0)
        await smaller.open()
        assert len(smaller) == 4
        executor = FillExecutor(Fetching(1, None, None, scene.upstream, scene.clock, Tally()), smaller,
                                scene.clock, lambda: False)  # fmt: skip
        await executor.open()

        assert smaller.paths == set(SIX[:2])
        assert smaller.used_bytes <= smaller.capacity_bytes

    loop(patiently(played()))


class Counted:
    def __init__(self) -> None:
        self.paths: list[str] = []

    def asked(self, path: str, _size_bytes: int) -> None:
        self.paths.append(path)


@pytest.mark.parametrize("counts", [True, False])
def test_no_segment_lies_ready_unread_where_requests_are_counted(
    loop: Loop, tmp_path: Path, *, counts: bool
) -> None:
    async def played() -> None:
        async with filled(tmp_path, bodies(SIX[0])) as scene:
            counted = Counted()
            scene.edge.ledger = counted if counts else None
            fill = scene.fetching.start(SIX[0], None)
            fill.join()
            await fill.ready(SIZE - 1)
            fill.leave()
            await until(lambda: scene.fetching.store.get(SIX[0]) is not None)
            answer = scene.edge.at_once(Request("GET", SIX[0], {b"host": b"e"}))
            ready = scene.edge.ready(b"GET " + SIX[0].encode(), scene.clock.monotonic_ns())

            assert answer is not None
            assert (ready is None, counted.paths) == (counts, [SIX[0]] * counts)

    loop(patiently(played()))


@pytest.mark.parametrize("harm", [b"", b"{", b'{"made_at_s": "yesterday"}'])
def test_a_note_that_cannot_be_read_is_no_order(loop: Loop, tmp_path: Path, harm: bytes) -> None:
    async def played() -> None:
        (tmp_path / "filled").mkdir()
        (tmp_path / "filled" / "order.json").write_bytes(harm)
        async with filled(tmp_path, bodies(*SIX)) as scene:
            await scene.reaches("watching")
            assert scene.executor.order is None

    loop(patiently(played()))
