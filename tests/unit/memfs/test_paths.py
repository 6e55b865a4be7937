"""Every invalid path has its errno."""

import errno
from collections.abc import Callable

import pytest

from bijou.memfs import MemFS


@pytest.fixture
def fs() -> MemFS:
    fs = MemFS(now=lambda: 0)
    fs.makedirs("/dir/deep")
    fs.write("/file", b"content")
    fs.symlink("/loop", "/loop")
    for number in range(41):
        fs.symlink(f"/link{number + 1}" if number < 40 else "/file", f"/link{number}")
    return fs


INVALID: list[tuple[Callable[[MemFS], object], int]] = [
    (lambda fs: fs.stat(""), errno.ENOENT),
    (lambda fs: fs.mkdir(""), errno.ENOENT),
    (lambda fs: fs.stat("file"), errno.EINVAL),
    (lambda fs: fs.stat("./file"), errno.EINVAL),
    (lambda fs: fs.stat("/fi\0le"), errno.EINVAL),
    (lambda fs: fs.symlink("fi\0le", "/new"), errno.EINVAL),
    (lambda fs: fs.symlink("", "/new"), errno.ENOENT),
    (lambda fs: fs.stat("/missing"), errno.ENOENT),
    (lambda fs: fs.write("/missing/new", b""), errno.ENOENT),
    (lambda fs: fs.stat("/" + "n" * 256), errno.ENAMETOOLONG),
    (lambda fs: fs.mkdir("/" + "é" * 128), errno.ENAMETOOLONG),
    (lambda fs: fs.stat("/." * 2048), errno.ENAMETOOLONG),
    (lambda fs: fs.symlink("x" * 4096, "/new"), errno.ENAMETOOLONG),
    (lambda fs: fs.stat("/file/below"), errno.ENOTDIR),
    (lambda fs: fs.stat("/file/"), errno.ENOTDIR),
    (lambda fs: fs.stat("/file/.."), errno.ENOTDIR),
    (lambda fs: fs.listdir("/file"), errno.ENOTDIR),
    (lambda fs: fs.rmdir("/file"), errno.ENOTDIR),
    (lambda fs: fs.rename("/dir", "/file"), errno.ENOTDIR),
    (lambda fs: fs.read("/dir"), errno.EISDIR),
    (lambda fs: fs.write("/dir", b""), errno.EISDIR),
    (lambda fs: fs.write("/new/", b""), errno.EISDIR),
    (lambda fs: fs.unlink("/dir"), errno.EISDIR),
    (lambda fs: fs.truncate("/dir", 0), errno.EISDIR),
    (lambda fs: fs.rename("/file", "/dir"), errno.EISDIR),
    (lambda fs: fs.stat("/loop"), errno.ELOOP),
    (lambda fs: fs.read("/loop/file"), errno.ELOOP),
    (lambda fs: fs.read("/link0"), errno.ELOOP),
    (lambda fs: fs.rename("/dir", "/dir/deep/new"), errno.EINVAL),
    (lambda fs: fs.rename("/dir/deep", "/dir"), errno.ENOTEMPTY),
    (lambda fs: fs.rename("/", "/new"), errno.EBUSY),
    (lambda fs: fs.rename("/file", "/dir/.."), errno.EBUSY),
    (lambda fs: fs.rename("/file", "/dir/.", replace=False), errno.EEXIST),
    (lambda fs: fs.rmdir("/"), errno.EBUSY),
    (lambda fs: fs.rmdir("/dir/."), errno.EINVAL),
    (lambda fs: fs.rmdir("/dir"), errno.ENOTEMPTY),
    (lambda fs: fs.mkdir("/"), errno.EEXIST),
    (lambda fs: fs.mkdir("/dir/.."), errno.EEXIST),
    (lambda fs: fs.open("/file", "x"), errno.EEXIST),
    (lambda fs: fs.makedirs("/file"), errno.EEXIST),
    (lambda fs: fs.makedirs("/dir", exist_ok=False), errno.EEXIST),
    (lambda fs: fs.makedirs("/file/below"), errno.ENOTDIR),
    (lambda fs: fs.readlink("/file"), errno.EINVAL),
    (lambda fs: fs.truncate("/file", -1), errno.EINVAL),
    (lambda fs: fs.read("/file", -1), errno.EINVAL),
]


@pytest.mark.parametrize(("call", "code"), INVALID)
def test_an_invalid_path_raises_its_errno_and_changes_nothing(
    fs: MemFS, call: Callable[[MemFS], object], code: int
) -> None:
    before = list(fs.walk("/"))

    with pytest.raises(OSError, match=r"\[Errno") as refusal:
        call(fs)
    assert refusal.value.errno == code
    assert list(fs.walk("/")) == before


def test_dots_above_the_root_stay_at_the_root(fs: MemFS) -> None:
    assert fs.read("/../../dir/../file") == b"content"
    assert fs.stat("/..").ino == fs.stat("/").ino


def test_forty_links_are_followed_and_no_more(fs: MemFS) -> None:
    assert fs.read("/link1") == b"content"


def test_a_path_must_be_text(fs: MemFS) -> None:
    with pytest.raises(TypeError, match="begins with /"):
        fs.stat(b"/file")  # type: ignore[arg-type]


def test_a_way_to_open_that_is_none_is_refused(fs: MemFS) -> None:
    with pytest.raises(ValueError, match="no way to open"):
        fs.open("/file", "rw")


def test_names_may_hold_anything_but_slash_and_nul(fs: MemFS) -> None:
    for name in ("\n", "ü", "日本", "\udcff", "a b", "~", "\\", "*"):
        fs.write(f"/dir/{name}", b"x")

    assert len(fs.listdir("/dir")) == 9
