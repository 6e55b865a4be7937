"""A mounted file system and the programs that people use on one."""

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bijou.engines.memfs_operations import Operations
from bijou.engines.memfs_spill import FileSpill
from bijou.memfs import ROOT, MemFS
from tests.contract.memfs.mounts import (
    ENVIRONMENT,
    Mounted,
    command,
    is_mounted,
    mounted,
    none_left,
    require_fuse,
)
from tests.unit.memfs.kernel import Kernel
from tests.unit.memfs.operations import EVERYBODY, some_operation

MIB = 1 << 20


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    with mounted(tmp_path_factory.mktemp("shared")) as mount:
        yield mount


@pytest.fixture
def folder(mount: Mounted) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=mount.folder))
    yield folder
    shutil.rmtree(folder)


def sh(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait for another process, by a process that waits."""
    for _ in range(200):
        if condition():
            return True
        subprocess.run(["sleep", "0.02"], check=True)
    return False


def test_files_are_made_copied_listed_moved_and_removed(folder: Path, tmp_path: Path) -> None:
    content = Random(1).randbytes(3 * MIB + 17)
    (tmp_path / "film").write_bytes(content)

    sh(f"mkdir -p a/b && cp {tmp_path}/film a/b/film && cp -a a copy && mv copy/b/film moved", folder)
    sh(f"cat moved > again && cmp again {tmp_path}/film && chmod 640 moved && ln -s moved link", folder)

    assert sh("ls -l moved link | cut -c1-10", folder).split() == ["lrwxrwxrwx", "-rw-r-----"]
    assert sh("ls -A . copy/b; stat -c %s link moved", folder).split("\n")[:-1] == [
        ".:", "a", "again", "copy", "link", "moved", "", "copy/b:", "5", str(len(content)),
    ]  # fmt: skip
    assert (folder / "link").read_bytes() == content
    sh("rm moved link again && rm -r a copy", folder)
    assert os.listdir(folder) == []  # noqa: PTH208 - the system call itself


def test_many_dds_at_once_each_find_what_they_wrote(folder: Path, tmp_path: Path) -> None:
    def dd(number: int) -> bool:
        source = tmp_path / str(number)
        source.write_bytes(Random(number).randbytes(4 * MIB + number))
        size = ("1M", "64K", "4000")[number % 3]
        sh(f"dd if={source} of={number} bs={size} status=none && cmp {source} {number}", folder)
        sh(f"dd if={number} of={number} bs=1000 count=5 seek=9 skip=3000 conv=notrunc status=none", folder)
        with source.open("r+b") as wanted:
            wanted.seek(3_000_000)
            piece = wanted.read(5000)
            wanted.seek(9000)
            wanted.write(piece)
        return (folder / str(number)).read_bytes() == source.read_bytes()

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(dd, range(6)))


def test_every_line_that_is_appended_at_once_is_there(folder: Path) -> None:
    script = "for n in $(seq 50); do echo $1-$n >> log; done"
    writers = [subprocess.Popen(["sh", "-c", script, "sh", str(tag)], cwd=folder) for tag in range(4)]

    assert [writer.wait(20) for writer in writers] == [0] * 4
    lines = (folder / "log").read_text().split()
    assert sorted(lines) == sorted(f"{tag}-{n}" for tag in range(4) for n in range(1, 51))


def test_an_open_file_outlives_its_name_and_its_directory(folder: Path) -> None:
    (folder / "d").mkdir()
    with (folder / "d/f").open("w+b", buffering=0) as file:
        file.write(b"still ")
        (folder / "d/f").unlink()
        assert os.fstat(file.fileno()).st_nlink == 0
        assert os.listdir(folder / "d") == []  # noqa: PTH208 - the system call itself
        (folder / "d").rmdir()
        file.write(b"here and more")
        file.truncate(10)

        assert os.pread(file.fileno(), 100, 0) == b"still here"
    assert os.listdir(folder) == []  # noqa: PTH208 - as above


def test_a_replaced_file_is_read_to_its_end_by_who_has_it_open(folder: Path) -> None:
    (folder / "f").write_text("old")
    (folder / "new").write_text("new")
    with (folder / "f").open() as file:
        (folder / "new").replace(folder / "f")

        assert (file.read(), (folder / "f").read_text()) == ("old", "new")
    assert os.listdir(folder) == ["f"]  # noqa: PTH208 - as above


def test_mv_n_does_not_overwrite(folder: Path) -> None:
    (folder / "one").write_text("1")
    (folder / "two").write_text("2")

    subprocess.run(["mv", "-n", "one", "two"], cwd=folder, check=False, capture_output=True)

    assert ((folder / "one").read_text(), (folder / "two").read_text()) == ("1", "2")


def test_an_exchange_is_refused_and_loses_neither(folder: Path) -> None:
    (folder / "one").write_text("1")
    (folder / "two").write_text("2")
    libc, exchange = ctypes.CDLL(None, use_errno=True), 2
    paths = [os.fsencode(folder / name) for name in ("one", "two")]

    assert libc.renameat2(-100, paths[0], -100, paths[1], exchange) == -1
    assert ctypes.get_errno() == errno.EINVAL
    assert ((folder / "one").read_text(), (folder / "two").read_text()) == ("1", "2")


def test_programs_that_map_files_work(folder: Path) -> None:
    script = (
        "import sqlite3; c = sqlite3.connect('d.db'); c.execute('PRAGMA journal_mode=WAL');"
        "c.execute('CREATE TABLE t (n)');"
        "c.executemany('INSERT INTO t VALUES (?)', [[n] for n in range(999)]);"
        "c.commit(); print(c.execute('SELECT sum(n), (SELECT * FROM pragma_journal_mode) FROM t').fetchone())"
    )

    said = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    assert said.stdout == "(498501, 'wal')\n"


REFUSED: list[tuple[Callable[[Path], object], int]] = [
    (lambda f: os.open(f / "none", os.O_RDONLY), errno.ENOENT),
    (lambda f: os.open(f / "file/x", os.O_RDONLY), errno.ENOTDIR),
    (lambda f: os.open(f / "dir", os.O_WRONLY), errno.EISDIR),
    (lambda f: os.open(f / "file", os.O_CREAT | os.O_EXCL), errno.EEXIST),
    (lambda f: os.open(f / "loop", os.O_RDONLY), errno.ELOOP),
    (lambda f: os.open(f / ("n" * 256), os.O_RDONLY), errno.ENAMETOOLONG),
    (lambda f: (f / "dir").mkdir(), errno.EEXIST),
    (lambda f: (f / "dir").rmdir(), errno.ENOTEMPTY),
    (lambda f: (f / "dir").rename(f / "dir/sub/in"), errno.EINVAL),
    (lambda f: (f / "file").rename(f / "dir"), errno.EISDIR),
    (lambda f: os.link(f / "file", f / "hard"), errno.EPERM),
    (lambda f: os.mkfifo(f / "pipe"), errno.EPERM),
    (lambda f: os.truncate(f / "file", 2**63 - 1), 0),
    (lambda f: os.setxattr(f / "file", "user.x", b""), errno.ENOTSUP),
]


@pytest.mark.parametrize(("work", "code"), REFUSED)
def test_errors_have_the_errno_that_linux_gives(
    folder: Path, work: Callable[[Path], object], code: int
) -> None:
    (folder / "file").touch()
    (folder / "dir/sub").mkdir(parents=True)
    (folder / "loop").symlink_to("loop")

    if not code:
        work(folder)
        return
    with pytest.raises(OSError, match=r".") as refused:
        work(folder)
    assert refused.value.errno == code


def test_random_operations_of_many_users_give_the_results_and_errnos_of_tmpfs(folder: Path) -> None:
    folder.chmod(0o755)
    chance, seen = Random(7), 0
    with Kernel() as tmpfs, Kernel(above=folder) as ours:
        for _ in range(3):
            for each in (tmpfs, ours):
                each.reset()
                each.perform(tmpfs.owner, ("chmod", "/", 0o777))
            for _ in range(500):
                operation, who = some_operation(chance.choice), chance.choice(tmpfs.people)
                if tmpfs.is_fair(operation):
                    expected = tmpfs.comparable(operation, tmpfs.perform(who, operation))
                    assert ours.comparable(operation, ours.perform(who, operation)) == expected, operation
                    seen += 1
    assert seen > 1000 or len(tmpfs.people) < len(EVERYBODY)


def test_times_are_kept_to_the_microsecond_and_touch_sets_them(folder: Path) -> None:
    (folder / "f").touch()
    os.utime(folder / "f", ns=(1_000_000_001_000, 1_700_000_000_123_456_000))
    assert sh("stat -c %Y.%X f && touch -m f && stat -c %X f", folder).split() == [
        "1700000000.1000", "1000",
    ]  # fmt: skip
    assert (folder / "f").stat().st_mtime > 1_700_000_001


def test_df_tells_the_budget_and_a_full_one_is_no_space(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    with mounted(folder, "--budget", "4MiB"):
        assert sh("df --output=size,used,avail -k . | tail -1", folder).split() == ["4096", "0", "4096"]

        full = subprocess.run(
            ["dd", "if=/dev/zero", "of=big", "bs=1M", "count=9"], cwd=folder, env=ENVIRONMENT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert "No space left on device" in full.stderr
        assert sh("df --output=used,avail -k . | tail -1", folder).split() == ["4096", "0"]
        sh("rm big && dd if=/dev/zero of=again bs=1M count=4 status=none", folder)


def test_a_spill_on_a_disk_that_is_full_is_no_space_there_too(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "--budget", "2MiB"), FileSpill(disk) as spill:
        assert spill.room_bytes == 2 * MIB
        assert os.listdir(disk) == []  # noqa: PTH208 - the system call itself
        kept = [spill.store(bytes([n]) * (MIB // 2)) for n in range(4)]

        with pytest.raises(OSError, match="no room for 4096 bytes more of the spill") as refused:
            spill.store(bytes(4096))
        assert refused.value.errno == errno.ENOSPC
        assert [spill.load(token)[0] for token in kept] == [0, 1, 2, 3]


def test_what_does_not_fit_goes_to_the_spill_and_comes_back(tmp_path: Path) -> None:
    folder, cold, content = tmp_path / "m", tmp_path / "cold", Random(3).randbytes(12 * MIB)
    folder.mkdir()
    cold.mkdir()
    with mounted(folder, "--budget", "2MiB", "--spill", str(cold)):
        (folder / "big").write_bytes(content)

        assert (folder / "big").read_bytes() == content
        assert list(cold.iterdir()) == []
        assert int(sh("df --output=used -k . | tail -1", folder)) == 12 * 1024


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_unmounts_and_says_so(tmp_path: Path, sign: signal.Signals) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    with mounted(folder) as mount:
        assert mount.answer == str(folder)
        assert is_mounted(folder)

        said = mount.end(sign)

    assert (mount.process.returncode, is_mounted(folder)) == (0, False)
    assert said.splitlines()[-1].split() == ["unmounted", str(folder)]


def test_after_kill_9_the_mount_goes_away_and_a_fresh_one_works(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    with mounted(folder) as mount:
        (folder / "f").touch()
        mount.process.kill()
        mount.process.communicate(timeout=20)
        assert eventually(lambda: not is_mounted(folder))

    with mounted(folder):
        assert os.listdir(folder) == []  # noqa: PTH208 - the system call itself


def test_a_dead_mount_that_nobody_took_away_is_no_obstacle(tmp_path: Path) -> None:
    folder, bare = tmp_path / "m", tmp_path / "no-tools"
    folder.mkdir()
    bare.mkdir()
    require_fuse()
    if os.geteuid():
        pytest.skip("without fusermount3 only the superuser can mount, so none can be left behind")
    with none_left(folder):
        child = subprocess.Popen(
            command(str(folder), "--foreground"),
            env={**ENVIRONMENT, "PATH": str(bare)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with child:
            assert child.stdout is not None
            child.stdout.readline()
            child.kill()
        with pytest.raises(OSError, match="not connected"):
            os.listdir(folder)  # noqa: PTH208 - the system call itself

        with mounted(folder):
            (folder / "f").touch()


def test_without_foreground_it_answers_once_it_is_mounted(tmp_path: Path) -> None:
    require_fuse()
    folder = tmp_path / "m"
    folder.mkdir()

    with none_left(folder):
        done = subprocess.run(
            command(str(folder)), env=ENVIRONMENT, capture_output=True, text=True, check=True
        )

        assert (done.stdout, is_mounted(folder)) == (f"{folder}\n", True)
        assert f"fusermount3 -u {folder}" in done.stderr
        (folder / "f").touch()
        subprocess.run(["fusermount3", "-u", str(folder)], check=True)
        assert eventually(lambda: not is_mounted(folder))


@pytest.mark.parametrize(
    ("prepare", "status", "sentence"),
    [
        (
            lambda m: [str(m / "none")],
            1,
            "none is not a folder; a mount needs one that is there (memfs.no_fol",
        ),
        (lambda m: [str(m)], 1, "is not empty; a mount would hide what is in it (memfs.no_folder)"),
        (lambda m: [str(m / "d"), "--spill", "/none"], 1, "/none cannot take a spill: No such file"),
        (lambda m: [str(m / "d"), "--budget", "5 kg"], 2, "'5 kg' is no size; write it as 512MiB"),
        (lambda m: [str(m / "d"), "--budget", "0GiB"], 2, "'0GiB' holds nothing; a budget is 1 byte or more"),
    ],
)
def test_what_cannot_be_mounted_is_one_sentence(
    tmp_path: Path, prepare: Callable[[Path], list[str]], status: int, sentence: str
) -> None:
    require_fuse()
    (tmp_path / "d").mkdir()
    for more in ([], ["--foreground"]):
        done = subprocess.run(
            command(*prepare(tmp_path), *more), env=ENVIRONMENT, capture_output=True, text=True, check=False
        )

        assert (done.returncode, done.stdout) == (status, "")
        assert sentence in done.stderr


@pytest.mark.parametrize(
    ("lacks", "sentence"),
    [
        ("m._DEVICE = m.Path('/dev/none')", "/dev/none cannot be opened (No such file or directory)"),
        ("import sys; sys.modules['mfusepy'] = None", "mounting needs mfusepy; pip install bijou[fs]"),
        ("import os; os.environ['FUSE_LIBRARY_NAME'] = 'none'", "libfuse 3 was not found; install it"),
    ],
)
def test_where_fuse_is_missing_a_sentence_says_so(tmp_path: Path, lacks: str, sentence: str) -> None:
    if "/dev/none" in sentence:
        require_fuse()  # the driver is looked for first
    script = f"import bijou.engines.memfs_fuse as m; {lacks}; import bijou.cli as c; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "fs", "mount", str(tmp_path)], env=ENVIRONMENT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


class Info:
    def __init__(self, flags: int) -> None:
        self.fh, self.flags = 0, flags


def test_appends_through_the_kernel_and_from_python_never_overwrite_each_other() -> None:
    fs = MemFS(now=lambda: 0)
    operations = Operations(fs, caller=lambda: ROOT, now=lambda: 0)
    info: Any = Info(os.O_WRONLY | os.O_APPEND)
    operations.create("/log", 0o644, info)
    operations.write("/log", b"kernel ", 0, info)
    fs.append("/log", b"python ")

    operations.write("/log", b"kernel", 7, info)  # it does not know of the append

    assert fs.read("/log") == b"kernel python kernel"
    info.flags = os.O_WRONLY
    operations.write("/log", b"K", 0, info)
    assert fs.read("/log")[:1] == b"K"


def test_create_opens_what_python_was_quicker_to_make_unless_it_must_be_new() -> None:
    fs = MemFS(now=lambda: 0)
    operations = Operations(fs, caller=lambda: ROOT, now=lambda: 0)
    fs.write("/f", b"first")
    info: Any = Info(os.O_RDWR)
    operations.create("/f", 0o600, info)

    assert operations.read("/f", 100, 0, info) == b"first"
    info.flags |= os.O_EXCL
    with pytest.raises(FileExistsError):
        operations.create("/f", 0o600, info)


def test_a_snapshot_is_read_only() -> None:
    fs = MemFS(now=lambda: 0)
    fs.write("/f", b"then")
    operations = Operations(fs.snapshot(), caller=lambda: ROOT, now=lambda: 0)
    fs.write("/f", b"now")
    info: Any = Info(os.O_RDONLY)
    operations.open("/f", info)

    assert operations.read("/f", 9, 0, info) == b"then"
    writing: Any = Info(os.O_RDWR)
    tries: list[Callable[[], None]] = [
        lambda: operations.unlink("/f"),
        lambda: operations.open("/f", writing),
    ]
    for work in tries:
        with pytest.raises(OSError, match="snapshot") as refused:
            work()
        assert refused.value.errno == errno.EROFS
