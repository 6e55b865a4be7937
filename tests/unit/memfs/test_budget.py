"""Memory stays under the budget; what is cold goes to the spill and comes back."""

import errno
import threading
from random import Random

import pytest

from bijou.memfs import MemFS
from tests.unit.memfs.spills import DictSpill

EXTENT = 4096


def filled(fs: MemFS, number: int) -> dict[str, bytes]:
    chance = Random(7)
    contents = {f"/{index:03d}": chance.randbytes(EXTENT) for index in range(number)}
    for path, content in contents.items():
        fs.write(path, content)
    return contents


def test_everything_reads_back_although_only_a_tenth_fits() -> None:
    spill = DictSpill()
    fs = MemFS(now=lambda: 0, budget_bytes=10 * EXTENT, spill=spill, extent_bytes=EXTENT)
    contents = filled(fs, 100)

    assert fs.usage().resident_bytes == 10 * EXTENT
    assert fs.usage().spilled_bytes == 90 * EXTENT
    assert {path: fs.read(path) for path in contents} == contents
    assert fs.usage().resident_bytes <= 10 * EXTENT


def test_what_is_read_again_and_again_stays_in_memory() -> None:
    spill = DictSpill()
    fs = MemFS(now=lambda: 0, budget_bytes=10 * EXTENT, spill=spill, extent_bytes=EXTENT)
    fs.write("/hot", bytes(EXTENT))
    for index in range(100):
        fs.write(f"/cold{index}", bytes(EXTENT))
        fs.read("/hot")

    assert fs.usage().loads == 0


def test_an_extent_that_was_spilled_before_is_not_written_again() -> None:
    spill = DictSpill()
    fs = MemFS(now=lambda: 0, budget_bytes=EXTENT, spill=spill, extent_bytes=EXTENT)
    contents = filled(fs, 3)
    for _ in range(5):
        for path in contents:
            fs.read(path)

    assert spill.stores == 3


def test_deleting_frees_memory_and_spill() -> None:
    spill = DictSpill()
    fs = MemFS(now=lambda: 0, budget_bytes=4 * EXTENT, spill=spill, extent_bytes=EXTENT)
    for path in filled(fs, 20):
        fs.unlink(path)

    assert fs.usage()[1:3] == (0, 0)
    assert not spill.held


def test_without_a_spill_a_full_budget_is_enospc_and_nothing_changes() -> None:
    fs = MemFS(now=lambda: 0, budget_bytes=4 * EXTENT, extent_bytes=EXTENT)
    filled(fs, 4)
    handle = fs.open("/000", "r+")

    with pytest.raises(OSError, match="budget") as refusal:
        fs.append("/001", bytes(EXTENT))
    assert refusal.value.errno == errno.ENOSPC
    assert fs.stat("/001").size_bytes == EXTENT
    assert handle.pwrite(b"in place", 0) == 8
    fs.unlink("/003")
    assert fs.append("/001", bytes(EXTENT)) == EXTENT


def test_a_full_spill_is_enospc_until_there_is_room_again() -> None:
    spill = DictSpill(capacity_bytes=2 * EXTENT)
    fs = MemFS(now=lambda: 0, budget_bytes=2 * EXTENT, spill=spill, extent_bytes=EXTENT)
    contents = filled(fs, 5)  # two in memory, two spilled, and the last write passes the limit

    with pytest.raises(OSError, match="spill takes no more"):
        fs.write("/more", bytes(EXTENT))
    assert {path: fs.read(path) for path in contents} == contents
    fs.unlink("/000")
    fs.unlink("/001")
    assert fs.write("/more", bytes(EXTENT)) == EXTENT


def test_a_spill_that_refused_is_asked_again_although_memory_is_only_just_full() -> None:
    spill = DictSpill(capacity_bytes=0)
    fs = MemFS(now=lambda: 0, budget_bytes=2 * EXTENT, spill=spill, extent_bytes=EXTENT)
    filled(fs, 3)
    fs.unlink("/002")
    spill.capacity_bytes = 10 * EXTENT

    assert fs.write("/more", bytes(EXTENT)) == EXTENT
    assert fs.usage().spilled_bytes == EXTENT


def test_small_extents_are_not_counted() -> None:
    fs = MemFS(now=lambda: 0, budget_bytes=2000, extent_bytes=EXTENT)
    fs.write("/small", bytes(1000))

    assert fs.usage().resident_bytes == 0


def test_a_slow_spill_holds_up_neither_other_files_nor_names() -> None:
    reading, may_end = threading.Event(), threading.Event()

    class SlowSpill(DictSpill):
        def load(self, token: int) -> bytes:
            reading.set()
            assert may_end.wait(10)
            return super().load(token)

    fs = MemFS(now=lambda: 0, budget_bytes=EXTENT, spill=SlowSpill(), extent_bytes=EXTENT)
    fs.write("/cold", b"c" * EXTENT)
    fs.write("/hot", b"h" * EXTENT)
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(fs.read("/cold")))
    thread.start()
    assert reading.wait(10)

    assert fs.read("/hot") == b"h" * EXTENT
    assert fs.stat("/cold").size_bytes == EXTENT
    fs.mkdir("/new")
    fs.rename("/new", "/newer")
    fs.append("/cold", b"x")
    may_end.set()
    thread.join()
    assert found == [b"c" * EXTENT]


def test_many_threads_under_a_small_budget_read_what_they_wrote() -> None:
    spill = DictSpill()
    fs = MemFS(now=lambda: 0, budget_bytes=4 * EXTENT, spill=spill, extent_bytes=EXTENT)
    wrong: list[str] = []

    def work(tag: int) -> None:
        chance = Random(tag)
        for turn in range(40):
            path, content = f"/{tag}-{turn % 5}", chance.randbytes(chance.randrange(2 * EXTENT))
            fs.write(path, content)
            if fs.read(path) != content:
                wrong.append(path)

    threads = [threading.Thread(target=work, args=[tag]) for tag in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in fs.listdir("/"):
        fs.unlink(f"/{name}")
    fs.usage()

    assert not wrong
    assert not spill.held


def test_a_budget_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="extent_bytes 0"):
        MemFS(now=lambda: 0, extent_bytes=0)
