"""Files of several parts: staged, then copied where the key is free."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from bijou.engines import s3
from bijou.engines.s3 import PART_BYTES, S3Blobs
from bijou.ports import BlobInfo, Conflict, EngineUnavailable, VirtualClock
from tests.contract.blobs_s3.abyss import abyss
from tests.contract.blobs_s3.emulator import KEY, Emulator, place_at
from tests.contract.blobs_s3.front import front_of, refusing

LARGE = Random(5).randbytes(1 << 20) * 9  # two parts
assert PART_BYTES < len(LARGE) < 2 * PART_BYTES


@pytest.fixture
def blobs(store: Emulator, prefix: str) -> S3Blobs:
    return S3Blobs(store.place(prefix), VirtualClock(), Random(1), KEY)


@pytest.fixture
def made(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.mov"
        path.write_bytes(content)
        return path

    return make


def test_a_large_file_is_moved_in_whole_and_nothing_stays_staged(
    blobs: S3Blobs, store: Emulator, prefix: str, made: Callable[[bytes], Path], tmp_path: Path
) -> None:
    source = made(LARGE)

    put = asyncio.run(blobs.put("uploads/film", source))

    assert put == asyncio.run(blobs.info("uploads/film"))
    assert put.size_bytes == len(LARGE)
    assert not source.exists()
    asyncio.run(blobs.fetch("uploads/film", tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == LARGE
    assert store.names(prefix) == [f"{prefix}/uploads/film"]
    assert store.unfinished(prefix) == 0


def test_a_large_file_in_place_of_other_bytes_is_a_conflict_and_of_the_same_is_none(
    blobs: S3Blobs, store: Emulator, prefix: str, made: Callable[[bytes], Path]
) -> None:
    first = asyncio.run(blobs.put("k", made(LARGE)))

    assert asyncio.run(blobs.put("k", made(LARGE))) == first
    assert asyncio.run(blobs.put("k", LARGE)) == first
    with pytest.raises(Conflict) as refused:
        asyncio.run(blobs.put("k", made(LARGE[:-1] + b"\0")))
    assert refused.value.code == "blobs.exists"
    assert asyncio.run(blobs.info("k")) == first
    assert store.names(prefix) == [f"{prefix}/k"]


def test_of_two_large_files_at_once_exactly_one_wins(
    blobs: S3Blobs, store: Emulator, prefix: str, made: Callable[[bytes], Path]
) -> None:
    sources = [made(LARGE), made(LARGE[::-1])]

    async def race() -> list[BlobInfo | BaseException]:
        return await asyncio.gather(*(blobs.put("k", source) for source in sources), return_exceptions=True)

    outcomes = asyncio.run(race())

    won = [isinstance(outcome, BlobInfo) for outcome in outcomes]
    assert sorted(won) == [False, True]
    assert isinstance(outcomes[won.index(False)], Conflict)
    assert [source.exists() for source in sources] == [not one for one in won]
    assert store.names(prefix) == [f"{prefix}/k"]


def test_an_upload_that_fails_leaves_the_file_and_no_part_of_it(
    store: Emulator, prefix: str, made: Callable[[bytes], Path]
) -> None:
    source = made(LARGE)

    async def scene() -> list[str]:
        async with front_of(store.port) as front:
            blobs = S3Blobs(store.place(prefix, front.port), VirtualClock(), Random(1), KEY)
            await blobs._try_copying()
            front.asked.clear()
            front.spoil("PUT", refusing(400, "BadDigest"), refusing(400, "BadDigest"))
            with pytest.raises(EngineUnavailable, match="400 BadDigest"):
                await blobs.put("k", source)
            return [f"{asked.method} {re.sub('=.*', '', asked.target)[-8:]}" for asked in front.asked]

    asked = asyncio.run(scene())

    assert source.read_bytes() == LARGE
    assert store.names(prefix) == []
    assert store.unfinished(prefix) == 0, asked


def test_what_is_too_large_to_be_copied_is_uploaded_where_the_key_is_free(
    blobs: S3Blobs, made: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_COPIES_AT_MOST_BYTES", PART_BYTES)
    first = asyncio.run(blobs.put("k", made(LARGE)))

    assert asyncio.run(blobs.put("k", made(LARGE))) == first
    with pytest.raises(Conflict):
        asyncio.run(blobs.put("k", made(LARGE[::-1])))
    assert first.size_bytes == len(LARGE)


def _resident_bytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def _count_the_peak_from_here() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _resident_bytes("VmRSS")


def test_a_hundred_megabytes_go_in_and_out_in_the_memory_of_ten_parts(
    made: Callable[[bytes], Path], tmp_path: Path
) -> None:
    source = made(b"")
    os.truncate(source, 100_000_000)

    async def scene() -> tuple[int, int, int]:
        async with abyss() as deep:
            blobs = S3Blobs(place_at(deep.port), VirtualClock(), Random(1), KEY)
            blobs._keeps_copying = blobs._bucket._is_there = True
            before = _count_the_peak_from_here()
            await blobs.put("film", source)
            put = _resident_bytes("VmHWM") - before
            assert deep.most_at_once <= 3
            before = _count_the_peak_from_here()
            await blobs.fetch("film", tmp_path / "copy")
            read = sum([len(piece) async for piece in blobs.read("film")])
            assert (deep.taken_bytes, deep.parts, read) == (100_000_000, 12, 100_000_000)
            return put, _resident_bytes("VmHWM") - before, read

    put, got, read = asyncio.run(scene())

    assert put < 10 * PART_BYTES, f"{put >> 20} MiB"
    assert got < 4 * PART_BYTES, f"{got >> 20} MiB"
    assert (tmp_path / "copy").stat().st_size == read
