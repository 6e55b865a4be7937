"""`bijou-mem://` beside fsspec's own suite, its known peers' bugs, and the libraries that use it."""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet
import pytest
from fsspec.tests import abstract

from bijou.engines.memfs_fsspec import MemFileSystem, register, shared_tree
from bijou.memfs import EXTENT_BYTES, MemFS

TABLE = {"title": ["Sintel", "Tears of Steel"], "seconds": [888, 734]}


@pytest.fixture
def files() -> MemFileSystem:
    return MemFileSystem(fs=MemFS(now=lambda: 1_700_000_000_000_000))


@pytest.fixture
def volume(request: pytest.FixtureRequest) -> Iterator[str]:
    register()
    name = request.node.name
    yield name
    tree = shared_tree(name)
    for each in tree.listdir("/"):
        tree.rmtree(f"/{each}") if tree.is_dir(f"/{each}") else tree.unlink(f"/{each}")


class Fixtures(abstract.AbstractFixtures):  # type: ignore[misc] # fsspec has no types
    @pytest.fixture
    def fs(self) -> MemFileSystem:
        return MemFileSystem(fs=MemFS(now=lambda: 0))

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def fs_path(self) -> str:
        return "/data"


class TestCopy(abstract.AbstractCopyTests, Fixtures):  # type: ignore[misc] # as above
    pass


class TestGet(abstract.AbstractGetTests, Fixtures):  # type: ignore[misc] # as above
    pass


class TestPut(abstract.AbstractPutTests, Fixtures):  # type: ignore[misc] # as above
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):  # type: ignore[misc] # as above
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):  # type: ignore[misc] # as above
    pass


def test_two_handles_on_one_file_have_two_positions(files: MemFileSystem) -> None:
    files.pipe_file("/f", b"0123456789")

    with files.open("/f") as one, files.open("/f") as other:
        assert (one.read(4), other.read(2), one.read(2), other.read(2)) == (b"0123", b"01", b"45", b"23")


def test_a_folder_cannot_move_into_itself_and_nothing_is_lost(files: MemFileSystem) -> None:
    files.pipe_file("/a/b/f", b"kept")

    with pytest.raises(OSError, match="into itself"):
        files.mv("/a", "/a/b/z", recursive=True)
    assert files.cat_file("/a/b/f") == b"kept"


def test_a_path_is_not_a_file_and_a_folder_at_once(files: MemFileSystem) -> None:
    files.pipe_file("/a", b"")

    with pytest.raises(NotADirectoryError):
        files.pipe_file("/a/b", b"")
    with pytest.raises(FileExistsError):
        files.mkdir("/a")


def test_a_move_is_one_step_and_goes_into_a_folder_that_is_there(files: MemFileSystem) -> None:
    files.pipe({"/a/f": b"1", "/a/g": b"2", "/into/x": b""})

    files.mv("/a", "/into", recursive=True)
    files.mv("/into/a/f", "/new/f")
    files.mv("/into/a/*", "/globbed/")

    assert files.find("/") == ["/globbed/g", "/into/x", "/new/f"]


