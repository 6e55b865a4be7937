"""The disk below memory: what leaves memory is found there, whole or not at all."""

import asyncio
from pathlib import Path

import pytest

from bijou.delivery.cached import Cached
from bijou.delivery.disk import BACKLOG_BYTES, Disk
from bijou.delivery.model import Representation
from bijou.delivery.store import OVERHEAD_BYTES
from bijou.ports import Instant
from tests.contract.delivery.scene import patiently

CAPACITY = 1 << 20


def cached(path: str, body: bytes) -> Cached:
    what = Representation(path, len(body), '"e"', Instant(5))
    return Cached(what, memoryview(body), b"", Instant(7), 0)


async def opened(folder: Path, capacity: int = CAPACITY) -> Disk:
    disk = Disk(folder, capacity)
    await disk.open()
    return disk


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_what_was_kept_comes_back_after_a_restart_with_all_its_facts(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path)
        disk.keep(cached("/media/a", b"body"))
        await disk.written()
        await disk.close()
        again = await opened(tmp_path)
        found = await again.read("/media/a")
        await again.close()

        assert found is not None
        assert found[0].representation == Representation("/media/a", 4, '"e"', Instant(5))
        assert (found[1], found[0].filled_at, again.used_bytes) == (b"body", 7, 4 + OVERHEAD_BYTES)
        assert "/media/b" not in again
        assert await again.read("/media/b") is None

    asyncio.run(patiently(scene()))


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_what_the_disk_broke_is_not_served_and_forgotten(tmp_path: Path, harm: str) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path)
        disk.keep(cached("/media/a", bytes(5000)))
        await disk.written()
        (file,) = files(tmp_path)
        content = file.read_bytes()
        if harm == "remove":
            file.unlink()
        else:
            file.write_bytes(content[:-1] + b"\x01" if harm == "flip" else content[:-10])

        assert await disk.read("/media/a") is None
        assert ("/media/a" in disk, disk.damaged) == (False, 1)
        disk.keep(cached("/media/a", b"fresh"))
        await disk.written()
        found = await disk.read("/media/a")
        await disk.close()
        assert found is not None
        assert found[1] == b"fresh"

    asyncio.run(patiently(scene()))


def test_what_made_room_while_it_was_read_is_no_damage(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path)
        disk.keep(cached("/media/a", bytes(5000)))
        await disk.written()
        files(tmp_path)[0].unlink()
        reading = asyncio.ensure_future(disk.read("/media/a"))
        asyncio.get_running_loop().call_soon(disk._index.remove, "/media/a")

        assert await reading is None
        assert disk.damaged == 0
        await disk.close()

    asyncio.run(patiently(scene()))


def test_files_that_are_not_whole_or_not_ours_are_cleared_away_at_the_start(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path)
        for name in ("cut", "head", "whole"):
            disk.keep(cached(f"/media/{name}", bytes(3000)))
        await disk.written()
        await disk.close()
        for file in files(tmp_path):
            if b"/media/cut" in file.read_bytes():
                file.write_bytes(file.read_bytes()[:-1])
            elif b"/media/head" in file.read_bytes():
                file.write_bytes(b"bijou-edge-1\n\x00\x00\x00\x05hello")
        (tmp_path / "00").mkdir(exist_ok=True)
        (tmp_path / "00" / "half.new").write_bytes(b"draft")
        again = await opened(tmp_path)
        await again.close()

        assert (len(again), "/media/whole" in again, len(files(tmp_path))) == (1, True, 1)

    asyncio.run(patiently(scene()))


def test_files_stay_within_their_bytes(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path, 10 * (1000 + OVERHEAD_BYTES))
        for number in range(40):
            disk.keep(cached(f"/media/{number}", bytes(1000)))
        disk.keep(cached("/media/large", bytes(200_000)))
        await disk.written()
        await disk.close()

        assert (len(disk), len(files(tmp_path)), disk.skipped) == (10, 10, 1)

    asyncio.run(patiently(scene()))


def test_what_memory_lets_go_faster_than_the_disk_writes_is_passed_over(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = await opened(tmp_path, 1 << 40)
        size = BACKLOG_BYTES // 3 + 1
        body = bytes(size)
        for number in range(5):
            disk.keep(cached(f"/media/{number}", body))
        await disk.close()

        assert disk.skipped == 3

    asyncio.run(patiently(scene()))
