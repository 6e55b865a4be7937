"""What is `MemBlobs`' own, beside the contract of all engines in `test_blobs`."""

import asyncio
import threading
from pathlib import Path

import pytest

from bijou.engines.local_files import PIECE_BYTES
from bijou.engines.memfs_blobs import MemBlobs
from bijou.memfs import MemFS
from bijou.ports import Blobs, EngineUnavailable


class Vanishing(MemFS):
    """Takes an emptied folder away under a put, as a delete beside it does."""

    times = 0

    def makedirs(self, path: str, mode: int = 0o777, *, exist_ok: bool = True) -> None:
        super().makedirs(path, mode, exist_ok=exist_ok)
        if path.endswith("/media") and self.times:
            self.times -= 1
            self.rmdir(path)


async def pieces(blobs: Blobs, key: str, start: int = 0) -> list[bytes]:
    return [piece async for piece in blobs.read(key, start)]


def test_a_folder_that_vanishes_under_a_put_is_made_again_but_not_for_ever() -> None:
    fs = Vanishing(now=lambda: 0)
    blobs = MemBlobs(fs)
    fs.times = 7

    assert asyncio.run(blobs.put("media/k", b"bytes")).size_bytes == 5
    asyncio.run(blobs.delete("media/k"))
    fs.times = 8
    with pytest.raises(EngineUnavailable, match="vanished 8 times") as refused:
        asyncio.run(blobs.put("media/k", b"bytes"))
    assert refused.value.code == "blobs.unavailable"
    assert fs.listdir("/blobs/~staging") == []


def test_a_hot_segment_is_read_without_a_copy_and_without_a_thread() -> None:
    blobs = MemBlobs(MemFS(now=lambda: 0))
    content = bytes(3 * PIECE_BYTES + 1)
    before = set(threading.enumerate())

    async def scene() -> tuple[list[bytes], list[bytes], set[threading.Thread]]:
        await blobs.put("k", content)
        read = await pieces(blobs, "k"), await pieces(blobs, "k", 100)
        return *read, set(threading.enumerate()) - before

    first, second, threads = asyncio.run(scene())
    assert all(one is other for one, other in zip(first[1:3], second[1:3], strict=True))
    assert (b"".join(first), b"".join(second)) == (content, content[100:])
    assert not threads


def test_a_blob_is_a_file_that_others_may_look_at(tmp_path: Path) -> None:
    fs = MemFS(now=lambda: 0)
    (tmp_path / "f").write_bytes(b"film")
    asyncio.run(MemBlobs(fs, "/hot").put("media/f", tmp_path / "f"))

    assert fs.read("/hot/media/f") == b"film"
    assert fs.stat("/hot/media/f").mode & 0o777 == 0o444
    assert not (tmp_path / "f").exists()