def test_a_copy_shares_whole_extents(files: MemFileSystem) -> None:
    extent = bytes(range(256)) * (EXTENT_BYTES // 256)
    files.pipe_file("/one", extent + b"tail")
    files.cp_file("/one", "/two")

    assert files.cat_file("/two") == extent + b"tail"
    with files.fs.open("/one") as one, files.fs.open("/two") as two:
        assert one.pread(EXTENT_BYTES, 0) is two.pread(EXTENT_BYTES, 0)


def test_a_copy_onto_itself_by_any_name_keeps_the_file(files: MemFileSystem) -> None:
    files.pipe({"/q": b"precious", "/a/f": b"1", "/a/g": b"2"})
    files.fs.symlink("/q", "/link")
    for source, target in (("/q", "/q"), ("/link", "/q"), ("/q", "/link"), ("/a/*", "/a/"), ("/a/f", "/a")):
        files.cp(source, target)

    assert files.cat(["/q", "/link", "/a/f", "/a/g"]) == {
        "/q": b"precious", "/link": b"precious", "/a/f": b"1", "/a/g": b"2",
    }  # fmt: skip


def test_a_copy_over_a_longer_file_leaves_nothing_of_it(files: MemFileSystem) -> None:
    files.pipe({"/short": b"new", "/long": b"much longer"})
    files.cp("/short", "/long")

    assert files.cat("/long") == b"new"


def test_a_move_of_many_onto_themselves_keeps_them(files: MemFileSystem) -> None:
    files.pipe({"/a/f": b"1", "/a/g": b"2", "/a/deep/h": b"3"})
    files.mv("/a/*", "/a/")
    files.mv(["/a/f", "/a/g"], ["/a/f", "/a/new"])
    files.mv("/a/*", "/a", recursive=True)
    files.mv("/a/*", "/a/*", recursive=True)

    assert files.find("/") == ["/a/deep/h", "/a/f", "/a/new"]
    assert files.cat(["/a/f", "/a/new", "/a/deep/h"]) == {"/a/f": b"1", "/a/new": b"2", "/a/deep/h": b"3"}


def test_many_are_moved_with_what_is_in_them_and_links_as_themselves(files: MemFileSystem) -> None:
    files.pipe({"/a/d/e/f": b"1", "/a/g": b"2", "/b/h": b"3", "/into/d/there": b"4", "/c/i": b"5"})
    files.fs.symlink("/c", "/a/link")
    files.mv("bijou-mem://a/*", "bijou-mem://into/", recursive=True)
    files.mv(["/b/h", "bijou-mem://into/g"], ["/h", "bijou-mem://g"])

    assert files.find("/into") == ["/into/d/e/f", "/into/d/there", "/into/link"]
    assert files.ls("/", detail=False) == ["/a", "/b", "/c", "/g", "/h", "/into"]
    assert files.ls("/a") == files.ls("/b") == []
    assert (files.fs.readlink("/into/link"), files.cat("/c/i")) == ("/c", b"5")


@pytest.mark.parametrize(("start", "end"), [(None, None), (2, 5), (-3, None), (0, -3), (8, 100), (5, 2)])
def test_a_part_is_the_slice(files: MemFileSystem, start: int | None, end: int | None) -> None:
    files.pipe_file("/f", b"0123456789")

    assert files.cat_file("/f", start, end) == b"0123456789"[start:end]


def test_a_transaction_shows_its_files_at_its_end_or_never(files: MemFileSystem) -> None:
    files.pipe_file("/f", b"old")
    with files.transaction:
        with files.open("/f", "wb") as file:
            file.write(b"new")
        assert files.cat_file("/f") == b"old"
    assert files.cat_file("/f") == b"new"

    def fails_in_the_middle() -> None:
        with files.transaction, files.open("/f", "ab") as file:
            file.write(b"er")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_in_the_middle()
    assert (files.cat_file("/f"), files.ls("/", detail=False)) == (b"new", ["/f"])


def test_every_way_to_open_does_what_pythons_own_does(files: MemFileSystem, tmp_path: Path) -> None:
    for number, mode in enumerate(("wb", "ab", "r+b", "w+b", "a+b")):
        name = f"f{number}"
        (tmp_path / name).write_bytes(b"0123456789")
        files.pipe_file(f"/{name}", b"0123456789")
        for opened in ((tmp_path / name).open(mode), files.open(f"/{name}", mode)):
            with opened as file:
                file.write(b"abc")

        assert files.cat_file(f"/{name}") == (tmp_path / name).read_bytes(), mode


def test_text_lines_and_blocks_are_read(files: MemFileSystem, tmp_path: Path) -> None:
    with files.open("/f", "w", encoding="utf-8") as file:
        file.write("ä\nb\nc\n")

    with files.open("/f", "r", encoding="utf-8") as file:
        assert list(file) == ["ä\n", "b\n", "c\n"]
    files.get("/f", str(tmp_path / "f"))
    local = fsspec.filesystem("file")
    for offset in range(8):
        wanted = local.read_block(str(tmp_path / "f"), offset, 2, delimiter=b"\n")
        assert files.read_block("/f", offset, 2, delimiter=b"\n") == wanted


def test_without_auto_mkdir_a_missing_folder_is_an_error() -> None:
    files = MemFileSystem(fs=MemFS(now=lambda: 0), auto_mkdir=False)

    for work in (lambda: files.pipe_file("/a/f", b""), lambda: files.open("/a/f", "wb")):
        with pytest.raises(FileNotFoundError):
            work()


def test_links_are_followed_by_info_and_not_by_find(files: MemFileSystem) -> None:
    files.pipe_file("/a/f", b"123")
    files.fs.symlink("/a", "/a/loop")
    files.fs.symlink("/a/f", "/link")

    assert (files.info("/link")["type"], files.info("/link")["islink"]) == ("file", True)
    assert files.find("/a") == ["/a/f", "/a/loop"]
    files.rm("/a", recursive=True)
    assert files.ls("/", detail=False) == ["/link"]


def test_times_are_those_of_the_tree(files: MemFileSystem) -> None:
    files.touch("/f")

    assert files.modified("/f").isoformat() == "2023-11-14T22:13:20+00:00"
    files.touch("/f", truncate=False)
    assert files.modified("/f").year > 2023


def test_a_volume_is_one_tree_for_all_threads_and_after_pickling(volume: str) -> None:
    def write() -> None:
        fsspec.filesystem("bijou-mem", volume=volume).pipe_file("/from/a/thread", b"x")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    here = fsspec.filesystem("bijou-mem", volume=volume)

    assert here.cat_file("/from/a/thread") == b"x"
    assert pickle.loads(pickle.dumps(here)).fs is here.fs
    assert not MemFileSystem(volume=f"{volume} other").exists("/from")


def test_fsspec_finds_the_file_system_by_its_scheme_alone() -> None:
    (point,) = entry_points(group="fsspec.specs", name="bijou-mem")

    assert point.load() is MemFileSystem


def test_without_fsspec_a_sentence_says_what_to_install() -> None:
    code = "import sys; sys.modules['fsspec'] = None; import bijou.engines.memfs_fsspec"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr

    assert "bijou-mem:// needs fsspec; pip install bijou[fs]" in said


def test_pandas_reads_and_writes_by_address(volume: str) -> None:
    options: Any = {"volume": volume}
    frame = pd.DataFrame(TABLE)
    frame.to_parquet("bijou-mem://films/all.parquet", storage_options=options)
    frame.to_csv("bijou-mem://films/all.csv", index=False, storage_options=options)

    for found in (
        pd.read_parquet("bijou-mem://films/all.parquet", storage_options=options),
        pd.read_csv("bijou-mem://films/all.csv", storage_options=options),
    ):
        pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_polars_reads_and_writes(volume: str) -> None:
    files = fsspec.filesystem("bijou-mem", volume=volume)
    frame = pl.DataFrame(TABLE)
    files.mkdir("/films")
    with files.open("/films/all.parquet", "wb") as file:
        frame.write_parquet(file)
    with files.open("/films/all.csv", "wb") as file:
        frame.write_csv(file)

    with files.open("/films/all.parquet") as parquet, files.open("/films/all.csv") as csv:
        assert pl.read_parquet(parquet).equals(frame)
        assert pl.read_csv(csv).equals(frame)


def test_pyarrow_reads_and_writes_a_partitioned_dataset(files: MemFileSystem) -> None:
    table = pa.table(TABLE)
    arrow_files = pa.fs.PyFileSystem(pa.fs.FSSpecHandler(files))
    pa.parquet.write_table(table, "/all.parquet", filesystem=arrow_files)
    pa.dataset.write_dataset(
        table, "/parts", format="parquet", partitioning=["title"], filesystem=arrow_files
    )

    assert pa.parquet.read_table("/all.parquet", filesystem=files).equals(table)
    parts = pa.dataset.dataset("/parts", partitioning=["title"], filesystem=files)
    assert sorted(parts.to_table()["seconds"].to_pylist()) == [734, 888]


def test_duckdb_reads_and_writes_by_address(files: MemFileSystem) -> None:
    with duckdb.connect() as database:
        database.register_filesystem(files)
        database.execute(
            "COPY (SELECT range AS n, range % 7 AS k FROM range(10000)) TO 'bijou-mem:///n.parquet'"
        )
        database.execute("COPY (SELECT 1 AS one) TO 'bijou-mem:///one.csv' (HEADER)")

        assert database.execute("SELECT sum(n) FROM 'bijou-mem:///n.parquet' WHERE k = 3").fetchall() == [
            (sum(range(3, 10000, 7)),)
        ]
        assert database.execute("SELECT * FROM read_csv('bijou-mem:///*.csv')").fetchall() == [(1,)]
