"""What every engine of `ports.Blobs` promises; the last part is the directory's own."""

import asyncio
import os
import resource
import string
from collections.abc import AsyncIterator, Coroutine
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.engines.files import FileBlobs
from bijou.engines.local_files import PIECE_BYTES
from bijou.engines.memfs_blobs import MemBlobs
from bijou.engines.memfs_spill import FileSpill
from bijou.engines.s3 import S3Blobs
from bijou.memfs import MemFS
from bijou.ports import (
    BijouError,
    Blobs,
    Conflict,
    EngineUnavailable,
    Instant,
    InvalidRequest,
    NotFound,
    SystemClock,
    VirtualClock,
)
from tests.contract.blobs_s3.emulator import KEY, emulator

NOW = Instant.parse("2026-03-01T12:00:00.123456Z")
LONG = "0123456789abcdef" * 32


class MakeBlobs(Protocol):
    def __call__(self, folder: Path) -> Blobs: ...


def on_a_directory(folder: Path) -> Blobs:
    return FileBlobs(folder / "blobs", VirtualClock(NOW))


def in_memory(folder: Path) -> Blobs:
    # A byte less than what the tests of a full disk put.
    return MemBlobs(MemFS(now=VirtualClock(NOW).now, budget_bytes=(2 << 20) - 1))


def in_memory_and_spilled(folder: Path) -> Blobs:
    (folder / "spill").mkdir()
    spill = FileSpill(folder / "spill")
    return MemBlobs(MemFS(now=VirtualClock(NOW).now, budget_bytes=PIECE_BYTES, spill=spill))


def on_s3(folder: Path) -> Blobs:
    prefix = f"t/{sha256(bytes(folder)).hexdigest()[:12]}"
    return S3Blobs(emulator().place(prefix), VirtualClock(NOW), Random(1), KEY)


# Their clock is handed in, and their space can be made to end.
OF_THIS_MACHINE: list[MakeBlobs] = [on_a_directory, in_memory, in_memory_and_spilled]


@pytest.fixture(params=[*OF_THIS_MACHINE, on_s3])
def make(request: pytest.FixtureRequest) -> MakeBlobs:
    chosen: MakeBlobs = request.param
    return chosen


@pytest.fixture
def blobs(make: MakeBlobs, tmp_path: Path) -> Blobs:
    return make(tmp_path)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def pieces(reading: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in reading]


def read(blobs: Blobs, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(run(pieces(blobs.read(key, start, stop))))


def keys(blobs: Blobs, prefix: str = "") -> list[str]:
    async def listed() -> list[str]:
        return [key async for key in blobs.keys(prefix)]

    found: list[str] = run(listed())
    return found


def test_what_was_put_is_read_and_described(blobs: Blobs) -> None:
    put = run(blobs.put("media/a/1.m4s", b"bytes"))

    assert (put.key, put.size_bytes) == ("media/a/1.m4s", 5)
    assert run(blobs.info("media/a/1.m4s")) == put
    assert read(blobs, "media/a/1.m4s") == b"bytes"
    assert put.etag.startswith('"')
    assert put.etag.endswith('"')


@pytest.mark.parametrize("make", OF_THIS_MACHINE, indirect=True)
def test_a_blob_is_stamped_by_the_clock(blobs: Blobs) -> None:
    put = run(blobs.put("k", b"bytes"))

    assert put.modified_at == NOW


def test_another_put_of_other_bytes_is_a_conflict_and_changes_nothing(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    first = run(blobs.put("k", b"bytes"))

    for content in (b"other", b"bytes and more", b"", tmp_path / "other"):
        with pytest.raises(Conflict) as refused:
            run(blobs.put("k", content))
        assert refused.value.code == "blobs.exists"
    assert (read(blobs, "k"), run(blobs.info("k"))) == (b"bytes", first)
    assert (tmp_path / "other").exists()


def test_the_same_bytes_again_are_no_conflict(blobs: Blobs, tmp_path: Path) -> None:
    content = Random(1).randbytes(3 * PIECE_BYTES + 1)
    (tmp_path / "again").write_bytes(content)
    first = run(blobs.put("k", content))

    assert run(blobs.put("k", content)) == first
    assert run(blobs.put("k", tmp_path / "again")) == first


def test_of_many_puts_at_once_exactly_one_wins(blobs: Blobs) -> None:
    async def race() -> list[Any]:
        return await asyncio.gather(
            *(blobs.put("a/b/k", bytes([n])) for n in range(20)), return_exceptions=True
        )

    outcomes = run(race())
    winners = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]

    assert len(winners) == 1
    assert all(isinstance(outcome, Conflict) for n, outcome in enumerate(outcomes) if n not in winners)
    assert read(blobs, "a/b/k") == bytes(winners)


def test_a_file_is_moved_or_copied_in(blobs: Blobs, tmp_path: Path) -> None:
    content = Random(2).randbytes(PIECE_BYTES + 1)
    (tmp_path / "made").write_bytes(content)

    run(blobs.put("media/made", tmp_path / "made"))

    assert read(blobs, "media/made") == content


def test_replace_takes_the_place_of_what_was_there_under_a_new_etag(blobs: Blobs) -> None:
    first = run(blobs.replace("k", b"one"))
    second = run(blobs.replace("k", b"two"))

    assert (read(blobs, "k"), run(blobs.info("k"))) == (b"two", second)
    assert first.etag != second.etag


def test_one_who_reads_while_it_is_replaced_reads_one_of_the_two(blobs: Blobs) -> None:
    old, new = bytes(2 * PIECE_BYTES), b"\x01" * (2 * PIECE_BYTES)

    async def scene() -> bytes:
        await blobs.put("k", old)
        reading = blobs.read("k")
        first = await anext(reading)
        await blobs.replace("k", new)
        return first + b"".join(await pieces(reading))

    assert run(scene()) in (old, new)
    assert read(blobs, "k") == new


@pytest.mark.parametrize("make_one", [*OF_THIS_MACHINE, on_s3])
@given(start=st.integers(0, 3 * PIECE_BYTES), length=st.none() | st.integers(-5, 3 * PIECE_BYTES))
@settings(max_examples=40, deadline=None)
def test_a_part_is_the_slice(
    tmp_path_factory: pytest.TempPathFactory, make_one: MakeBlobs, start: int, length: int | None
) -> None:
    blobs = _one_blob(tmp_path_factory, make_one)
    stop = None if length is None else max(0, start + length)

    found = run(pieces(blobs.read("k", start, stop)))

    assert b"".join(found) == CONTENT[start:stop]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in found)


