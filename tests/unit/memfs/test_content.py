"""Bytes of a file beside one bytearray, in the manner of fsx."""

from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.memfs import MemFS, Snapshot
from bijou.memfs.content import File
from tests.unit.algorithms.machines import Machine, run_machine
from tests.unit.memfs.spills import DictSpill

EXTENT = 2048
OFFSETS = st.one_of(
    st.integers(0, 5 * EXTENT),
    st.sampled_from([0, 1, EXTENT - 1, EXTENT, EXTENT + 1, 3 * EXTENT, 40 * EXTENT]),
)
LENGTHS = st.one_of(st.integers(0, 3 * EXTENT), st.sampled_from([0, 1, EXTENT, EXTENT - 1, 2 * EXTENT]))


class FileMachine(Machine):
    """One file, read and written in every way, spilled and snapshotted meanwhile."""

    @initialize(budget=st.sampled_from([None, 0, EXTENT, 3 * EXTENT]), seed=st.integers(0, 999))
    def begin(self, budget: int | None, seed: int) -> None:
        self.chance = Random(seed)
        self.spill = DictSpill()
        self.fs = MemFS(now=lambda: 0, budget_bytes=budget, spill=self.spill, extent_bytes=EXTENT)
        self.handle = self.fs.open("/file", "w+")
        self.model = bytearray()
        self.views: list[tuple[list[memoryview], bytes]] = []
        self.snapshots: list[tuple[Snapshot, bytes]] = []

    @rule(offset=OFFSETS, length=LENGTHS, kind=st.sampled_from([bytes, bytearray, memoryview]))
    def pwrite(self, offset: int, length: int, kind: type) -> None:
        data = self.chance.randbytes(length)
        self.handle.pwrite(kind(data), offset)
        if data:
            self.model.extend(bytes(max(0, offset - len(self.model))))
            self.model[offset : offset + length] = data

    @rule(length=LENGTHS)
    def append(self, length: int) -> None:
        data = self.chance.randbytes(length)
        self.fs.append("/file", data)
        self.model += data

    @rule(size=OFFSETS)
    def truncate(self, size: int) -> None:
        self.handle.truncate(size)
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    @rule(offset=OFFSETS, length=LENGTHS)
    def pread(self, offset: int, length: int) -> None:
        assert self.handle.pread(length, offset) == self.model[offset : offset + length]

    @rule(offset=OFFSETS, length=LENGTHS)
    def view(self, offset: int, length: int) -> None:
        views, expected = self.handle.views(length, offset), bytes(self.model[offset : offset + length])

        assert b"".join(views) == expected
        assert all(each.readonly for each in views)
        self.views = [*self.views[-3:], (views, expected)]

    @rule()
    def snapshot(self) -> None:
        self.snapshots.append((self.fs.snapshot(), bytes(self.model)))

    @rule(which=st.integers(0, 9))
    def close_a_snapshot(self, which: int) -> None:
        if which < len(self.snapshots):
            snapshot, expected = self.snapshots.pop(which)

            assert snapshot.read("/file") == expected
            snapshot.close()

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        if not hasattr(self, "model"):
            return

        assert self.fs.stat("/file").size_bytes == len(self.model)
        assert all(b"".join(views) == expected for views, expected in self.views)
        usage = self.fs.usage()
        assert usage.limit_bytes is None or usage.resident_bytes <= usage.limit_bytes

    def teardown(self) -> None:
        assert self.fs.read("/file") == self.model
        while self.snapshots:
            self.close_a_snapshot(0)
        self.handle.close()
        self.views.clear()
        self.fs.unlink("/file")
        del self.handle
        usage = self.fs.usage()

        assert usage.limit_bytes is None or (usage.resident_bytes, usage.spilled_bytes) == (0, 0)
        assert not self.spill.held


def test_a_file_reads_as_one_bytearray_would() -> None:
    run_machine(FileMachine)


def test_a_byte_far_out_takes_one_extent() -> None:
    fs = MemFS(now=lambda: 0, budget_bytes=10_000)
    fs.open("/sparse", "w").pwrite(b"x" * 2000, 2**60)

    assert fs.stat("/sparse").size_bytes == 2**60 + 2000
    assert fs.usage().resident_bytes < 10_000 + 2**18
    assert fs.read("/sparse", 2**60 - 3, 2**60 + 2) == b"\0\0\0xx"


def test_a_file_ends_before_byte_two_to_the_sixty_third() -> None:
    fs = MemFS(now=lambda: 0)
    handle = fs.open("/end", "w")

    with pytest.raises(OSError, match="2\\^63"):
        handle.pwrite(b"xy", 2**63 - 2)
    assert handle.pwrite(b"x", 2**63 - 2) == 1


def test_whole_extents_are_kept_and_read_without_a_copy() -> None:
    fs = MemFS(now=lambda: 0, extent_bytes=4096)
    extent = bytes(range(256)) * 16
    fs.append("/film", extent)
    fs.append("/film", extent[:5])
    handle = fs.open("/film")

    assert handle.pread(4096, 0) is extent
    assert handle.views(4096)[0].obj is extent
    assert fs.read("/film", 0, 4096) is extent


def test_writing_over_a_sealed_extent_copies_it_once() -> None:
    fs = MemFS(now=lambda: 0, extent_bytes=4096)
    fs.write("/film", bytes(4096))
    handle = fs.open("/film", "r+")
    handle.pwrite(b"x", 7)
    file = fs._volume.root.children["film"]
    assert isinstance(file, File)
    assert file.first is not None
    opened = file.first.data
    handle.pwrite(b"y", 8)

    assert file.first.data is opened
    assert handle.pread(3, 7) == b"xy\0"


def test_a_deleted_file_lives_as_long_as_a_handle_on_it() -> None:
    fs = MemFS(now=lambda: 0)
    handle = fs.open("/gone", "w+")
    fs.unlink("/gone")
    handle.write(b"still here")
    handle.seek(0)

    assert handle.read() == b"still here"
    assert handle.stat().links == 0
    assert not fs.exists("/gone")
