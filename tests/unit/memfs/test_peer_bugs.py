"""What other in-memory file systems got wrong, and this one must not."""

import io
import threading
import zipfile

import pytest

from bijou.memfs import MemFS
from tests.unit.algorithms.linearizability import switching_often


@pytest.fixture
def fs() -> MemFS:
    return MemFS(now=lambda: 0)


def test_two_handles_have_two_positions(fs: MemFS) -> None:
    """In fsspec's memory file system, and in afero (#54), every open shared one position."""
    fs.write("/film", b"0123456789")
    one, other = fs.open("/film"), fs.open("/film")

    assert [one.read(4), other.read(2), one.read(4)] == [b"0123", b"01", b"4567"]


def test_a_directory_does_not_vanish_into_itself(fs: MemFS) -> None:
    """fsspec's mv and PyFilesystem2's movedir destroyed the tree, silently."""
    fs.makedirs("/a/b")
    fs.write("/a/film", b"kept")

    for new in ("/a/b/z", "/a/b", "/a/z"):
        with pytest.raises(OSError, match="Errno"):
            fs.rename("/a", new)
    assert fs.read("/a/film") == b"kept"


def test_a_path_is_a_file_or_a_directory_never_both(fs: MemFS) -> None:
    """In fsspec's memory file system a file may lie below a file."""
    fs.write("/a", b"")

    with pytest.raises(NotADirectoryError):
        fs.write("/a/b", b"")
    with pytest.raises(FileExistsError):
        fs.mkdir("/a")


def test_concurrent_appends_are_all_kept(fs: MemFS) -> None:
    """pyfakefs lost a third of 3,200."""

    def append() -> None:
        for _ in range(200):
            with fs.open("/log", "a") as handle:
                handle.write(b"x")

    threads = [threading.Thread(target=append) for _ in range(8)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert fs.stat("/log").size_bytes == 1600


def test_two_file_systems_share_nothing(fs: MemFS) -> None:
    """fsspec's memory stores were one for the whole process (#1904)."""
    fs.write("/film", b"")

    assert not MemFS(now=lambda: 0).exists("/film")


def test_appending_costs_what_is_appended_not_what_is_there(fs: MemFS) -> None:
    """pyfakefs copies the whole file with each append."""
    fs.write("/long", bytes(3 * 2**18))
    before = fs.open("/long").views()
    fs.append("/long", b"x")
    after = fs.open("/long").views()

    assert len(before) == 3
    assert all(one.obj is other.obj for one, other in zip(before, after, strict=False))


def test_a_name_is_found_without_looking_at_other_names(fs: MemFS) -> None:
    """fsspec's memory file system looks at every file for one stat (PR #2055)."""
    for number in range(200):
        fs.write(f"/{number}", b"")
    looked: list[str] = []

    class Counting(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            looked.append(name)
            return super().get(name, default)

        def __iter__(self) -> object:  # type: ignore[override]
            raise AssertionError("stat went through all names")

    fs._volume.root.children = Counting(fs._volume.root.children)  # type: ignore[assignment]
    fs.stat("/7")

    assert set(looked) == {"7"}


def test_libraries_take_a_handle_for_a_file(fs: MemFS) -> None:
    with zipfile.ZipFile(fs.open("/archive.zip", "w+"), "w") as archive:
        archive.writestr("film", b"x" * 1000)
    with zipfile.ZipFile(fs.open("/archive.zip")) as archive:
        assert archive.read("film") == b"x" * 1000
    with io.TextIOWrapper(io.BufferedWriter(fs.open("/text", "w")), encoding="utf-8") as text:
        text.write("one\ntwo\n")

    assert list(io.TextIOWrapper(io.BufferedReader(fs.open("/text")), encoding="utf-8")) == ["one\n", "two\n"]
    with fs.open("/text") as raw:
        buffer = bytearray(3)
        assert raw.readinto(buffer) == 3
        assert (bytes(buffer), raw.readall(), raw.tell()) == (b"one", b"\ntwo\n", 8)
    with pytest.raises(ValueError, match="closed"):
        raw.read()
    with pytest.raises(io.UnsupportedOperation):
        fs.open("/text").write(b"")