CONTENT = Random(3).randbytes(2 * PIECE_BYTES + 17)
_prepared: dict[MakeBlobs, Blobs] = {}


def _one_blob(factory: pytest.TempPathFactory, make_one: MakeBlobs) -> Blobs:
    if make_one not in _prepared:
        blobs = _prepared[make_one] = make_one(factory.mktemp("parts"))
        run(blobs.put("k", CONTENT))
    return _prepared[make_one]


def test_what_is_not_there_is_missing_everywhere(blobs: Blobs, tmp_path: Path) -> None:
    run(blobs.put("a/b", b""))

    for key in ("none", "a", "a/c", "a/b/c"):
        for work in (blobs.info(key), pieces(blobs.read(key)), blobs.fetch(key, tmp_path / "copy")):
            with pytest.raises(NotFound) as refused:
                run(work)
            assert refused.value.code == "blobs.missing"
        run(blobs.delete(key))
    assert keys(blobs) == ["a/b"]


BAD_KEYS = [
    "", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "../a", ".hidden", "a/.b", "a b", "a\0b",
    "a\nb", "é", "a~", "a\\b", "~staging/x", "k" * 513, "%2e%2e/a",
]  # fmt: skip


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: repr(key[:12]))
def test_a_bad_key_is_refused_by_every_method(blobs: Blobs, tmp_path: Path, key: str) -> None:
    for work in (
        blobs.put(key, b""), blobs.replace(key, b""), blobs.info(key), pieces(blobs.read(key)),
        blobs.fetch(key, tmp_path / "copy"), blobs.delete(key),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest) as refused:
            run(work)
        assert refused.value.code == "blobs.bad_key"
    assert keys(blobs) == []


def test_keys_come_in_order_of_their_characters_and_only_under_the_prefix(blobs: Blobs) -> None:
    all_keys = [
        "a-b", "a.b", "a/b", "a/b-c", "a/bx", "a0", "b", "media/ast_1/x", "media/ast_10/x", LONG,
        f"z/{LONG[:509]}",
    ]  # fmt: skip
    for key in all_keys:
        run(blobs.put(key, key.encode()))

    assert keys(blobs) == sorted(all_keys)
    for prefix in (
        "a",
        "a/",
        "a/b",
        "media/",
        "media/ast_1",
        "media/ast_1/",
        "none/",
        LONG[:300],
        "z/0",
        "/",
        "..",
        "a//",
    ):
        assert keys(blobs, prefix) == sorted(key for key in all_keys if key.startswith(prefix)), prefix
    assert read(blobs, LONG) == LONG.encode()


def test_a_deleted_blob_is_gone_and_its_key_is_free(blobs: Blobs) -> None:
    run(blobs.put("a/b/c", b"one"))
    run(blobs.delete("a/b/c"))
    run(blobs.delete("a/b/c"))

    assert keys(blobs) == []
    run(blobs.put("a/b/c", b"two"))
    assert read(blobs, "a/b/c") == b"two"


def test_a_fetched_blob_is_a_local_file_whatever_was_there(blobs: Blobs, tmp_path: Path) -> None:
    run(blobs.put("k", b"bytes"))
    (tmp_path / "copy").write_bytes(b"something else")

    run(blobs.fetch("k", tmp_path / "copy"))

    assert (tmp_path / "copy").read_bytes() == b"bytes"
    assert not (tmp_path / "copy").is_symlink()


def test_folders_that_come_and_go_under_a_put_do_not_hurt_it(blobs: Blobs) -> None:
    async def churn(name: str) -> None:
        for _ in range(15):
            await blobs.put(f"a/b/{name}", b"x")
            await blobs.delete(f"a/b/{name}")

    async def scene() -> None:
        await asyncio.gather(*(churn(name) for name in string.ascii_lowercase[:4]))

    run(scene())

    assert keys(blobs) == []


