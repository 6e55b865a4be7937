"""What an origin says there is to fill from."""

import asyncio
from pathlib import Path

from bijou.delivery.fill_planning import titles_of
from bijou.delivery.stock import OriginStock, Stock
from bijou.engines.files import FileBlobs
from bijou.ports import Instant, VirtualClock

EARLY = Instant.parse("2026-01-01T00:00:00Z")


async def put(blobs: FileBlobs, title: str, *numbers: int, rendition: str = "v360", size: int = 10) -> None:
    for number in numbers:
        await blobs.put(f"media/{title}/{rendition}/{number:05}.m4s", bytes(size + number))


def sizes(stock: Stock) -> dict[str, dict[str, list[int]]]:
    return {title.name: {each.name: each.sizes_bytes for each in title.renditions} for title in stock.titles}


def test_segments_count_from_the_first_on_without_a_gap(tmp_path: Path) -> None:
    async def scene() -> None:
        blobs = FileBlobs(tmp_path, VirtualClock(EARLY))
        await put(blobs, "ast_1", 1, 2, 4)
        await put(blobs, "ast_1", 2, 3, rendition="v720")
        await put(blobs, "ast_2", 1, rendition="av1/v360")
        for name in ("master.m3u8", "v360/init.mp4", "live/v360.m3u8", "stills/00001.jpg"):
            await blobs.put(f"media/ast_1/{name}", b"text")
        await blobs.put("sources/ast_1/v360/00001.m4s", b"private")

        assert sizes(await OriginStock(blobs).taken()) == {
            "/media/ast_1": {"v360": [11, 12]},
            "/media/ast_2": {"av1/v360": [11]},
        }

    asyncio.run(scene())


def test_what_grows_or_goes_is_seen_the_next_time(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock(EARLY)
        blobs = FileBlobs(tmp_path, clock)
        stock = OriginStock(blobs)
        await put(blobs, "ast_1", 1)
        await put(blobs, "ast_2", 1)
        first = await stock.taken()
        clock.advance(3600)
        await put(blobs, "ast_1", 2, 3)
        await blobs.delete("media/ast_2/v360/00001.m4s")
        second = await stock.taken()

        assert sizes(first) == {"/media/ast_1": {"v360": [11]}, "/media/ast_2": {"v360": [11]}}
        assert sizes(second) == {"/media/ast_1": {"v360": [11, 12, 13]}}
        assert [title.available_at_s for title in second.titles] == [EARLY / 1e6]

    asyncio.run(scene())


def test_who_asks_at_once_is_told_the_same(tmp_path: Path) -> None:
    async def scene() -> None:
        blobs = FileBlobs(tmp_path, VirtualClock(EARLY))
        await put(blobs, "ast_1", *range(1, 30))
        stock = OriginStock(blobs)
        told = await asyncio.gather(*(stock.taken() for _ in range(5)))

        assert all(each == told[0] for each in told)
        assert len(sizes(told[0])["/media/ast_1"]["v360"]) == 29

    asyncio.run(scene())


def test_titles_are_planned_with_the_paths_that_viewers_ask_for(tmp_path: Path) -> None:
    async def scene() -> None:
        blobs = FileBlobs(tmp_path, VirtualClock(EARLY))
        await put(blobs, "ast_1", 1, 2, rendition="h264/v360")
        (title,) = titles_of(await OriginStock(blobs).taken())

        assert (title.name, title.length) == ("/media/ast_1", 2)
        assert title.renditions[0].paths == tuple(
            f"/media/ast_1/h264/v360/0000{number}.m4s" for number in (1, 2)
        )

    asyncio.run(scene())
