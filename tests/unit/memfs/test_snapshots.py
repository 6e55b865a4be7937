"""A snapshot is the tree of its moment, whatever happens after it."""

import errno

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bijou.memfs import Credentials, MemFS, Snapshot
from tests.unit.algorithms.machines import Machine, run_machine
from tests.unit.memfs.operations import ROOT, Performer
from tests.unit.memfs.test_beside_tmpfs import operations

Node = tuple[str, object, object]


def everything(fs: MemFS, path: str = "/") -> list[Node]:
    """Copy a tree in full: the slowest obvious snapshot."""
    found: list[Node] = []
    for name, known in fs.scandir(path):
        child = f"{path.rstrip('/')}/{name}"
        if known.is_dir:
            found += [(child, known, None), *everything(fs, child)]
        else:
            found.append((child, known, fs.readlink(child) if known.is_symlink else fs.read(child)))
    return found


class SnapshotMachine(Machine):
    """Random operations, with snapshots taken, read and closed in any order."""

    @initialize()
    def begin(self) -> None:
        self.instant = 0
        self.fs = MemFS(now=lambda: self.instant, extent_bytes=16)
        self.performer = Performer(self.fs)
        self.snapshots: list[tuple[Snapshot, list[Node]]] = []

    @rule(operation=operations())
    def change(self, operation: tuple[object, ...]) -> None:
        self.instant += 1
        self.performer.perform(ROOT, operation)

    @rule()
    def take(self) -> None:
        self.snapshots.append((self.fs.snapshot(), everything(self.fs)))

    @rule(which=st.integers(0, 5), close=st.booleans())
    def look(self, which: int, *, close: bool) -> None:
        if which < len(self.snapshots):
            snapshot, expected = self.snapshots[which]
            assert everything(snapshot) == expected
            if close:
                snapshot.close()
                del self.snapshots[which]

    def teardown(self) -> None:
        for snapshot, expected in self.snapshots:
            assert everything(snapshot) == expected


def test_a_snapshot_equals_a_full_copy_made_at_its_moment() -> None:
    run_machine(SnapshotMachine)


def test_a_snapshot_cannot_be_changed() -> None:
    fs = MemFS(now=lambda: 0)
    fs.write("/file", b"then")
    snapshot = fs.snapshot()
    fs.write("/file", b"now")

    for change in (
        lambda: snapshot.write("/file", b""),
        lambda: snapshot.open("/file", "r+"),
        lambda: snapshot.mkdir("/folder"),
        lambda: snapshot.unlink("/file"),
        lambda: snapshot.rename("/file", "/other"),
        lambda: snapshot.chmod("/file", 0),
        snapshot.snapshot,
    ):
        with pytest.raises(OSError, match="snapshot cannot be changed") as refusal:
            change()
        assert refusal.value.errno == errno.EROFS
    assert snapshot.read("/file") == b"then"


def test_permissions_of_then_hold_in_the_snapshot() -> None:
    fs = MemFS(now=lambda: 0)
    fs.write("/open", b"")
    snapshot = fs.snapshot()
    fs.chmod("/open", 0)
    anna = Credentials(1001, 1001)

    assert snapshot.acting(anna).read("/open") == b""
    with pytest.raises(PermissionError):
        fs.acting(anna).read("/open")


def test_a_closed_snapshot_says_so_and_keeps_nothing() -> None:
    fs = MemFS(now=lambda: 0)
    fs.write("/file", b"then")
    with fs.snapshot() as snapshot:
        snapshot.read("/file")

    with pytest.raises(OSError, match="closed") as refusal:
        snapshot.read("/file")
    assert refusal.value.errno == errno.ESTALE
    assert fs._volume.keeper is None


def test_writing_in_place_leaves_the_snapshot_alone() -> None:
    fs = MemFS(now=lambda: 0)
    handle = fs.open("/file", "w")
    handle.write(b"th")
    handle.write(b"en")
    with fs.snapshot() as snapshot:
        handle.pwrite(b"x", 1)

        assert snapshot.read("/file") == b"then"


def test_taking_a_snapshot_copies_nothing() -> None:
    fs = MemFS(now=lambda: 0, extent_bytes=4096)
    content = bytes(4096)
    fs.write("/file", content)
    with fs.snapshot() as snapshot:
        assert snapshot.read("/file") is content