@pytest.mark.parametrize("make", OF_THIS_MACHINE, indirect=True)
def test_where_there_is_no_space_nothing_is_left_behind(blobs: Blobs, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        for work in (blobs.put("media/k", bytes(2 << 20)), blobs.replace("media/k", bytes(2 << 20))):
            with pytest.raises(EngineUnavailable) as refused:
                run(work)
            assert refused.value.code == "blobs.full"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert keys(blobs) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("make", OF_THIS_MACHINE, indirect=True)
def test_a_failed_replace_leaves_the_old_bytes(blobs: Blobs) -> None:
    run(blobs.put("k", b"old"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(EngineUnavailable):
            run(blobs.replace("k", bytes(2 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert read(blobs, "k") == b"old"


# What follows is the directory's own.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def files(tmp_path: Path) -> Blobs:
    return on_a_directory(tmp_path)


def test_a_file_moves_in_without_being_copied_and_is_read_only(
    files: Blobs, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "made").write_bytes(b"bytes")
    inode = (tmp_path / "made").stat().st_ino

    run(files.put("media/made", tmp_path / "made"))

    stored = (root / "media/made").stat()
    assert (stored.st_ino, stored.st_nlink, stored.st_mode & 0o777) == (inode, 1, 0o444)
    assert not (tmp_path / "made").exists()


def test_nothing_stays_where_puts_are_prepared(files: Blobs, root: Path, tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"one")
    run(files.put("k", b"one"))
    run(files.put("k", b"one"))
    run(files.put("k", tmp_path / "made"))
    with pytest.raises(Conflict):
        run(files.put("k", b"two"))
    run(files.replace("k", b"three"))

    assert [path for path in root.rglob("*") if path.is_file()] == [root / "k"]


def test_a_file_of_another_file_system_is_copied_in_whole(files: Blobs, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    source = elsewhere / f"bijou-test-{os.getpid()}"
    content = Random(4).randbytes(PIECE_BYTES + 5)
    source.write_bytes(content)
    try:
        run(files.put("k", source))

        assert read(files, "k") == content
        assert not source.exists()
    finally:
        source.unlink(missing_ok=True)


def test_no_symbolic_link_is_followed_nor_stored(files: Blobs, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_bytes(b"secret")
    (root / "folder").symlink_to(tmp_path / "secret")
    (root / "file").symlink_to(tmp_path / "secret/key")
    os.mkfifo(root / "pipe")

    for key in ("folder/key", "file", "pipe"):
        for work in (files.info(key), pieces(files.read(key)), files.fetch(key, tmp_path / "copy")):
            with pytest.raises(NotFound):
                run(work)
        with pytest.raises(Conflict):
            run(files.put(key, b"mine"))
    with pytest.raises(InvalidRequest, match="cannot be stored"):
        run(files.put("k", root / "file"))
    assert keys(files) == []
    assert keys(files, "folder/") == []
    run(files.delete("folder/key"))
    assert (tmp_path / "secret/key").read_bytes() == b"secret"


def test_a_key_through_another_key_is_a_conflict_on_a_directory(files: Blobs) -> None:
    run(files.put("a", b""))
    run(files.put("b/c", b""))

    for work in (
        files.put("a/b", b""),
        files.put("b", b""),
        files.replace("a/b", b""),
        files.replace("b", b""),
    ):
        with pytest.raises(Conflict):
            run(work)


def test_what_a_killed_process_left_half_written_is_swept_a_day_later(root: Path, tmp_path: Path) -> None:
    on_a_directory(tmp_path)
    for name, age_s in (("old", 90_000), ("young", 3_600)):
        (root / "~staging" / name).write_bytes(b"half")
        at_ns = (NOW - age_s * 1_000_000) * 1000
        os.utime(root / "~staging" / name, ns=(at_ns, at_ns))

    blobs = on_a_directory(tmp_path)

    assert [path.name for path in (root / "~staging").iterdir()] == ["young"]
    assert keys(blobs) == []


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_reader_that_leaves_leaves_no_open_file(files: Blobs) -> None:
    async def scene() -> int:
        await files.put("k", bytes(4 * PIECE_BYTES))
        before = open_files()
        for steps in (0, 1, 2):
            reading = asyncio.ensure_future(_steps(files, steps))
            await asyncio.wait({reading}, timeout=0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        for _ in range(1000):  # a thread may hold its file for a moment more
            if open_files() <= before:
                break
            await SystemClock().sleep(0.002)
        return open_files() - before

    assert run(scene()) <= 0


async def _steps(blobs: Blobs, steps: int) -> None:
    reading = blobs.read("k")
    for _ in range(steps + 1):
        await anext(reading)
    await asyncio.get_running_loop().create_future()


def test_errors_say_the_key_and_the_rule(files: Blobs) -> None:
    with pytest.raises(BijouError, match=r"'\.\./x' is no key of a blob; a key is 1 to 512 of"):
        run(files.info("../x"))
