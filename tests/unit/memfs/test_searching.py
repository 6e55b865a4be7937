"""Walk and glob beside Python's own on a real folder."""

import errno
import glob
import os
from pathlib import Path

import pytest

from bijou.memfs import Credentials, MemFS

FILES = [
    "a/b/c.m4s",
    "a/b/d.m4s",
    "a/.hidden",
    "a/init.mp4",
    "e/f/g/h.m4s",
    "e/[x].mp4",
    ".dot/i.m4s",
    "top.mp4",
]
PATTERNS = [
    "/*",
    "/*.mp4",
    "/a/*",
    "/*/*",
    "/a/b/?.m4s",
    "/a/b/[cx].m4s",
    "/a/b/[!c].m4s",
    "/**",
    "/**/*.m4s",
    "/a/**",
    "/**/b/*",
    "/.*",
    "/a/.*",
    "/e/[[]x].mp4",
    "/missing/*",
    "/top.mp4/*",
    "/a/b/c.m4s",
    "/**/f/**/*.m4s",
    "/empty/*",
]


def inside(folder: Path, path: str) -> str:
    relative = os.path.relpath(path, folder)
    return "/" if relative == "." else f"/{relative}"


@pytest.fixture
def both(tmp_path: Path) -> tuple[MemFS, Path]:
    fs = MemFS(now=lambda: 0)
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"")
        fs.makedirs(f"/{file}".rpartition("/")[0] or "/")
        fs.write(f"/{file}", b"")
    (tmp_path / "empty").mkdir()
    fs.mkdir("/empty")
    return fs, tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_glob_finds_what_pythons_glob_finds(both: tuple[MemFS, Path], pattern: str) -> None:
    fs, folder = both
    expected = {inside(folder, found) for found in glob.glob(f"{folder}{pattern}", recursive=True)}  # noqa: PTH207 - the peer itself

    found = list(fs.glob(pattern))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_walk_yields_what_pythons_walk_yields(both: tuple[MemFS, Path]) -> None:
    fs, folder = both
    expected = {
        inside(folder, path): (sorted(directories), sorted(files))
        for path, directories, files in os.walk(folder)
    }

    assert {path: (directories, files) for path, directories, files in fs.walk("/")} == expected


def test_walk_leaves_out_what_the_caller_takes_from_the_list(both: tuple[MemFS, Path]) -> None:
    fs, _ = both
    seen = []
    for path, directories, _files in fs.walk("/"):
        seen.append(path)
        directories[:] = [name for name in directories if name != "e"]

    assert seen == ["/", "/.dot", "/a", "/a/b", "/empty"]


def test_walk_passes_over_what_is_closed_to_the_user(both: tuple[MemFS, Path]) -> None:
    fs, _ = both
    fs.chmod("/a", 0o700)

    assert "/a" not in [path for path, _, _ in fs.acting(Credentials(5, 5)).walk("/")]


def test_links_are_listed_and_not_walked_into(both: tuple[MemFS, Path]) -> None:
    fs, _ = both
    fs.symlink("/a", "/a/loop")

    assert [path for path, _, _ in fs.walk("/a")] == ["/a", "/a/b"]
    assert "/a/loop" in fs.glob("/a/*")


def test_glob_yields_a_directory_before_what_is_below_it(both: tuple[MemFS, Path]) -> None:
    fs, _ = both

    assert list(fs.glob("/a/**")) == ["/a", "/a/b", "/a/b/c.m4s", "/a/b/d.m4s", "/a/init.mp4"]


def test_a_very_deep_tree_is_made_walked_and_removed() -> None:
    fs = MemFS(now=lambda: 0)
    deep = "/d" * 1200  # more than Python's stack is
    fs.makedirs(deep)
    with fs.snapshot() as snapshot:
        assert len(list(snapshot.walk("/"))) == 1201

    assert list(fs.glob("/**/d"))[-1] == deep
    fs.rmtree("/d")
    assert fs.listdir("/") == []


def test_rmtree_removes_links_and_not_what_they_point_to(both: tuple[MemFS, Path]) -> None:
    fs, _ = both
    fs.symlink("/a", "/e/link")
    fs.rmtree("/e")
    fs.symlink("/a", "/link")

    with pytest.raises(NotADirectoryError):
        fs.rmtree("/link")
    assert fs.exists("/a/b/c.m4s")
    assert not fs.exists("/e")


@pytest.mark.parametrize(
    ("pattern", "code"), [("", errno.ENOENT), ("*", errno.EINVAL), ("a/*", errno.EINVAL)]
)
def test_a_pattern_begins_at_the_root_as_every_path(
    both: tuple[MemFS, Path], pattern: str, code: int
) -> None:
    with pytest.raises(OSError, match="path") as caught:
        both[0].glob(pattern)

    assert caught.value.errno == code
